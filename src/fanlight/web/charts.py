"""Geometry of the charts: numbers in, SVG paths and places out. No markup, no words of users.

Paths are drawn on a grid of 1000 by 100 that the page stretches to its own width; labels are placed
in percent beside it, so that text keeps its size on a phone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 1000
HEIGHT = 100

OCTAVES_MIN = 4
"""Doublings that a latency axis shows at least."""


STEPS_NS = (
    *(step * 10**power for power in range(10) for step in (1, 2, 5)),
    *(seconds * 10**9 for seconds in (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200)),
)
"""Lengths that a piece of a trace's time axis may have."""


class Tick(NamedTuple):
    """A mark on an axis: where, in percent, and what value stands there."""

    percent: float
    value: float


class Bar(NamedTuple):
    """A rectangle on the grid, and which of the values it shows."""

    x: float
    y: float
    width: float
    height: float
    nth: int


def sparkline(values: Sequence[float], height: int = 16) -> str:
    """Answer a path of steps, two units wide each; flat runs cost one command.

    A page shows a thousand of these, so they are small before they are exact.
    """
    top = max(values, default=0)
    if top <= 0:
        return ""
    path = [f"M0 {height}"]
    level = height
    run = 0
    for value in values:
        # Whatever happened is seen: one request among thousands is still one unit high.
        at = height - max(round(value * height / top), 1) if value > 0 else height
        if at != level:
            path.append(f"h{run}V{at}" if run else f"V{at}")
            level, run = at, 0
        run += 2
    path.append(f"h{run}V{height}z")
    return "".join(path)


def ceiling(value: float) -> float:
    """Answer the next round number at or above a value: the top of an axis."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 6, 8, 10) if step * power >= value * 0.999_999)


def levels(top: float) -> list[Tick]:
    """Answer three marks of an axis from its top down; percent counts from the top."""
    return [Tick(0, top), Tick(50, top / 2), Tick(100, 0)]


class Mark(NamedTuple):
    """A mark on the time axis of a trace: where, in percent, how its text is anchored, and its ns."""

    percent: float
    anchor: str
    time_ns: float


def axis(lead_ns: float, length_ns: float) -> list[Mark]:
    """Answer round places of the time axis of a trace, five at the most; 0 is where the request began.

    Args:
        lead_ns: before it began.
        length_ns: from then to the end of the axis.
    """
    whole = lead_ns + length_ns
    step = next((step for step in STEPS_NS if step * 4 >= whole), STEPS_NS[-1])
    marks = []
    for place in range(int(min(length_ns // step, 4)) + 1):
        percent = (lead_ns + place * step) / whole * 100
        anchor = "start" if percent < 2 else "end" if percent > 92 else "middle"
        marks.append(Mark(round(percent, 2), anchor, place * step))
    return marks


def line(points: Sequence[tuple[float, float | None]], top: float, step: float) -> str:
    """Answer a path through (x, value) points; None is a gap, a lonely point a short dash.

    Args:
        points: x on the grid, ascending, and the value there.
        top: the value at the upper edge.
        step: how wide a point is, on the grid.
    """
    pieces: list[list[str]] = [[]]
    for x, value in points:
        if value is None:
            if pieces[-1]:
                pieces.append([])
            continue
        pieces[-1].append(f"{x:.1f} {HEIGHT - min(value / top, 1) * HEIGHT:.1f}")
    path = ""
    for piece in pieces:
        if len(piece) == 1:
            x_text, _, y_text = piece[0].partition(" ")
            path += f"M{float(x_text) - step / 2:.1f} {y_text}h{step:.1f}"
        elif piece:
            path += "M" + "L".join(piece)
    return path


def columns(values: Sequence[tuple[float, float]], top: float, step: float) -> list[Bar]:
    """Answer bars of (x at the left edge, value), a hair apart, at least visible when not zero."""
    bars = []
    for index, (x, value) in enumerate(values):
        height = max(value / top * HEIGHT, 1.0) if value > 0 else 0.0
        bars.append(
            Bar(round(x, 1), round(HEIGHT - height, 1), round(step * 0.9, 1), round(height, 1), index)
        )
    return bars


class Cell(NamedTuple):
    """A piece of the latency axis: (low, high] ns, how many, and the octave that it lies in."""

    low: float
    high: float
    number: int
    octave: int


def cells(histogram: Sequence[tuple[float, float, int]], per_octave: int) -> list[Cell]:
    """Answer buckets of (low, high, count) put together, `per_octave` cells to a doubling.

    Args:
        histogram: low and high in ns; only `high`, which is inclusive, decides.
        per_octave: cells to a doubling.

    Octave `o` is `(2**(o-1), 2**o]`, as merged trees are kept; cells never straddle two. Every cell
    of the octaves between the first and the last is there, the empty ones too.
    """
    sums: dict[int, int] = {}
    for _, high, count in histogram:
        # The upper bound belongs to the bucket; the hair keeps 2**27 itself out of octave 28.
        place = math.ceil(math.log2(max(high, 1.0)) * per_octave - 1e-6)
        sums[place] = sums.get(place, 0) + count
    if not sums:
        return []
    lowest, highest = octave_of(min(sums), per_octave), octave_of(max(sums), per_octave)
    # A lonely octave says nothing of where it stands: it gets neighbours.
    while highest - lowest + 1 < OCTAVES_MIN:
        highest += 1
        lowest = max(lowest - 1, 1)
    first, last = (lowest - 1) * per_octave + 1, highest * per_octave
    return [
        Cell(
            2.0 ** ((place - 1) / per_octave),
            2.0 ** (place / per_octave),
            sums.get(place, 0),
            octave_of(place, per_octave),
        )
        for place in range(first, last + 1)
    ]


def octave_of(place: int, per_octave: int) -> int:
    """Answer the octave that a cell's place lies in."""
    return -(-place // per_octave)
