"""The answer of `timechart` as curves: one for each group, over the time of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.event import types
from fanlight.query.stages.timechart import Timechart
from fanlight.web import charts
from fanlight.web.pages.graphs import nanoseconds
from fanlight.web.pages.results import column, cut, written
from fanlight.web.pages.volume import marks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.query.query import Query

CURVES_MAX = 6
"""Curves that can still be told apart; the table has them all."""

LABEL_MAX = 60


def curves(found: Mapping[str, Any], query: Query, from_ns: int, to_ns: int) -> dict[str, Any] | None:
    """Answer the curves of an answer whose last stage is `timechart`; None for any other.

    Args:
        found: `columns` and `rows` as `/v1/query` answers them.
        query: that was asked.
        from_ns: the first moment of the axis.
        to_ns: the first moment behind.
    """
    last = query.stages[-1] if query.stages else None
    if not isinstance(last, Timechart) or not found["rows"] or to_ns <= from_ns:
        return None
    measure = column(found["columns"][-1])
    step_ns = last.grouping.step_ns or 1
    series = grouped(found["rows"], step_ns)
    top = charts.ceiling(max((value for points in series.values() for value in points.values()), default=0))
    shown = sorted(series.items(), key=lambda item: -sum(item[1].values()))[:CURVES_MAX]
    width = (to_ns - from_ns) / charts.WIDTH
    return {
        "measure": measure.name,
        "lines": [
            {
                "label": cut(label or measure.name, LABEL_MAX),
                "path": charts.line(
                    placed(points, step_ns, from_ns, to_ns, width), top, max(step_ns / width, 2.0)
                ),
            }
            for label, points in shown
        ],
        "hidden": len(series) - len(shown),
        "levels": [
            (
                tick.percent,
                written(round(tick.value) if measure.type == types.DURATION else tick.value, measure),
            )
            for tick in charts.levels(top)[:2]
        ],
        "marks": marks(from_ns, to_ns),
    }


def grouped(rows: Sequence[Sequence[Any]], step_ns: int) -> dict[str, dict[int, float]]:
    """Answer each group's values by the beginning of their step; what is no number is left out."""
    series: dict[str, dict[int, float]] = {}
    for when, *names, value in rows:
        if when is None or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            continue
        label = ", ".join("none" if each is None else str(each) for each in names)
        series.setdefault(label, {})[nanoseconds(when) // step_ns * step_ns] = float(value)
    return series


def placed(
    points: Mapping[int, float], step_ns: int, from_ns: int, to_ns: int, width: float
) -> list[tuple[float, float | None]]:
    """Answer (x, value) of every step that the axis has, None where there is nothing."""
    first = from_ns // step_ns * step_ns
    if (to_ns - first) // step_ns > 4 * charts.WIDTH:
        # More steps than the axis has places: gaps cannot be seen.
        return [((at + step_ns / 2 - from_ns) / width, value) for at, value in sorted(points.items())]
    return [
        (min(max((at + step_ns / 2 - from_ns) / width, 0), charts.WIDTH), points.get(at))
        for at in range(first, to_ns, step_ns)
    ]
