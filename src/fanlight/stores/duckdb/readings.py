"""Events of the days beside traces: what a query may select of them, and readings, also as numbers."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fanlight.event.packing import schema_of
from fanlight.query.asof import KIND
from fanlight.stores.duckdb.engine import insert
from fanlight.stores.duckdb.reads import among
from fanlight.stores.duckdb.schema import MEASURES
from fanlight.stores.measures import Measures, joined, measured, shape_of
from fanlight.stores.readings import Told, is_asked, of_kind, of_servers, selectable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fanlight.event.event import Event
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.duckdb.reads import View
    from fanlight.stores.duckdb.store import DuckStore

AT_ONCE = 2_000
"""Events that are read together."""
MEASURE_AT = 1_000
"""Events that have gathered until the readings among them are kept as numbers too,"""
MEASURED_AT_ONCE = 20_000
"""and that are kept as numbers together."""
COLUMNS = [f"v{place:02}" for place in range(MEASURES)]


def told(store: DuckStore, query: Query) -> Iterator[Event]:
    """Yield the events of all days that a query may select, oldest first."""
    low, high = query.bounds()
    for view in store.views(0 if low is None else max(low, 0), 2**64 if high is None else high + 1):
        yield from of_shapes(view, selectable(query, shapes(view)))


def readings(
    store: DuckStore, low_ns: int | None, high_ns: int | None, names: frozenset[str]
) -> Iterator[Event]:
    """Yield the readings of whole servers between two moments that have one of some names, imports too."""
    for view in store.views(
        0 if low_ns is None else max(low_ns, 0), 2**64 if high_ns is None else high_ns + 1
    ):
        yield from of_shapes(view, of_servers(shapes(view), names))
    yield from store.imports.readings(low_ns, high_ns, names)


def may_tell(views: list[View], query: Query) -> bool:
    """Tell whether a query may select such an event of some days."""
    return is_asked(query) and any(selectable(query, shapes(view)) for view in views)


def shapes(view: View) -> dict[str, int]:
    """Answer the shapes of the events within a view's range, each with its id."""
    ids = [number for (number,) in view.ask(f"SELECT DISTINCT shape {within(view)}")]
    return {shape: number for number, shape in view.texts(ids).items()}


def between(store: DuckStore, from_ns: int, to_ns: int, whole: bool) -> list[Told]:
    """Answer the readings of all days in a time, oldest first; a fast path, a day of them has 17,000."""
    found: list[Told] = []
    for view in store.views(from_ns, to_ns):
        known = shapes(view)
        texts = {known[shape]: shape for shape in of_kind(known, whole=whole)}
        if texts:
            told = view.ask(f"SELECT time, shape, told {kept(view, texts)} ORDER BY time, rowid")
            found += [Told(time_ns, "", texts[shape], values) for time_ns, shape, values in told]
    return found


def kept(view: View, shapes: Iterable[int]) -> str:
    """Answer where the events of some shapes stand that are within the view's range."""
    return f"{within(view)} AND shape IN ({', '.join(map(str, shapes))})"


def within(view: View, table: str = "events") -> str:
    """Answer where the events stand that are within the view's range."""
    bounds = f"time >= {min(view.from_ns, 2**63 - 1)} AND time <= {min(view.to_ns - 1, 2**63 - 1)}"
    return f"FROM {view.alias}.{table} WHERE {bounds}"


def of_shapes(view: View, chosen: list[str]) -> Iterator[Event]:
    """Yield a day's events of some shapes within the view's range, oldest first."""
    return (each.event() for each in rows(view, chosen))


def rows(view: View, chosen: list[str]) -> Iterator[Told]:
    """Yield what a day has of some shapes within the view's range, oldest first; not whose they are."""
    known = shapes(view)
    texts = {known[shape]: shape for shape in chosen}
    if not texts:
        return
    # A list of places first: the connection is asked other things while the events are taken.
    places = view.ask(f"SELECT rowid {kept(view, texts)} ORDER BY time, rowid")
    for first in range(0, len(places), AT_ONCE):
        batch = ", ".join(str(place) for (place,) in places[first : first + AT_ONCE])
        found_now = view.ask(
            f"SELECT time, shape, told FROM {view.alias}.events WHERE rowid IN ({batch}) ORDER BY time, rowid"
        )
        for time_ns, shape, values in found_now:
            yield Told(time_ns, "", texts[shape], values)


def measure(cursor: Connection, alias: str) -> int:
    """Keep readings that came since as numbers too, inside the caller's transaction.

    Answers:
        how many events were looked at, the readings of whole servers among them being kept.
    """
    ask = cursor.execute
    told = ask(
        f"SELECT rowid, time, shape, told FROM {alias}.events WHERE rowid >= "
        f"(SELECT coalesce(max(event) + 1, 0) FROM {alias}.measured) ORDER BY rowid LIMIT {MEASURED_AT_ONCE}"
    ).fetchall()
    ids = {shape for _, _, shape, _ in told}
    texts = dict(ask(f"SELECT id, text FROM {alias}.strings WHERE {among('id', ids)}").fetchall())
    shapes = {number: shape_of(text) for number, text in texts.items() if is_measured(text)}
    leaders: dict[tuple[int, str], int] = {}
    rows: list[tuple[int, int, int, str, int]] = []
    found: list[NDArray[np.float64]] = []
    for event, time_ns, number, values in told:
        shape = shapes.get(number)
        numbers = None if shape is None else shape.read(values)
        if shape is not None and numbers is not None:
            labels = shape.prefix(values)
            leader = leaders.setdefault((number, labels), event)
            rows.append((event, leader, number, labels if leader == event else "", time_ns))
            found.append(np.pad(numbers, (0, MEASURES - len(numbers)), constant_values=np.nan))
    if rows:
        kinds = (np.int64, np.int64, np.int64, object, np.int64)
        columns: list[NDArray[Any]] = [
            np.array(column, dtype=kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)
        ]
        table = np.array(found)
        columns += [table[:, place].copy() for place in range(MEASURES)]
        insert(cursor, f"{alias}.measured", {f"c{place:02}": each for place, each in enumerate(columns)})
    return len(told)


def is_measured(text: str) -> bool:
    """Tell whether readings of a shape are kept as numbers."""
    if schema_of(text)[0].kind != KIND:
        return False
    shape = shape_of(text)
    return shape.is_known and not shape.is_of_worker and len(shape.names) <= MEASURES


def measures(store: DuckStore, from_ns: int, to_ns: int) -> list[Measures]:
    """Answer the readings of whole servers of all days in a time, as numbers."""
    return joined([each for view in store.views(from_ns, to_ns) for each in of_day(view)])


def of_day(view: View) -> list[Measures]:
    """Answer a day's readings: those kept as numbers, and of the others what their texts tell."""
    known = shapes(view)
    wanted = of_kind(known, whole=True)
    if not wanted:
        return []
    ((last,),) = view.ask(f"SELECT coalesce(max(event), -1) FROM {view.alias}.measured")
    always = [known[text] for text in wanted if not is_measured(text)]
    told = view.ask(
        f"SELECT time, shape, told {kept(view, [known[text] for text in wanted])} "
        f"AND (rowid > {last} OR {among('shape', always)}) ORDER BY time, rowid"
    )
    texts = {known[text]: text for text in wanted}
    others = measured(Told(time_ns, "", texts[shape], values) for time_ns, shape, values in told)
    return [*numbers(view, max(len(shape_of(text).names) for text in wanted)), *others]


def numbers(view: View, most: int) -> list[Measures]:
    """Answer the readings that are kept as numbers, none of which tells more than so many."""
    names = ", ".join(["leader", "time", *COLUMNS[:most]])
    columns = view.columns(f"SELECT {names} {within(view, 'measured')}")
    leader, times, *values = map(np.asarray, columns)
    leaders = np.unique(leader)
    if not len(leaders):
        return []
    # A leader itself may lie before the view's range.
    led = view.ask(
        f"SELECT event, shape, labels FROM {view.alias}.measured WHERE event = leader "
        f"AND event BETWEEN {leaders[0]} AND {leaders[-1]}"
    )
    texts = view.texts({shape for _, shape, _ in led})
    places: dict[tuple[str, str], int] = {}
    of_leader = {
        event: places.setdefault((texts[shape], labels), len(places)) for event, shape, labels in led
    }
    whose = np.array([of_leader[event] for event in leaders.tolist()])
    whose = whose[np.searchsorted(leaders, leader)]
    found = []
    for (text, prefix), place in places.items():
        mine = np.flatnonzero(whose == place)
        # Mostly they are in order already, and the engine would put all of their columns in order.
        mine = mine[np.argsort(times[mine], kind="stable")]
        table = np.stack([column[mine] for column in values[: len(shape_of(text).names)]], axis=1)
        found.append(Measures(shape_of(text), prefix, times[mine], table))
    return found
