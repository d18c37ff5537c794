"""Units: what `250ms`, `4KiB` and `3%` say, and how a duration is written."""

from __future__ import annotations

import re

TIME_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "sec": 1_000_000_000,
    "m": 60_000_000_000,
    "min": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
"""Unit of time to nanoseconds."""

BYTES = {
    "b": 1,
    "bytes": 1,
    **dict.fromkeys(("k", "kb", "kib"), 1 << 10),
    **dict.fromkeys(("mb", "mib"), 1 << 20),
    **dict.fromkeys(("g", "gb", "gib"), 1 << 30),
    **dict.fromkeys(("t", "tb", "tib"), 1 << 40),
}
"""Unit of memory to bytes; letters in any case."""

QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([A-Za-zµ]+|%)?")


def parse_quantity(text: str) -> tuple[int | float, str | None] | None:
    """Answer a number and what it counts: `ns`, `bytes`, `%` or None for a bare one.

    Args:
        text: such as `250ms`, `1.5s`, `4KiB`, `3%`, `17`. `m` is minutes, memory is `MB`.

    Returns:
        None when the text is no quantity.
    """
    found = QUANTITY.fullmatch(text.strip())
    if found is None:
        return None
    digits, unit = found.groups()
    number: int | float = int(digits) if digits.lstrip("+-").isdigit() else float(digits)
    if unit is None:
        return number, None
    if unit == "%":
        return number, "%"
    for factors, of in ((TIME_NS, "ns"), (BYTES, "bytes")):
        factor = factors.get(unit if factors is TIME_NS else unit.lower())
        if factor is not None:
            product = number * factor
            return round(product) if isinstance(product, float) else product, of
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
