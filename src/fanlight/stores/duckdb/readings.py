"""Events of the days beside traces: what a query may select of them, and readings for as-of look-ups."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.stores.readings import Told, is_asked, of_kind, of_servers, selectable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.event.event import Event
    from fanlight.query.query import Query
    from fanlight.stores.duckdb.reads import View
    from fanlight.stores.duckdb.store import DuckStore

AT_ONCE = 2_000
"""Events that are read together."""


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
    """Answer the shapes of a day's events, each with its id."""
    ids = [number for (number,) in view.ask(f"SELECT DISTINCT shape FROM {view.alias}.events")]
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
    bounds = f"time >= {min(view.from_ns, 2**63 - 1)} AND time <= {min(view.to_ns - 1, 2**63 - 1)}"
    return f"FROM {view.alias}.events WHERE {bounds} AND shape IN ({', '.join(map(str, shapes))})"


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
