"""The two graphs of an endpoint, over time and over latency, each with its table."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fanlight.web import charts, wording
from fanlight.web.parameters import address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

CELLS_MAX = 64
"""Bars that fit a phone and can still be told apart."""


def timeline(points: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Any] | None:
    """Answer p50, p95 and requests per minute over time: paths, bars, marks and rows."""
    busy = [point for point in points if point["count"]]
    if not busy:
        return None
    length = asked.to_ns - asked.from_ns
    starts = [nanoseconds(point["time"]) for point in points]
    step_ns = min((b - a for a, b in pairwise(starts) if b > a), default=length // 60)
    step = max(step_ns / length * charts.WIDTH, 1.0)
    # The first step may begin before the range: the graph's edge cuts it off.
    places = [(start - asked.from_ns) / length * charts.WIDTH for start in starts]
    top = charts.ceiling(max(point["p95"] for point in busy))
    rpm_top = charts.ceiling(max(point["rpm"] for point in busy))
    middles = [(x + step / 2) for x in places]
    return {
        "p50": charts.line(curve(points, middles, "p50"), top, step),
        "p95": charts.line(curve(points, middles, "p95"), top, step),
        "bars": charts.columns([(x, p["rpm"]) for x, p in zip(places, points, strict=True)], rpm_top, step),
        "levels": [(tick.percent, wording.level(tick.value)) for tick in charts.levels(top)[:2]],
        "rpm_top": wording.rate(rpm_top),
        "marks": marks(asked),
        "step": round(step, 1),
        "rows": [
            {
                "time": point["time"],
                "p50": wording.duration(point["p50"]) if point["count"] else "none",
                "p95": wording.duration(point["p95"]) if point["count"] else "none",
                "rpm": wording.rate(point["rpm"]),
                "count": wording.count(point["count"]),
                "errors": wording.count(point["errors"]),
                "x": round(x, 1),
                **zoom(asked, start, start + step_ns),
            }
            for x, start, point in zip(places, starts, points, strict=True)
        ],
    }


def zoom(asked: Asked, from_ns: int, to_ns: int) -> dict[str, str]:
    """Answer a step of time within the page's own, and the address of the page for it alone."""
    low = wording.rfc3339(max(from_ns, asked.from_ns))
    high = wording.rfc3339(min(to_ns, asked.to_ns))
    return {"from": low, "to": high, "href": asked.link(last=None, live=None, from_=low, to=high)}


def deploys(releases: Sequence[Mapping[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Answer where in the time shown a release began that was not there before.

    What the range begins with is no news: it may have run for months.
    """
    length = asked.to_ns - asked.from_ns
    found = []
    for before, each in pairwise(releases):
        share = (nanoseconds(each["first"]) - asked.from_ns) / length
        if 0 < share < 1:
            found.append(
                {
                    "percent": round(share * 100, 2),
                    "release": each["release"],
                    "time": each["first"],
                    "requests": wording.plural(each["count"], "request"),
                    "since": asked.link(
                        last=None, live=None, from_=each["first"], to=wording.rfc3339(asked.to_ns)
                    ),
                    "compare": compared(asked, release=each["release"], against_release=before["release"]),
                }
            )
    return found


def compared(asked: Asked, **beside: str) -> str:
    """Answer the address of a comparison of what a page is about, in its time."""
    names = ("service", "env", "endpoint", "segment")
    whose = {name: asked.given[name] for name in names if name in asked.given}
    return address("/compare", whose | asked.times() | beside)


def curve(
    points: Sequence[Mapping[str, Any]], middles: Sequence[float], field: str
) -> list[tuple[float, float | None]]:
    """Answer one measure as (x, value) with gaps where nothing was asked."""
    return [(x, point[field] if point["count"] else None) for x, point in zip(middles, points, strict=True)]


def marks(asked: Asked) -> list[dict[str, Any]]:
    """Answer five places of the time axis and their times."""
    length = asked.to_ns - asked.from_ns
    return [
        {
            "percent": share * 100,
            "anchor": "start" if share == 0 else "end" if share == 1 else "middle",
            "time": wording.rfc3339(asked.from_ns + round(length * share)),
            "days": length > 2 * 86_400_000_000_000,
        }
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]


def nanoseconds(text: str) -> int:
    """Answer ns since 1970 of an RFC 3339 time of ours."""
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000


def histogram(buckets: Sequence[Mapping[str, Any]], asked: Asked) -> dict[str, Any] | None:
    """Answer the latency distribution: bars on a log axis, and octaves that select the trace below."""
    raw = [(float(each["low"]), float(each["high"]), int(each["count"])) for each in buckets]
    cells: list[charts.Cell] = []
    for per_octave in (8, 4, 2, 1):
        cells = charts.cells(raw, per_octave)
        if len(cells) <= CELLS_MAX:
            break
    if not cells:
        return None
    whole = sum(cell.number for cell in cells)
    step = charts.WIDTH / len(cells)
    top = charts.ceiling(max(cell.number for cell in cells))
    chosen = set(asked.octaves or ())
    bars = charts.columns([(index * step, cell.number) for index, cell in enumerate(cells)], top, step)
    octaves = sorted({cell.octave for cell in cells})
    selected = sum(cell.number for cell in cells if cell.octave in chosen)
    return {
        "bars": [(bar, not chosen or cells[bar.nth].octave in chosen) for bar in bars if bar.height],
        "octaves": [octave(each, cells, whole, octaves, asked) for each in octaves],
        # Half a request is none.
        "levels": [
            (tick.percent, wording.count(tick.value))
            for tick in charts.levels(top)[:2]
            if tick.value == int(tick.value)
        ],
        "edges": edges(octaves),
        "chosen": span_words(chosen) if chosen else None,
        "selected": wording.plural(selected, "request"),
        "selected_share": wording.share(selected / whole) if whole else "",
        "clear_link": asked.link(octaves=None),
    }


def octave(
    number: int, cells: Sequence[charts.Cell], whole: int, octaves: Sequence[int], asked: Asked
) -> dict[str, Any]:
    """Answer one doubling of the latency axis: where it lies, how many, and what a click selects."""
    own = sum(cell.number for cell in cells if cell.octave == number)
    width = charts.WIDTH / len(octaves)
    selection = clicked(number, asked.octaves)
    wanted = ",".join(str(each) for each in selection)
    return {
        "number": number,
        "x": round(octaves.index(number) * width, 1),
        "width": round(width, 1),
        "label": f"{wording.duration(2.0 ** (number - 1))} to {wording.duration(2.0**number)}",
        "count": wording.count(own),
        "share": wording.share(own / whole) if whole else "",
        "empty": not own,
        "chosen": number in (asked.octaves or ()),
        "href": asked.link(octaves=wanted or None),
    }


def clicked(number: int, chosen: tuple[int, ...] | None) -> list[int]:
    """Answer the selection after a click: alone first, then stretched to it, and away when it was all."""
    if not chosen:
        return [number]
    if number in chosen:
        return [] if len(chosen) == 1 else [number]
    return list(range(min(*chosen, number), max(*chosen, number) + 1))


def edges(octaves: Sequence[int]) -> list[dict[str, Any]]:
    """Answer at most six labels of the latency axis."""
    every = -(-len(octaves) // 6)
    inner = range(every, len(octaves), every)
    return [
        {"percent": round(at / len(octaves) * 100, 2), "label": wording.duration(2.0 ** (octaves[at] - 1))}
        for at in inner
    ]


def span_words(chosen: set[int]) -> str:
    """Answer a selection as a range of durations."""
    return f"{wording.duration(2.0 ** (min(chosen) - 1))} to {wording.duration(2.0 ** max(chosen))}"
