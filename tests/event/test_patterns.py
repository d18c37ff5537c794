"""Java's date patterns read and write what they describe, and nothing else."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from fanlight import Property
from fanlight.event.patterns import DatePattern, pattern
from fanlight.event.stamps import iso
from fanlight.event.times import Time

CASES = tomllib.loads((Path(__file__).parent.parent / "cases" / "event" / "patterns.toml").read_text())


@pytest.mark.parametrize(
    ("text", "stamp", "wall", "offset_s"), [[*case, None][:4] for case in CASES["cases"]]
)
def test_a_pattern_reads_what_it_writes(text: str, stamp: str, wall: str, offset_s: int | None) -> None:
    moment = (iso(wall)[0], offset_s)
    assert DatePattern(text).read(stamp) == DatePattern(text).read(stamp.encode()) == moment
    assert DatePattern(text).write(Time(*moment)) == stamp


@pytest.mark.parametrize(("text", "stamp", "why"), CASES["refused"])
def test_what_does_not_fit_a_pattern_is_refused(text: str, stamp: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DatePattern(text).read(stamp)


@pytest.mark.parametrize(("text", "why"), CASES["wrong"])
def test_a_pattern_that_means_nothing_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DatePattern(text)


def test_a_day_is_given_to_a_pattern_without_one() -> None:
    assert pattern("ABSOLUTE").read("00:00:01,5".ljust(12, "0"), day=date(1970, 1, 1)) == (
        1_500_000_000,
        None,
    )
    assert pattern("dd HH:mm").read("02 00:00", day=date(1970, 1, 9)) == (86_400_000_000_000, None)


def test_a_pattern_without_an_offset_is_on_the_clock_of_a_zone() -> None:
    assert pattern("yyyy-MM-dd HH:mm").read("1970-07-01 09:00", ZoneInfo("Asia/Tokyo"))[1] == 32400


@pytest.mark.parametrize("form", ["yyyy-MM-dd HH:mm:ss.SSS Z", "%Y-%m-%d %H:%M:%S.%f %z"])
def test_a_property_is_written_and_read_by_its_format(form: str) -> None:
    moment = Time(*iso("2026-01-31T23:59:59.123+05:30"))
    text = Property("at", moment, format=form).externalize()
    assert text is not None
    assert text.startswith("2026-01-31 23:59:59.123")
    back = Property("at", type="timestamp", format=form).from_string(text)
    assert (back.value, back.value.offset_s) == (moment, 19800)
    assert Property("day", date(2026, 1, 31), format="dd.MM.yyyy").externalize() == "31.01.2026"
    assert Property("day", type="date", format="dd.MM.yyyy").from_string("31.01.2026").value == date(
        2026, 1, 31
    )


LETTERS = some.text("yuMLdEHkhKamsSZXxzV' -:/QT") | some.text()


@given(LETTERS, some.text("0123456789-:/ TZ+,.") | some.text())
def test_nothing_but_an_error_comes_of_any_other_pattern_or_text(text: str, stamp: str) -> None:
    try:
        made = DatePattern(text)
        made.write(Time(0, 3600))
        ns, _ = made.read(stamp, day=date(2026, 1, 31))
    except ValueError:
        return
    assert isinstance(ns, int)


FIELDS = some.sampled_from(
    ["HH:mm:ss,SSSSSSSSS", "kk:mm:ss.SSSSSSSSS", "hh:mm:ss,SSSSSSSSS a", "a KK mm ss SSSSSSSSS"]
)
DAYS = some.sampled_from(["yyyy-MM-dd", "d MMM yyyy", "EEEE, MMMM d yyyy", "dd/MM/yyyy", "yyyyMMdd"])
ZONES = some.sampled_from([3 * "X", 2 * "X", "Z", 3 * "x"])
OFFSETS = some.integers(-720, 840).map(lambda minutes: minutes * 60)


@given(DAYS, FIELDS, ZONES, some.integers(-(10**18), 9 * 10**18), OFFSETS)
def test_what_a_pattern_writes_it_reads(day: str, clock: str, zone: str, ns: int, offset_s: int) -> None:
    made = pattern(f"{day} 'at' {clock} {zone}")
    assert made.read(made.write(Time(ns, offset_s))) == (ns, offset_s)
