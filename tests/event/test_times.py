"""A time remembers the wall clock that it was written with."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from fanlight.event.times import Time


def test_a_time_shows_with_its_own_offset_wherever_it_is_read() -> None:
    assert str(Time(0)) == "1970-01-01T00:00:00.000Z"
    assert str(Time(1, -28800)) == "1969-12-31T16:00:00.000000001-08:00"
    assert str(Time(1_000, 0)) == "1970-01-01T00:00:00.000001+00:00"


def test_times_are_ordered_by_the_instant_alone() -> None:
    assert Time(0, 3600) == Time(0) < Time(1, -3600)
    assert len({Time(0, 3600), Time(0)}) == 1
    assert (Time(-1).ms, Time(1_999_999).ms) == (-1, 1)


def test_an_adjusted_time_has_the_same_wall_clock_under_another_offset() -> None:
    noon = Time(12 * 3600 * 10**9, 3600)
    assert str(noon.adjusted(-7200)).replace("-02:00", "+01:00") == str(noon)


def test_now_has_the_zone_s_offset_at_this_instant() -> None:
    zone = ZoneInfo("Europe/Berlin")
    now = Time.now(zone)
    offset = datetime.fromtimestamp(now.ns // 10**9, zone).utcoffset()
    assert offset is not None
    assert now.offset_s == offset.total_seconds()
    assert Time.now().offset_s is not None


@pytest.mark.parametrize(
    ("ns", "offset_s"), [(0, 54_000), (0, -43_260), (0, 90), (1 << 63, None), (True, None)]
)
def test_a_time_beyond_its_limits_is_refused(ns: int, offset_s: int | None) -> None:
    with pytest.raises(ValueError, match=r"is not a whole minute within|int of 64 bits"):
        Time(ns, offset_s)
