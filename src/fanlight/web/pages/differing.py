"""What two sides of a comparison look like over each other: distributions, trees, endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import charts, wording
from fanlight.web.pages.frame import segment_words, span_name, tier
from fanlight.web.pages.graphs import CELLS_MAX, edges
from fanlight.web.statements import Statement, statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

    Json = dict[str, Any]

DEEPEST = 12
ROWS_MAX = 120
"""Rows of the difference; those that differ least are left out first."""
ENDPOINTS_MAX = 40
NONE = {"count": 0}
QUIET_NS = 1_000
"""A change of less is none."""


class Row(NamedTuple):
    """A row of the difference: a place of the merged trace on both sides."""

    title: str
    sent: Statement
    category: str
    tier: str
    indent: int
    level: int
    times: str
    location: str
    before: str
    after: str
    change: str
    is_slower: bool
    is_faster: bool
    bars: tuple[tuple[float, float], tuple[float, float]]
    state: str


def overlaid(found: Sequence[Mapping[str, Any]], before: int, after: int) -> Json | None:
    """Answer both distributions on one axis, each as shares of its own requests."""
    sums = {
        side: [(float(each["low"]), float(each["high"]), each[side]) for each in found]
        for side in ("before", "after")
    }
    both = [(float(each["low"]), float(each["high"]), each["before"] + each["after"]) for each in found]
    axis: list[charts.Cell] = []
    for per_octave in (8, 4, 2, 1):
        axis = charts.cells(both, per_octave)
        if len(axis) <= CELLS_MAX:
            break
    if not axis:
        return None
    shares = []
    for side, whole in (("before", before), ("after", after)):
        cells = charts.cells([each for each in sums[side] if each[2]], per_octave)
        # Both sides' edges are the same powers of two, to the last bit.
        counted = {cell.high: cell.number for cell in cells}
        shares.append([counted.get(cell.high, 0) / (whole or 1) for cell in axis])
    top = min(charts.ceiling(max(*shares[0], *shares[1])), 1.0)
    step = charts.WIDTH / len(axis)
    octaves = sorted({cell.octave for cell in axis})
    bars = charts.columns([(nth * step, share) for nth, share in enumerate(shares[1])], top, step)
    return {
        "bars": [bar for bar in bars if bar.height],
        "outline": outline(shares[0], top, step),
        "levels": [(tick.percent, wording.share(tick.value)) for tick in charts.levels(top)[:2]],
        "edges": edges(octaves),
        "hits": [
            {
                "x": round(nth * step, 1),
                "width": round(step, 1),
                "tip": f"{wording.duration(cell.low)} to {wording.duration(cell.high)}: "
                f"{wording.share(shares[0][nth])} before, {wording.share(shares[1][nth])} now",
            }
            for nth, cell in enumerate(axis)
            if shares[0][nth] or shares[1][nth]
        ],
        "rows": [in_octave(number, axis, shares) for number in octaves],
    }


def in_octave(number: int, axis: Sequence[charts.Cell], shares: Sequence[Sequence[float]]) -> Json:
    """Answer a doubling of duration: the share of each side's requests that took so long."""
    places = [nth for nth, cell in enumerate(axis) if cell.octave == number]
    one, other = (sum(side[nth] for nth in places) for side in shares)
    label = f"{wording.duration(2.0 ** (number - 1))} to {wording.duration(2.0**number)}"
    return {"label": label, "before": wording.share(one), "after": wording.share(other)}


def outline(shares: Sequence[float], top: float, step: float) -> str:
    """Answer the outline of bars as a path of steps, from the ground to the ground."""
    level = float(charts.HEIGHT)
    path = [f"M0 {level:.1f}"]
    for nth, share in enumerate(shares):
        at = charts.HEIGHT - share / top * charts.HEIGHT
        if at != level:
            path.append(f"H{nth * step:.1f}V{at:.1f}")
            level = at
    path.append(f"H{len(shares) * step:.1f}V{charts.HEIGHT}")
    return "".join(path)


def tree_rows(nodes: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Answer the merged traces of both sides as one: those places that matter, in their order."""
    kept = worth_showing(nodes)
    length = reach(nodes)
    return [row(each, length) for each in nodes if each["path"] in kept]


def axis(nodes: Sequence[Mapping[str, Any]]) -> list[charts.Mark]:
    """Answer the marks of the time axis that both sides share, which begins where the request does."""
    return charts.axis(0, reach(nodes)) if nodes else []


def reach(nodes: Sequence[Mapping[str, Any]]) -> float:
    """Answer how many ns are drawn: what the longer side takes."""
    return max([1.0, *(end_of(each[side]) for each in nodes for side in ("before", "after"))])


def end_of(side: Mapping[str, Any] | None) -> float:
    """Answer where a bar ends, in ns after the request began."""
    return begin_of(side) + side["total"] if side else 0.0


def begin_of(side: Mapping[str, Any]) -> float:
    """Answer where a bar begins: one bar stands for all repeats, whose mean start lies in its middle."""
    others = side["total"] * (1 - 1 / side["times"]) if side["times"] > 1 else 0.0
    return float(max(side["offset"] - others / 2, 0.0))


def worth_showing(nodes: Sequence[Mapping[str, Any]]) -> set[str]:
    """Answer the paths of those that changed most or take most, and of all above them."""
    parents = {each["path"]: each["parent"] for each in nodes}

    def weight(each: Mapping[str, Any]) -> float:
        was, now = (each[side]["total"] if each[side] else 0 for side in ("before", "after"))
        return float(abs(now - was) + max(was, now) / 100)

    kept: set[str] = set()
    for each in sorted(nodes, key=weight, reverse=True):
        if len(kept) >= ROWS_MAX:
            break
        path = each["path"]
        while path and path not in kept:
            kept.add(path)
            path = parents.get(path)
    return kept


def row(each: Mapping[str, Any], length: float) -> Row:
    """Answer one place of the merged trace, its bars to the scale of the longer side."""
    one, other = each["before"], each["after"]
    was, now = (side["total"] if side else 0 for side in (one, other))
    change = now - was
    counts = [side["times"] if side else 0.0 for side in (one, other)]
    return Row(
        title=span_name(each["category"], each["title"]),
        sent=statement(each["description"], each["category"]),
        category=each["category"],
        tier=tier(each["category"]),
        indent=min(each["depth"], DEEPEST),
        level=each["depth"] + 1,
        times=repeats(*counts),
        location=each["location"],
        before=wording.duration(was) if one else "",
        after=wording.duration(now) if other else "",
        change=signed(change) if abs(change) >= QUIET_NS else "same",
        is_slower=change >= QUIET_NS and change > was * 0.05,
        is_faster=-change >= QUIET_NS and -change > was * 0.05,
        bars=(bar(one, length), bar(other, length)),
        state="new" if not one else "gone" if not other else "",
    )


def bar(side: Mapping[str, Any] | None, length: float) -> tuple[float, float]:
    """Answer (x, width) on the grid of 1000; nothing where a side is not there."""
    if side is None:
        return 0.0, 0.0
    x = min(begin_of(side) / length * 1000, 996)
    return round(x, 1), round(max(min(side["total"] / length * 1000, 1000 - x), 2), 1)


def repeats(was: float, now: float) -> str:
    """Answer how often something runs in a request, on both sides where that differs."""
    if max(was, now) < 1.05:
        return ""
    if abs(now - was) < 0.05 * max(was, now) or not was or not now:
        return f"{wording.TIMES}{wording.short(now or was)}"
    return f"{wording.TIMES}{wording.short(was)} → {wording.TIMES}{wording.short(now)}"


def signed(change_ns: float) -> str:
    """Answer a change with its sign."""
    return ("+" if change_ns > 0 else "−") + wording.duration(abs(change_ns))  # noqa: RUF001 - a real minus


def endpoint_rows(found: Mapping[str, Any], asked: Asked) -> list[Json]:
    """Answer a service's endpoints, what explains most of its change first, each with its own comparison."""
    rows = found["endpoints"]
    # Both ends of the list matter: what got slower, and what got faster.
    if len(rows) > ENDPOINTS_MAX:
        half = ENDPOINTS_MAX // 2
        rows = [*rows[:half], *rows[-half:]]
    return [
        {
            "endpoint": each["endpoint"],
            "segment": segment_words(each["segment"]),
            "href": asked.link(endpoint=each["endpoint"], segment=each["segment"]),
            "before": wording.duration(each["before"]["mean"]) if each["before"] else "not asked",
            "after": wording.duration(each["after"]["mean"]) if each["after"] else "not asked",
            "counts": [
                wording.count(each[side]["count"]) if each[side] else "0" for side in ("before", "after")
            ],
            "slower": signed(each["slower"]) if abs(each["slower"]) >= QUIET_NS else "",
            "mix": signed(each["mix"]) if abs(each["mix"]) >= QUIET_NS else "",
            "is_slower": each["slower"] >= QUIET_NS,
        }
        for each in rows
    ]
