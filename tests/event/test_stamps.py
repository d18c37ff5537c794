"""Time stamps of logs are read to the nanosecond, strictly, with the offset that they tell."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fanlight.event import stamps
from fanlight.event.times import EPOCH, SECOND_NS, Time, written_offset

CASES = tomllib.loads((Path(__file__).parent.parent / "cases" / "event" / "stamps.toml").read_text())
READ = [
    (shape, *case)
    for shape, table in CASES.items()
    for case in ([*each, None][:3] for each in table["cases"])
]
REFUSED = [(shape, *each) for shape, table in CASES.items() for each in table["errors"]]


def read(shape: str, text: str | bytes, **more: Any) -> stamps.Moment:
    return stamps.SHAPES[shape](text, *([CASES[shape]["more"]] if "more" in CASES[shape] else []), **more)


def ns_of(wall: str) -> int:
    whole, digits = wall.split(".")
    passed = datetime.fromisoformat(whole + "+00:00") - EPOCH
    return (passed.days * 86_400 + passed.seconds) * SECOND_NS + int(digits)


@pytest.mark.parametrize(("shape", "text", "wall", "offset_s"), READ)
def test_a_stamp_is_read_as_text_and_as_bytes(shape: str, text: str, wall: str, offset_s: int | None) -> None:
    assert read(shape, text) == read(shape, text.encode()) == (ns_of(wall), offset_s)


@pytest.mark.parametrize(("shape", "text", "why"), REFUSED)
def test_what_is_no_stamp_is_refused_with_the_reason(shape: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"cannot read .* as a time like") as caught:
        read(shape, text)
    assert why in str(caught.value)
    with pytest.raises(ValueError, match="cannot read"):
        read(shape, text.encode())


@pytest.mark.parametrize("shape", ["iso", "syslog", "original", "clock"])
def test_a_stamp_without_an_offset_has_the_zone_s_at_that_instant(shape: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    text = READ[[each[0] for each in READ].index(shape)][1].removesuffix("Z")
    winter = read(shape, text, zone=zone)
    assert winter == (read(shape, text)[0] - 3600 * SECOND_NS, 3600)


def test_summer_and_winter_have_their_own_offsets() -> None:
    zone = ZoneInfo("Europe/Berlin")
    told = [stamps.iso(f"2026-{day} 12:00:00", zone)[1] for day in ("03-28", "03-29", "10-24", "10-25")]
    assert told == [3600, 7200, 7200, 3600]
    # The hour that comes twice is the first one.
    assert stamps.iso("2026-10-25 02:30:00", zone)[1] == 7200


def test_an_offset_in_the_text_wins_over_the_zone() -> None:
    assert stamps.iso("2026-01-31 12:00:00+0100", ZoneInfo("Asia/Tokyo"))[1] == 3600


MOMENTS = some.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1))  # noqa: DTZ001 a wall clock
OFFSETS = some.none() | some.integers(-720, 840).map(lambda minutes: minutes * 60)


@given(MOMENTS, some.integers(0, 999), OFFSETS)
def test_what_a_time_is_written_as_is_read_as_the_same_one(
    wall: datetime, rest_ns: int, offset_s: int | None
) -> None:
    passed = wall.replace(tzinfo=UTC) - EPOCH
    ns = (passed.days * 86_400 + passed.seconds) * SECOND_NS + passed.microseconds * 1000 + rest_ns
    time = Time(ns, offset_s)
    assert stamps.iso(str(time)) == (ns, offset_s or 0)
    second = Time(ns // SECOND_NS * SECOND_NS, offset_s)
    text = f"{second.wall():%d/%b/%Y:%H:%M:%S} {written_offset(offset_s or 0).replace(':', '')}"
    assert stamps.access(text) == (second.ns, offset_s or 0)


@given(some.text() | some.text("0123456789-/: T+Z.,"))
def test_nothing_but_an_error_comes_of_any_other_text(text: str) -> None:
    for shape in stamps.SHAPES:
        try:
            ns, offset_s = read(shape, text)
        except ValueError:
            continue
        assert isinstance(ns, int)
        assert offset_s is None or -43_200 <= offset_s <= 50_400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Jan-01 2016 12:01:01", None),
        ("12:01:01 -0800", (9, -28800)),
        ("+0530", (0, 19800)),
        ("a-b 12:01:01 +1400 x", (13, 50400)),
        ("no sign", None),
        ("10:00 +0100 -0200", (12, -7200)),
    ],
)
def test_an_offset_is_found_where_it_begins_a_word(text: str, found: tuple[int, int] | None) -> None:
    assert stamps.find_offset(text) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [("12:00 +08", "incomplete RFC 822"), ("12:00 -12x0", "incomplete"), ("12:00 +1401", "limits")],
)
def test_what_looks_like_an_offset_has_to_be_one(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        stamps.find_offset(text)


def test_a_zone_whose_offset_had_seconds_keeps_the_instant() -> None:
    ns, offset_s = stamps.iso("1880-01-01 12:00:00", ZoneInfo("Europe/Amsterdam"))
    assert offset_s is not None
    assert offset_s % 60 == 0
    zone_offset = datetime(1880, 1, 1, 12, tzinfo=ZoneInfo("Europe/Amsterdam")).utcoffset()
    assert ns == ns_of("1880-01-01T12:00:00.000000000") - (zone_offset or timedelta()).seconds * SECOND_NS


def test_a_day_is_needed_where_only_the_clock_is_told() -> None:
    assert stamps.clock("12:00:00", date(1970, 1, 2)) == (129_600 * SECOND_NS, None)
