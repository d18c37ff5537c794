"""JSON behind what containers' runtimes write: which files are read so, and how it is asked for."""

from __future__ import annotations

import pytest

from fanlight import Query
from fanlight.parsers import detect, named
from fanlight.parsers.parser import LineParser

PLAIN = b"2026-01-31T23:59:59.6Z stdout F it goes on"
OBJECT = b'2026-01-31T23:59:59.7Z stderr F {"level":"error","http":{"status":500},"msg":"it broke"}'


@pytest.mark.parametrize(
    ("objects", "name"), [(0, "cri"), (1, "cri"), (3, "cri-json"), (15, "cri-json"), (20, "cri-json")]
)
def test_a_file_is_read_so_when_enough_of_its_lines_hold_an_object(objects: int, name: str) -> None:
    found, sure = detect([PLAIN] * (20 - objects) + [OBJECT] * objects)
    assert (found.name, sure > 0.9) == (name, True)


def test_braces_alone_are_no_object() -> None:
    assert detect([PLAIN + b" {not JSON}"] * 9 + [PLAIN.replace(b"it", b"{it")] * 9)[0].name == "cri"


def test_lines_without_an_object_are_read_as_before() -> None:
    parser = LineParser(named("cri-json", "UTC"))
    events = [*parser.parse(PLAIN), *parser.parse(OBJECT)]
    assert [event.value("message") for event in events] == ["it goes on", "it broke"]
    assert [Query("http.status:5xx level:error").matches(event) for event in events] == [False, True]
