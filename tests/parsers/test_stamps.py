"""Times that tell no year or no day, and clocks that are set forward and back."""

from __future__ import annotations

import pytest

from fanlight.event import stamps
from fanlight.event.times import Time
from fanlight.parsers.stamps import Stamps


def ns(text: str) -> int:
    return stamps.iso(text)[0]


def shown(moment: tuple[int, int | None]) -> str:
    return str(Time(*moment))


@pytest.mark.parametrize(
    ("stamp", "written", "wanted"),
    [
        ("Jan 31 23:59:59", "2026-02-01T00:00:00Z", "2026-01-31T23:59:59.000+00:00"),
        ("Dec 31 23:59:59", "2026-01-01T00:00:05Z", "2025-12-31T23:59:59.000+00:00"),
        ("Jan  1 00:00:01", "2026-01-01T00:00:05Z", "2026-01-01T00:00:01.000+00:00"),
        # The clock that wrote it is some hours ahead of the one that wrote the file.
        ("Jan  1 05:00:00", "2025-12-31T23:00:00Z", "2026-01-01T05:00:00.000+00:00"),
        ("Dec 31 05:00:00", "2025-12-30T23:00:00Z", "2025-12-31T05:00:00.000+00:00"),
        # A day that only some years have.
        ("Feb 29 12:00:00", "2026-06-01T00:00:00Z", "2024-02-29T12:00:00.000+00:00"),
        ("Feb 29 12:00:00", "2103-06-01T00:00:00Z", "2096-02-29T12:00:00.000+00:00"),
        ("Jun  1 12:00:00.123456", "2026-05-01T00:00:00Z", "2025-06-01T12:00:00.123456+00:00"),
    ],
)
def test_a_time_without_a_year_is_the_latest_before_the_file_was_written(
    stamp: str, written: str, wanted: str
) -> None:
    assert shown(Stamps("UTC", ns(written)).syslog(stamp.encode())) == wanted


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        ("Sun Nov 22 04:54:31.5 2026", "2026-11-22T04:54:31.500+00:00"),
        ("Mon Nov  2 04:54:31 2026", "2026-11-02T04:54:31.000+00:00"),
        ("2 Nov 2026 04:54:31,123", "2026-11-02T04:54:31.123+00:00"),
        ("Sun, 22 Nov 2026 04:54:31 -0500", "2026-11-22T04:54:31.000-05:00"),
        ("Sun, 22 Nov 2026 04:54:31 GMT", "2026-11-22T04:54:31.000+00:00"),
        ("22-Nov-2026 04:54:31", "2026-11-22T04:54:31.000+00:00"),
        ("22/Nov/2026 04:54:31", "2026-11-22T04:54:31.000+00:00"),
        ("22/Nov/2026:04:54:31 +0100", "2026-11-22T04:54:31.000+01:00"),
    ],
)
def test_a_time_with_the_name_of_its_month_is_read(stamp: str, wanted: str) -> None:
    assert shown(Stamps("UTC").any(stamp.encode())) == wanted


@pytest.mark.parametrize(
    "stamp", ["31 Foo 2026 04:54:31", "31 Feb 2026 04:54:31", "Sun Nov 22 2026", "1 Nov 2026 25:00:00"]
)
def test_what_only_looks_like_one_is_none(stamp: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Stamps("UTC").any(stamp.encode())


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        ("11:59:59,123", "2026-02-03T11:59:59.123+00:00"),
        ("12:00:30", "2026-02-03T12:00:30.000+00:00"),
        ("12:30:00", "2026-02-02T12:30:00.000+00:00"),
        ("23:59:59.999", "2026-02-02T23:59:59.999+00:00"),
    ],
)
def test_a_time_without_a_day_is_of_the_day_before_the_file_was_written(stamp: str, wanted: str) -> None:
    assert shown(Stamps("UTC", ns("2026-02-03T12:00:00Z")).clock(stamp.encode())) == wanted


def test_a_day_begins_where_the_clock_is() -> None:
    found = Stamps("Asia/Tokyo", ns("2026-02-03T16:00:00Z")).clock(b"00:59:59")
    assert shown(found) == "2026-02-04T00:59:59.000+09:00"


def test_without_a_file_the_present_moment_is_the_latest() -> None:
    now = Time.now()
    found = Stamps().clock(b"00:00:00")
    assert 0 <= now.ns - found[0] < 25 * 3600 * 10**9


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        # Of an hour that comes twice, the first.
        ("2026-10-25 02:30:00", "2026-10-25T02:30:00.000+02:00"),
        ("2026-10-25 03:30:00", "2026-10-25T03:30:00.000+01:00"),
        # An hour that there is not is as the clock was before it: an hour later by the one after.
        ("2026-03-29 02:30:00", "2026-03-29T02:30:00.000+01:00"),
        # An offset that is written counts, whatever the zone.
        ("2026-10-25 02:30:00+01:00", "2026-10-25T02:30:00.000+01:00"),
        ("2026-10-25T02:30:00Z", "2026-10-25T02:30:00.000+00:00"),
    ],
)
def test_hours_that_a_clock_shows_twice_or_never_are_read(stamp: str, wanted: str) -> None:
    assert shown(Stamps("Europe/Berlin").iso(stamp.encode())) == wanted


@pytest.mark.parametrize("stamp", ["Jan 32 00:00:00", "Xan  1 00:00:00", "Feb 30 12:00:00"])
def test_a_day_that_no_year_has_is_refused(stamp: str) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        Stamps("UTC", ns("2026-02-03T12:00:00Z")).syslog(stamp.encode())


@pytest.mark.parametrize(
    ("zone", "stamp", "wanted"),
    [
        ("UTC", "2026-01-31 23:59:59 CET", "2026-01-31T23:59:59.000+01:00"),
        ("UTC", "2026-07-31 23:59:59.5 CEST", "2026-07-31T23:59:59.500+02:00"),
        ("UTC", "2026-07-31 23:59:59 PDT", "2026-07-31T23:59:59.000-07:00"),
        ("UTC", "Fri Jul 31 23:59:59 EDT 2026", "2026-07-31T23:59:59.000-04:00"),
        ("UTC", "31 Jul 2026 23:59:59 EDT", "2026-07-31T23:59:59.000-04:00"),
        # What the letters mean in the zone of the file goes first.
        ("Asia/Shanghai", "2026-01-31 23:59:59 CST", "2026-01-31T23:59:59.000+08:00"),
        ("Europe/Dublin", "2026-07-31 23:59:59 IST", "2026-07-31T23:59:59.000+01:00"),
        # Of the hour that comes twice they tell which it is.
        ("Europe/Berlin", "2026-10-25 02:30:00 CEST", "2026-10-25T02:30:00.000+02:00"),
        ("Europe/Berlin", "2026-10-25 02:30:00 CET", "2026-10-25T02:30:00.000+01:00"),
    ],
)
def test_the_letters_of_a_zone_say_how_far_from_utc_it_is(zone: str, stamp: str, wanted: str) -> None:
    stamps_of = Stamps(zone)
    assert [shown(stamps_of.any(stamp.encode())) for _ in range(2)] == [wanted, wanted]


def test_letters_that_name_no_zone_are_no_time() -> None:
    with pytest.raises(ValueError, match="no zone is called 'XYZ'"):
        Stamps("UTC").any(b"2026-01-31 23:59:59 XYZ")


@pytest.mark.parametrize(
    "stamp", ["@4000", "@400000000000000000000000", "@40000000697e97493b9aca00", "x" * 25]
)
def test_what_is_no_time_of_tai64n_is_refused(stamp: str) -> None:
    with pytest.raises(ValueError, match=r"TAI64N|invalid literal"):
        Stamps().tai64n(stamp.encode())
