"""What goes when days are too old or the store too large: traces of whoever has too many, then days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from fanlight.stores.duckdb import files
from fanlight.stores.duckdb.engine import telling
from fanlight.stores.duckdb.imported.kept import FILE
from fanlight.stores.quota import heaviest

if TYPE_CHECKING:
    from fanlight.stores.duckdb.store import DuckStore


def expire(store: DuckStore, before_day: int, max_bytes: int) -> list[int]:
    """Drop days before `before_day`, then what is over `max_bytes`; the newest day stays."""
    dropped = drop(store, before_day, 0)
    if max_bytes:
        with telling(f"a day of {store.directory} cannot be thinned out"):
            while size(store) > max_bytes and thin(store):
                pass
        dropped += drop(store, before_day, max_bytes)
    return dropped


def drop(store: DuckStore, before_day: int, max_bytes: int) -> list[int]:
    """Drop days before `before_day`, then the oldest ones while over `max_bytes` (0: no cap)."""
    dropped: list[int] = []
    with store.writing, telling(f"days of {store.directory} cannot be dropped"):
        store.alive()
        imports = files.bytes_of(store.directory / FILE)
        left = files.bytes_of(*store.directory.rglob("*")) - imports
        *old, newest = sorted(store.days) or [0]
        for number in old:
            if number >= before_day and not (max_bytes and left > max_bytes):
                break
            day = store.days[number]
            left -= files.bytes_of(day.path)
            try:
                store.days[newest].carry(store.writer, day)
            except (duckdb.Error, MemoryError):
                # The file may have it all the same: then it must not be given it once more.
                store.suspect = True
                raise
            files.sync(store.directory)
            with store.guard:
                del store.days[number]
            store.retire(day)
            dropped.append(number)
    return dropped


def size(store: DuckStore) -> int:
    """Answer what the days take; files that only a reader still holds are as good as gone."""
    with store.guard:
        return files.bytes_of(*(day.path for day in store.days.values()))


def thin(store: DuckStore) -> bool:
    """Leave the traces of one service out of one day that is over; answer whether it could be done.

    Whoever holds more than an equal share loses its oldest first, so nobody loses to it.
    """
    with store.guard:
        days = dict(store.days)
    for service in heaviest({number: day.held for number, day in days.items()}):
        for number in sorted(days)[:-1]:
            held = days[number].held.get(service)
            if days[number].closed and held and held.bytes:
                return store.close_day(number, service)
    return False
