"""Properties are made of what users and formats write."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fanlight import Property
from fanlight.event.create import create
from fanlight.event.stamps import iso
from fanlight.event.times import Time

NOON = Time(*iso("2026-01-31T12:00:00"))


@pytest.mark.parametrize(
    ("arguments", "made"),
    [
        ((None, "text"), Property("p", "text")),
        ((None, "12"), Property("p", 12)),
        ((None, "-9223372036854775808"), Property("p", -(1 << 63))),
        ((None, "4294967296"), Property("p", 1 << 32)),
        ((None, "9223372036854775808"), Property("p", "9223372036854775808")),
        ((None, "1.5"), Property("p", 1.5)),
        ((None, "1.2.3"), Property("p", "1.2.3")),
        ((None, "01/31/26 12:00:00"), Property("p", NOON)),
        ((None, "2026-01-31T12:00:00"), Property("p", NOON)),
        ((None, "13/45/16 99:00:00"), Property("p", "13/45/16 99:00:00")),
        ((None, "01/31/26 12:00:00 and more"), Property("p", "01/31/26 12:00:00 and more")),
        ((None, ""), Property("p", "")),
        ((None, None), Property("p", None, "undefined")),
        ((None, 5), Property("p", 5)),
        ((None, 5, 2, "ms"), Property("p", 10, unit="ms")),
        ((None, True), Property("p", True)),
        ((None, date(2026, 1, 31)), Property("p", date(2026, 1, 31))),
        (("string", "12"), Property("p", "12")),
        (("int", None, None, "bytes"), Property("p", None, "int", "bytes")),
        (("int", "12", 1.5), Property("p", 18)),
        (("int", "7", 0.1), Property("p", 0)),
        (("int", 30, 0.1), Property("p", 3)),
        (("int", -7, 0.5), Property("p", -3)),
        (("float", "12"), Property("p", 12.0)),
        (("float", 12), Property("p", 12.0)),
        (("float", "1.5", 2, "KiB"), Property("p", 3.0, unit="KiB")),
        (("duration", "250ms"), Property("p", 250_000_000, "duration")),
        (("duration", "250", None, "ms"), Property("p", 250_000_000, "duration")),
        (("duration", "0.123456789", None, "s"), Property("p", 123_456_789, "duration")),
        (("duration", 5, 1000, "us"), Property("p", 5_000_000, "duration")),
        (("bool", "TRUE"), Property("p", True)),
    ],
)
def test_a_property_is_made(arguments: tuple[Any, ...], made: Property) -> None:
    assert create("p", *arguments) == made


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("int", "x"), "cannot convert 'x' to an int"),
        (("int", 1.5), "cannot create the int property 'p' with the float 1.5"),
        (("int", True), "cannot create the int property 'p' with the bool True"),
        (("float", True), "cannot create the float property"),
        (("number", "5"), "unknown type 'number'"),
        ((None, None, None, "ms"), "cannot have the unit 'ms': it is undefined"),
        ((None, "text", None, "ms"), "cannot have the unit 'ms': it is string"),
        ((None, "text", 2), "cannot have the factor 2: it is string"),
        (("bool", True, 2), "cannot have the factor 2"),
        (("int", 5, None, "mss"), "unknown unit 'mss'.*did you mean 'ms'"),
        (("duration", "5ms", None, "s"), "cannot convert '5ms' to a float"),
        (("duration", "5", None, "bytes"), "a duration cannot be in bytes"),
        (("duration", [5], None, "s"), "cannot create the duration"),
        (("int", 1 << 62, 4), "64 bits"),
        (("timestamp", "13/45/16 99:00:00"), "to a timestamp"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: tuple[Any, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        create("p", *arguments)
