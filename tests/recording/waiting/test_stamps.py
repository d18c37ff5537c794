"""What proxies write into their headers, and what else may stand there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.recorder import fresh_trace
from fanlight.recording.waiting.stamps import LONGEST_NS, PROXY, SKEW, TIME, waited, waits

CASES = tomllib.loads((Path(__file__).parent / "stamps.toml").read_text())
NOW_NS: int = CASES["now_ns"]


@pytest.mark.parametrize("case", CASES["case"], ids=lambda case: case["what"])
def test_a_stamp_tells_how_long_the_request_waited(case: dict[str, Any]):
    expected = (case["waited_ns"], case.get("ahead_ns", 0)) if "waited_ns" in case else None
    assert waited(case["header"], NOW_NS) == expected
    assert waited(case["header"].encode("utf-8"), NOW_NS) == expected


@given(st.text() | st.binary() | st.from_regex(r"(t=)?-?[0-9]{0,25}(\.[0-9]{0,30})?(,|;|Root=1-)?.{0,20}"))
def test_whatever_stands_there_is_a_wait_or_nothing(header: str | bytes):
    found = waited(header, NOW_NS)
    assert found is None or 0 <= found[0] <= LONGEST_NS


@given(st.integers(0, LONGEST_NS // 1_000_000), st.sampled_from(["{}", "t={}", " {} "]))
def test_a_stamp_in_milliseconds_is_exact(waited_ms: int, form: str):
    stamp = form.format(NOW_NS // 1_000_000 - waited_ms)
    assert waited(stamp, NOW_NS) == (waited_ms * 1_000_000, 0)


def test_both_are_told_where_both_are_known():
    trace = fresh_trace("app.wsgi.request", "GET", "GET /", 0)
    trace.wall_ns = NOW_NS
    assert waits(trace) == {}
    trace.waited_ms = 12
    assert waits(trace) == {TIME: 12_000_000}
    trace.stamp = "t=1767225609.900"
    assert waits(trace) == {TIME: 12_000_000, PROXY: 100_000_000}
    trace.waited_ms = -1
    trace.stamp = b"t=1767225610.001"
    assert waits(trace) == {PROXY: 0, SKEW: 1_000_000}
    trace.stamp = "garbage"
    assert waits(trace) == {}
