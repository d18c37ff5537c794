"""A line that cannot be read is told with the place in it."""

from __future__ import annotations

import pytest

from fanlight import parsers
from fanlight.parsers.parser import LineParser

ACCESS = '10.0.0.1 - - [{0}] "GET / HTTP/1.1" 200 12 "-" "-"'


@pytest.mark.parametrize(
    ("name", "line", "wrong"),
    [
        ("combined", ACCESS.format("99/Nov/2026:04:00:01 +0000"), "99/Nov"),
        ("combined", ACCESS.format("yesterday"), "yesterday"),
        ("combined", "10.0.0.1 - - no time", " no time"),
        ("python", "2026-01-31 23:59:59,123 - shop - LOUD - it broke", "LOUD"),
        ("nginx-error", "2026/01/31 23:59:59 [error] 17 it broke", " it broke"),
        ("combined+python", ACCESS.format("yesterday"), "yesterday"),
        ("json", '{"a": 1, "b": }', "}"),
        ("json", "[1]", "[1]"),
        ("logfmt", "level=info =x", "=x"),
        ("syslog-5424", "<34>1 soon host app - - - hello", "soon"),
    ],
)
def test_the_place_is_that_of_what_is_wrong(name: str, line: str, wrong: str) -> None:
    parser = LineParser(parsers.named(name, "UTC"))
    (fault, *_) = [*parser.parse(line), *parser.close()]
    assert fault.kind == "fault"
    assert line[fault["position"] :].startswith(wrong), fault
