"""Units: what `250ms`, `4KiB` and `3%` say, and how a duration is written."""

from __future__ import annotations

import re

from fanlight.event.lazy import lazily

TIME_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "sec": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
"""Unit of time to nanoseconds. The micro sign comes as one of two characters."""

BYTES = {
    "b": 1,
    "bytes": 1,
    **dict.fromkeys(("k", "kb", "kib"), 1 << 10),
    **dict.fromkeys(("mb", "mib"), 1 << 20),
    **dict.fromkeys(("g", "gb", "gib"), 1 << 30),
    **dict.fromkeys(("t", "tb", "tib"), 1 << 40),
}
"""Unit of memory to bytes; letters in any case."""

UNITS = (*(unit for unit in TIME_NS if unit != "μs"), "bytes", *("KiB", "MiB", "GiB", "TiB"), "%", "count")
"""What a property's unit may be called."""

DIGITS_MAX = 40
"""Longer numbers mean nothing that is counted, and cost time that grows with their square."""

QUANTITY = lazily(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?)\s*([A-Za-zµμ]+|%)?", re.ASCII)


def parse_quantity(text: str) -> tuple[int | float, str | None] | None:
    """Answer a number and what it counts: `ns`, `bytes`, `%` or None for a bare one.

    Args:
        text: such as `250ms`, `1.5s`, `4KiB`, `3%`, `17`. `m` is minutes, memory is `MB`.

    Returns:
        Whole ns and bytes, rounded once; None when the text is no quantity.
    """
    found = QUANTITY.fullmatch(text.strip())
    if found is None or len(found[1]) > DIGITS_MAX:
        return None
    digits, unit = found.groups()
    if unit is None or unit == "%":
        number: int | float = int(digits) if digits.lstrip("+-").isdigit() else float(digits)
        return number, unit
    for factors, of in ((TIME_NS, "ns"), (BYTES, "bytes")):
        factor = factors.get(unit if factors is TIME_NS else unit.lower())
        if factor is not None:
            if digits.isdigit():
                return int(digits) * factor, of
            # Loaded here, for few ask. Exact: a double cannot hold the ns of more than a hundred days.
            from fractions import Fraction

            return round(Fraction(digits) * factor), of
    return None


def written_duration(ns: int) -> str:
    """Answer a duration exactly and as short as that allows: `1.5s`, `250ms`, `17ns`."""
    for unit in ("s", "ms", "us"):
        factor = TIME_NS[unit]
        if abs(ns) >= factor:
            whole, rest = divmod(abs(ns), factor)
            tail = f".{rest:0{len(str(factor)) - 1}d}".rstrip("0") if rest else ""
            return f"{'-' if ns < 0 else ''}{whole}{tail}{unit}"
    return f"{ns}ns"
