"""What can be said of many values: each function takes them one by one, with their weights."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)")
MEASURES = frozenset({"avg", "max", "min", "sum"})
"""Functions that answer in the unit of what they look at, and so do percentiles."""


class Count:
    """How many events the values stand for."""

    __slots__ = ("weight",)

    def __init__(self) -> None:
        self.weight: float = 0

    def add(self, _: Any, weight: float) -> None:
        """Take one value."""
        self.weight += weight

    def answer(self) -> float:
        """Answer the count, whole where it is."""
        return whole(self.weight)


class Sum:
    """The sum of the numbers."""

    __slots__ = ("total", "weight")

    def __init__(self) -> None:
        self.total: float = 0
        self.weight: float = 0

    def add(self, value: Any, weight: float) -> None:
        """Take one value; what is no number is left out."""
        if is_number(value):
            # An int that weighs one stays exact, however large.
            self.total += value if weight == 1 else value * weight
            self.weight += weight

    def answer(self) -> float | None:
        """Answer the sum; None of no number at all."""
        return self.total if self.weight else None


class Average(Sum):
    """The mean of the numbers."""

    __slots__ = ()

    def answer(self) -> float | None:
        """Answer the mean; None of no number at all."""
        return self.total / self.weight if self.weight else None


class Extreme:
    """The smallest or the largest number.

    Args:
        choose: `min` or `max`.
    """

    __slots__ = ("choose", "value")

    def __init__(self, choose: Callable[[Any, Any], Any]) -> None:
        self.choose = choose
        self.value: float | None = None

    def add(self, value: Any, _: float) -> None:
        """Take one value; what is no number is left out."""
        if is_number(value):
            # Of 1 and 1.0 it is 1, whichever came first.
            is_better = self.value is None or (value == self.value and value.__class__ is int)
            self.value = value if is_better else self.choose(self.value, value)

    def answer(self) -> float | None:
        """Answer it; None of no number at all."""
        return self.value


class Distinct:
    """How many different values there are."""

    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen: set[Any] = set()

    def add(self, value: Any, _: float) -> None:
        """Take one value."""
        self.seen.add(hashable(value))

    def answer(self) -> int:
        """Answer the number of values."""
        return len(self.seen)


class Percentile:
    """The smallest number that enough of the weight does not exceed.

    Args:
        share: of the weight, 0 to 1.
    """

    __slots__ = ("rows", "share")

    def __init__(self, share: float) -> None:
        self.share = share
        self.rows: list[Any] = []
        """Numbers that weigh one as they are, others with their weight."""

    def add(self, value: Any, weight: float) -> None:
        """Take one value; what is no number is left out."""
        if is_number(value):
            self.rows.append(value if weight == 1 else (value, weight))

    def answer(self) -> float | None:
        """Answer it; None of no number at all."""
        found = sorted(row if row.__class__ is tuple else (row, 1) for row in self.rows)
        if not found:
            return None
        wanted = self.share * sum(weight for _, weight in found)
        reached: float = 0
        for value, weight in found:
            reached += weight
            if reached >= wanted:
                # Of 1 and 1.0 it is 1, whichever came first.
                is_whole = any(other.__class__ is int for other, _ in found if other == value)
                return int(value) if is_whole else float(value)
        return None


def function(name: str) -> Callable[[], Any] | None:
    """Answer what makes the function of a name; None when there is no such function."""
    percentile = PERCENTILE.fullmatch(name)
    if percentile:
        share = float(percentile.group(1)) / 100
        return lambda: Percentile(share)
    return FUNCTIONS.get(name)


FUNCTIONS: dict[str, Callable[[], Any]] = {
    "avg": Average,
    "count": Count,
    "distinct": Distinct,
    "max": lambda: Extreme(max),
    "min": lambda: Extreme(min),
    "sum": Sum,
}


def is_number(value: Any) -> bool:
    """Tell whether a value can be measured; NaN cannot."""
    return value.__class__ is int or (value.__class__ is float and not math.isnan(value))


def whole(number: float) -> float:
    """Answer a sum of weights without a fraction that it does not have."""
    return int(number) if number == int(number) else number


def hashable(value: Any) -> Any:
    """Answer a value by which events can be put together."""
    if value is None or value.__class__ is str:
        return value
    if value.__class__ in (list, dict) or hasattr(value, "walk"):
        return str(value)
    # 1, 1.0 and True are one key to Python and three values to everybody else.
    return Key(value)


class Key:
    """A value that is no text, as a key of its class."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key) or self.value.__class__ is not other.value.__class__:
            return False
        # What is no number equals nothing to Python, and is one group to everybody else.
        return bool(self.value == other.value or (self.value != self.value and other.value != other.value))

    def __hash__(self) -> int:
        return hash(self.value) if self.value == self.value else 0


def original(key: Any) -> Any:
    """Answer the value that `hashable` was given."""
    return key.value if key.__class__ is Key else key


MISSING = 3
"""Where what is missing, or no number, stands in the order of values."""


def ordering(value: Any) -> tuple[int, Any]:
    """Answer by what values of any classes are sorted: numbers, texts, and what is missing last."""
    if value is None or (value.__class__ is float and math.isnan(value)):
        return MISSING, value is None
    if value.__class__ in (int, float, bool):
        return 1, value
    return (0, value.ns) if hasattr(value, "ns") else (2, str(value))
