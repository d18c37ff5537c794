"""What a day's minutes counted, added up over a range: by group, or all groups of a service together."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from fanlight.stores.duckdb.reads import DAY_NS, MINUTE_NS, groups_in
from fanlight.stores.duckdb.schema import total

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from fanlight.stores.answers import Group
    from fanlight.stores.duckdb.reads import View

    Column = NDArray[Any]
    Cells = tuple[Column, Column, Column]
    """Group, bucket and requests, sorted by group, no bucket twice in one."""

FEW = 200
"""Groups up to which the engine's own grouping is quicker: its sums stay in the processor's cache."""
ROWS_MAX = 2_000_000
"""Rows of a day's histograms that are taken out of the engine as they are, 14 bytes each."""
CELLS_MAX = 4_000_000
"""Sums that are held at once, 8 bytes each: a thousand groups have about half a million."""


class Tally:
    """A running sum of count rows and their histograms.

    Attributes:
        buckets: requests per bucket, as far as they were `put`.
        cells: more of the same as columns, (bucket, n) per day, no bucket twice in one.
        slots: requests per slot of the range.
    """

    def __init__(self, slots: int) -> None:
        self.n = self.errors = self.sum_ns = self.max_ns = 0
        self.min_ns = 2**64
        self.buckets: dict[int, int] = {}
        self.cells: list[tuple[NDArray[Any], NDArray[Any]]] = []
        self.slots = [0] * slots

    def add(self, n: int, errors: int, sum_ns: int, min_ns: int, max_ns: int) -> None:
        """Merge one count row."""
        self.n += n
        self.errors += errors
        self.sum_ns += sum_ns
        self.min_ns = min(self.min_ns, min_ns)
        self.max_ns = max(self.max_ns, max_ns)

    def put(self, bucket: int, n: int) -> None:
        """Merge one bucket."""
        self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def histogram(self) -> dict[int, int]:
        """Answer the requests per bucket of `cells`."""
        if len(self.cells) == 1:
            # Fast path: most groups come from one day.
            bucket, n = self.cells[0]
        elif self.cells:
            sums = np.zeros(1 + max(int(bucket.max()) for bucket, _ in self.cells), np.uint64)
            for bucket, n in self.cells:
                sums[bucket] += n
            bucket = np.flatnonzero(sums)
            n = sums[bucket]
        else:
            return {}
        return dict(zip(bucket.tolist(), n.tolist(), strict=True))


def add_counts(view: View, tallies: dict[Group, Tally], groups: Collection[int] | None, slots: int) -> None:
    """Add each group's counts over the range, cut into equal slots by where a minute begins."""
    source = view.both("counts", f"{view.minutes} AND {groups_in(groups)}")
    rows = view.ask(
        f"SELECT grp, {total('n', 'errors', 'total')}, min(least), max(most) FROM {source} "
        "GROUP BY grp ORDER BY grp"
    )
    # Fast path: where there is but one slot, all of it is in there.
    strips = [[row[1]] for row in rows] if slots == 1 else cut(view, source, slots, [row[0] for row in rows])
    for (number, *sums), strip in zip(rows, strips, strict=True):
        tally = tallies.setdefault(view.group(number), Tally(slots))
        # Fast path: most groups come from one day.
        tally.slots = list(map(add, tally.slots, strip)) if tally.n else strip
        tally.add(*sums)


def cut(view: View, source: str, slots: int, groups: list[int]) -> list[list[int]]:
    """Answer the requests per slot of some groups, which are sorted and all that `source` has."""
    group, slot, n = view.columns(
        f"SELECT grp, {slot_of(view, slots)} AS slot, {total('n')} AS n FROM {source} GROUP BY grp, slot"
    )
    strips = np.zeros((len(groups), slots), np.uint64)
    strips[np.searchsorted(np.array(groups, np.uint32), group), slot] = n
    answer: list[list[int]] = strips.tolist()
    return answer


def slot_of(view: View, slots: int) -> str:
    """Answer the expression for the slot in which a minute begins."""
    length = view.to_ns - view.from_ns
    # Fast path: 64 bits are enough for some years.
    wide = "BIGINT" if max(length, DAY_NS) * slots < 2**62 else "HUGEINT"
    begin = f"greatest(minute::{wide} * {MINUTE_NS}, {view.from_ns}) - {view.from_ns}"
    return f"(({begin}) * {slots} // {length})::INTEGER"


def add_buckets(view: View, tallies: dict[Group, Tally], groups: Collection[int] | None) -> None:
    """Add each group's histogram over the range."""
    source = view.both("latency", f"{view.minutes} AND {groups_in(groups)}")
    found = scattered(view, source) if len(tallies) > FEW and rows_of(view) <= ROWS_MAX else None
    group, bucket, n = found or gathered(view, source)
    edges = np.flatnonzero(np.diff(group, prepend=-1)).tolist()
    for first, end in pairwise([*edges, len(group)]):
        tallies[view.group(int(group[first]))].cells.append((bucket[first:end], n[first:end]))


def rows_of(view: View) -> int:
    """Answer the rows of a day's histograms; without a condition the engine knows them without a look."""
    counted = f"(SELECT count(*) FROM {view.alias}.latency)"
    ((rows,),) = view.ask(f"SELECT {counted} + (SELECT count(*) FROM {view.alias}.latency_new)")
    return int(rows)


def gathered(view: View, source: str) -> Cells:
    """Answer the histograms as the engine adds them up."""
    group, bucket, n = view.columns(
        f"SELECT grp, bucket, {total('n')} AS n FROM {source} GROUP BY grp, bucket ORDER BY grp"
    )
    return group.astype(np.int64), bucket, n


def scattered(view: View, source: str) -> Cells | None:
    """Answer the histograms; None where there are too many sums to hold, or one might outgrow 64 bits.

    A fast path, of a thousand groups two fifths of what grouping costs the engine: a minute has seldom
    two requests in one bucket, so there are nearly as many rows as requests, and each is only added in
    its place.
    """
    group, bucket, n = view.columns(f"SELECT grp, bucket, n FROM {source}")
    if not len(group):
        return group.astype(np.int64), bucket, n
    least, low = int(group.min()), int(bucket.min())
    width = int(bucket.max()) - low + 1
    size = (int(group.max()) - least + 1) * width
    if size > CELLS_MAX or int(n.max()) * len(n) >= 2**64:
        return None
    place = (group.astype(np.intp) - least) * width
    place += bucket
    place -= low
    sums = np.zeros(size, np.uint64)
    np.add.at(sums, place, n)
    found = np.flatnonzero(sums)
    return found // width + least, found % width + low, sums[found]


def add_service(view: View, tally: Tally, groups: Collection[int] | None, slots: int) -> None:
    """Add the counts of some groups together; a fraction of what telling them apart costs."""
    where = f"{view.minutes} AND {groups_in(groups)}"
    rows = view.ask(
        f"SELECT {slot_of(view, slots)} AS slot, {total('n', 'errors', 'total')}, min(least), max(most) "
        f"FROM {view.both('counts', where)} GROUP BY slot"
    )
    for slot, n, *sums in rows:
        tally.add(n, *sums)
        tally.slots[slot] += n
    for bucket, n in view.ask(
        f"SELECT bucket, {total('n')} FROM {view.both('latency', where)} GROUP BY bucket"
    ):
        tally.put(bucket, n)
