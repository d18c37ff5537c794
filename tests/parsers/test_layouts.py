"""Layouts of logging libraries, as people write them, and the lines that they wrote."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import parsers
from fanlight.errors import ConfigError
from fanlight.event import stamps
from fanlight.event.event import Event
from fanlight.formatters.cells import document

CASES = tomllib.loads((Path(__file__).parents[1] / "cases" / "parsers" / "layouts.toml").read_text())
WRITTEN_NS = stamps.iso("2026-02-03T12:00:00Z")[0]


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["layout"])
def test_a_line_of_a_layout_becomes_its_event(case: dict[str, Any]) -> None:
    found = parsers.named(case["layout"], "UTC", WRITTEN_NS)
    event = Event.lazy(found.reader(), case["line"].encode(), 1)
    assert document(event) == case["event"]
    head = case["line"].partition("\n")[0].encode()
    if found.heads is not None:
        assert found.heads.match(head)
    assert found.moment(case["line"].encode()) == event.time_ns


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["layout"])
def test_a_layout_that_means_nothing_is_refused_with_the_place(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as raised:
        parsers.named(case["layout"])
    assert case["error"] in str(raised.value)


@given(layout=st.text("%-5pdcmntXMLFsE{}()[]\\ .:,yHKclr", max_size=30))
def test_any_text_is_a_layout_or_refused(layout: str) -> None:
    try:
        found = parsers.format_of({"name": "x", "kind": "log4j", "format": layout})
        found.score([b"2026-01-31 23:59:59,123 INFO  [a.b] (main) it works"])
    except ConfigError:
        return
    assert found.name == "x"
