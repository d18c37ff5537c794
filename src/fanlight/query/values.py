"""What a value in a query stands for, and whether a property's value meets it."""

from __future__ import annotations

import re

from fanlight.errors import QueryError
from fanlight.event.event import Event
from fanlight.event.lazy import lazily
from fanlight.event.times import Time
from fanlight.event.units import BYTES, TIME_NS
from fanlight.query.nodes import Among, Exists, Field
from fanlight.query.regex import literal_parentheses, plain, searcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo
    from typing import Any

    from fanlight.query.setting import Setting


def moment(value: str, now_ns: int, zone: tzinfo | None) -> int | None:
    """Answer what `moments.moment` does, which a search for words does not load."""
    first = value[:1]
    if not (first.isdigit() or first.isspace() or first in "+-nNtTyY"):
        return None
    from fanlight.query.moments import moment as found

    return found(value, now_ns, zone)


def quantity_of(value: str) -> tuple[float, str | None] | None:
    """Answer what `moments.quantity_of` does."""
    if not value[:1].isdigit() and value[:1] not in ("+", "-", "."):
        return None
    from fanlight.query.moments import quantity_of as found

    return found(value)


ORDERS = frozenset({">", ">=", "<", "<="})
RANGE = lazily(r"(.+?)\.\.(.+)")
HUNDREDS = lazily(r"(\d+)(x+)", re.IGNORECASE)
NUMBER = lazily(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
UNIT = lazily(r"[-+]?\d+\.?\d*[A-Za-z]+")
INFINITY = float("inf")
BOOLS = {"true": True, "false": False}


class Interval:
    """The numbers from `low` to `high`, both in it unless `open`.

    Attributes:
        unit: of both, `ns`, `bytes`, `%` or None for the property's own.
    """

    __slots__ = ("high", "low", "open_high", "open_low", "unit")

    def __init__(
        self, low: float, high: float, unit: str | None, *, open_low: bool = False, open_high: bool = False
    ) -> None:
        self.low = low
        self.high = high
        self.unit = unit
        self.open_low = open_low
        self.open_high = open_high

    def has(self, number: float) -> bool:
        """Tell whether a number is in it."""
        above = self.low < number if self.open_low else self.low <= number
        return above and (number < self.high if self.open_high else number <= self.high)

    def __repr__(self) -> str:
        return f"{'(' if self.open_low else '['}{self.low}, {self.high}{')' if self.open_high else ']'}"


class Test:
    """What one comparison asks of a value, by the value's class.

    Attributes:
        text: of a text; None when it never holds.
        numbers: of a number; None when the comparison says no number.
        digits: of a whole number's digits, where `numbers` is None.
        times: of a time, in ns since 1970.
        truth: of true or false.
        inverse: `!=` and `!~`: the opposite, for values that are there.
    """

    __slots__ = ("digits", "inverse", "numbers", "text", "times", "truth")

    def __init__(self) -> None:
        self.text: Callable[[str], Any] | None = None
        self.numbers: Interval | None = None
        self.digits: Callable[[str], Any] | None = None
        self.times: Interval | None = None
        self.truth: bool | None = None
        self.inverse = False

    def of(self, value: Any, unit: str | None = None, kind: str | None = None) -> bool:
        """Tell whether a value meets the comparison; None and what it says nothing about do not.

        Args:
            value: a property's.
            unit: the property's.
            kind: the property's type; a duration counts in ns.
        """
        sort = value.__class__
        if sort is list:
            return any(self.of(inner, unit) for inner in value)
        if sort is dict:
            return any(self.of(inner, unit) for inner in value.values())
        held = self.holds(value, sort, "ns" if kind == "duration" else unit)
        return False if held is None else held is not self.inverse

    def holds(self, value: Any, sort: type, unit: str | None) -> bool | None:
        """Answer whether a single value meets it before it is inverted; None when it is no value."""
        if sort is str:
            return bool(self.text and self.text(value))
        if sort is int or sort is float:
            if self.numbers is not None:
                return self.numbers.has(value * ratio(unit, self.numbers.unit))
            return bool(self.digits and sort is int and self.digits(str(value)))
        if value is None or isinstance(value, Event):
            return None
        if sort is Time:
            return self.times is not None and self.times.has(value.ns)
        return value is self.truth if sort is bool else bool(self.text and self.text(str(value)))


def ratio(unit: str | None, asked: str | None) -> int:
    """Answer what a property's number is multiplied by to be compared with one of a unit."""
    if asked == "ns":
        return TIME_NS.get(unit or "ns", 1)
    return BYTES.get((unit or "b").lower(), 1) if asked == "bytes" else 1


def test_of(field: Field, setting: Setting) -> Test:
    """Answer what a comparison asks.

    Raises:
        QueryError: a regular expression is not in the dialect.
    """
    test = Test()
    op, value = field.op, field.value
    test.inverse = op in ("!=", "!~")
    if op in ORDERS:
        ordered(test, op, value, setting)
        if test.numbers is None and test.times is None and UNIT.fullmatch(value):
            counted_or_error(field, setting)
    elif op in ("~", "!~"):
        test.text = test.digits = search_of(value, field, setting, fold=setting.fold_fields)
    elif op == ":":
        sought(test, field, setting)
    else:
        equal(test, value, setting)
    return test


def counted_or_error(field: Field, setting: Setting) -> None:
    """Refuse a number with a unit that there is none, where the property is known to hold numbers.

    Raises:
        QueryError: says the units.
    """
    from fanlight.event import types
    from fanlight.event.names import NAMES, canonical

    known = None if field.path.exact else NAMES.get(canonical(field.path.text))
    if known is not None and known.type in types.NUMBERS:
        units = "ns us ms s m h d, B KiB MiB GiB TiB, %"
        reason = f"{field.value} has no unit that {field.path} is counted in; there are {units}"
        raise QueryError("bad-unit", reason, setting.text, field.at)


def tests_of(node: Field | Among | Exists, setting: Setting) -> list[Test]:
    """Answer what a comparison or each value of a list asks; nothing where only a value has to be there."""
    if isinstance(node, Field):
        return [test_of(node, setting)]
    tests = []
    for value in node.values if isinstance(node, Among) else ():
        test = Test()
        equal(test, value, setting)
        tests.append(test)
    return tests


def equal(test: Test, value: str, setting: Setting) -> None:
    """Ask for exactly a value."""
    test.truth = BOOLS.get(value.lower())
    test.numbers = exactly(value)
    when = moment(value, setting.now_ns, setting.zone)
    test.times = None if when is None else Interval(when, when, None)
    if setting.fold_fields:
        wanted = fold(value)
        test.text = lambda text: fold(text) == wanted
    else:
        test.text = value.__eq__
    test.digits = test.text


def sought(test: Test, field: Field, setting: Setting) -> None:
    """Ask for what `:` does: a search in texts; of numbers equality, a range, or `5xx`."""
    value = field.value
    test.truth = BOOLS.get(value.lower())
    ends = RANGE.fullmatch(value) if ".." in value else None
    hundreds = HUNDREDS.fullmatch(value) if value[-1:] in ("x", "X") else None
    if hundreds:
        step = 10 ** len(hundreds.group(2))
        low = int(hundreds.group(1)) * step
        test.numbers = Interval(low, low + step, None, open_high=True)
    elif ends:
        test.numbers = between(*ends.groups())
        times = [moment(end, setting.now_ns, setting.zone) for end in ends.groups()]
        if times[0] is not None and times[1] is not None:
            test.times = Interval(times[0], times[1], None)
    else:
        test.numbers = exactly(value)
        when = moment(value, setting.now_ns, setting.zone)
        test.times = None if when is None else Interval(when, when, None)
    found = search_of(literal_parentheses(value), field, setting, fold=setting.fold_fields)
    test.text = found
    if test.numbers is None:
        test.digits = found
    elif hundreds or ends:
        # A number that was read as text, as a log's without a schema, is one all the same.
        numbers = test.numbers
        test.text = lambda text: (
            bool(found(text))
            or (numbers.unit is None and NUMBER.fullmatch(text) is not None and numbers.has(float(text)))
        )


def ordered(test: Test, op: str, value: str, setting: Setting) -> None:
    """Ask for more or less than a value."""
    quantity = quantity_of(value)
    test.numbers = None if quantity is None else half(op, *quantity)
    when = moment(value, setting.now_ns, setting.zone)
    test.times = None if when is None else half(op, when, None)
    if test.numbers is None:
        test.text = {
            ">": lambda text: text > value,
            ">=": lambda text: text >= value,
            "<": lambda text: text < value,
            "<=": lambda text: text <= value,
        }[op]
    elif test.numbers.unit is None:
        numbers = test.numbers
        test.text = lambda text: NUMBER.fullmatch(text) is not None and numbers.has(float(text))


def half(op: str, number: float, unit: str | None) -> Interval:
    """Answer the numbers on one side of a number."""
    if op in (">", ">="):
        return Interval(number, INFINITY, unit, open_low=op == ">")
    return Interval(-INFINITY, number, unit, open_high=op == "<")


def exactly(value: str) -> Interval | None:
    """Answer the interval of one number."""
    quantity = quantity_of(value)
    return None if quantity is None else Interval(quantity[0], quantity[0], quantity[1])


def between(low: str, high: str) -> Interval | None:
    """Answer the numbers of a range; a unit of its end counts for its beginning: `1..5ms`."""
    last = quantity_of(high)
    first = quantity_of(low)
    if first is None or last is None:
        return None
    if first[1] is None and last[1] is not None:
        first = quantity_of(low + high.lstrip("+-.0123456789eE")) or first
    return Interval(first[0], last[0], last[1])


def search_of(pattern: str, field: Field, setting: Setting, *, fold: bool) -> Callable[[str], Any]:
    """Answer a search for a pattern, the quick one for a plain text.

    Raises:
        QueryError: at the pattern's place in the query.
    """
    text = plain(pattern)
    if text is not None and not fold:
        return lambda value: text in value
    try:
        return searcher(pattern, fold=fold)
    except QueryError as error:
        inside = setting.text[field.at : field.at + 1] in ("'", '"')
        at = field.at + inside + error.column - 1
        raise QueryError(error.code, error.reason, setting.text, at) from None


def fold(text: str) -> str:
    """Answer a text whose case does not matter, so that only ASCII becomes ASCII."""
    if text.isascii():
        return text.lower()
    kept = text.replace("\u212a", "\ue000").replace("\u0130", "\ue001")
    return kept.lower().replace("\u03c2", "\u03c3")
