"""How many events there are over time: bars for what a query selects, whatever its stages make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event.times import Time
from fanlight.web import charts, wording
from fanlight.web.pages.graphs import nanoseconds
from fanlight.web.parameters import UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked

SECOND = UNITS["s"]
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
BARS_MAX = 90


def step_s(length_ns: int) -> int:
    """Answer the width of a bar in seconds, so that a time has at most `BARS_MAX` of them."""
    least = -(-length_ns // (BARS_MAX * SECOND))
    day = STEPS_S[-1]
    return next((each for each in STEPS_S if each >= least), -(-least // day) * day)


def stage(length_ns: int) -> str:
    """Answer the stage that counts events over time, those that failed apart."""
    return f"timechart {step_s(length_ns)}s count by failed"


def volume(
    found: Mapping[str, Any], from_ns: int, to_ns: int, asked: Asked, length_ns: int
) -> dict[str, Any] | None:
    """Answer bars, marks and rows of the answer of `stage`; None when nothing was selected.

    Args:
        found: `columns` and `rows` as `/v1/query` answers them.
        from_ns: the first moment that can have events.
        to_ns: the first moment behind.
        asked: the page, for its links.
        length_ns: that the stage was made for.
    """
    step_ns = step_s(length_ns) * SECOND
    sums = summed(found)
    if not sums:
        return None
    first = from_ns // step_ns * step_ns
    starts = list(range(first, to_ns, step_ns))
    width = (to_ns - from_ns) / charts.WIDTH
    step = step_ns / width
    counts = [sums.get(start, (0.0, 0.0)) for start in starts]
    top = charts.ceiling(max(total for total, _ in counts) or 1)
    places = [(start - from_ns) / width for start in starts]
    rows = [
        row(start, counts[nth], asked, max(start, from_ns), min(start + step_ns, to_ns), places[nth])
        for nth, start in enumerate(starts)
    ]
    return {
        "bars": charts.columns([(x, total) for x, (total, _) in zip(places, counts, strict=True)], top, step),
        "bad": charts.columns([(x, bad) for x, (_, bad) in zip(places, counts, strict=True)], top, step),
        "has_bad": any(bad for _, bad in counts),
        "levels": [(tick.percent, amount(tick.value)) for tick in charts.levels(top)[:2] if tick.value >= 1],
        "marks": marks(from_ns, to_ns),
        "step": round(step, 1),
        "rows": rows,
        "width": width_words(step_ns // SECOND),
    }


def summed(found: Mapping[str, Any]) -> dict[int, tuple[float, float]]:
    """Answer how many events began in each step, and how many of them failed."""
    names = [each["name"] for each in found["columns"]]
    sums: dict[int, tuple[float, float]] = {}
    for values in found["rows"]:
        row = dict(zip(names, values, strict=True))
        if row.get("time") is None:
            continue
        at = nanoseconds(row["time"])
        total, bad = sums.get(at, (0.0, 0.0))
        sums[at] = (total + row["count"], bad + (row["count"] if row.get("failed") is True else 0))
    return sums


def row(
    start: int, counts: tuple[float, float], asked: Asked, low: int, high: int, x: float
) -> dict[str, Any]:
    """Answer one step: its numbers, and the address of its events alone."""
    total, bad = counts
    zoom = asked.link(last=None, live=None, from_=str(Time(low)), to=str(Time(high)))
    return {
        "time": wording.rfc3339(start),
        "from": str(Time(low)),
        "to": str(Time(high)),
        "count": amount(total),
        "bad": amount(bad) if bad else "",
        "x": round(x, 1),
        "href": zoom if total else None,
    }


def amount(number: float) -> str:
    """Answer how many; what was counted by weights may have a fraction."""
    return wording.count(number) if number == int(number) or number >= 100 else wording.short(number)


def marks(from_ns: int, to_ns: int) -> list[dict[str, Any]]:
    """Answer five places of the time axis and their times."""
    length = to_ns - from_ns
    return [
        {
            "percent": share * 100,
            "anchor": "start" if share == 0 else "end" if share == 1 else "middle",
            "time": wording.rfc3339(from_ns + round(length * share)),
            "days": length > 2 * UNITS["d"],
            "seconds": length < 10 * UNITS["m"],
        }
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]


def width_words(seconds: int) -> str:
    """Answer how much time a bar stands for: `1 minute`, `15 minutes`."""
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % length == 0:
            return wording.plural(seconds // length, name)
    return wording.plural(seconds, "second")
