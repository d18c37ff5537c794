"""One day's requests, and every answer about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commits import DAY_NS, HOUR_NS, MINUTE_NS, Part, Request

from fanlight.stores.duckdb.store import DuckStore

if TYPE_CHECKING:
    from pathlib import Path

DAY = 20_000
START = DAY * DAY_NS
SQL = Part(
    ("db.sql.query", "SELECT FROM product", "select ?"), 0, 10, 20_000_000, (("rows", 3),), "shop/cart.py:88"
)


def requests(first: int, n: int, step_ns: int = 7 * MINUTE_NS, start_ns: int = START) -> list[Request]:
    return [
        Request(start_ns + i * step_ns, 100_000_000 + i, i + 1, parts=(SQL,) * 6)
        for i in range(first, first + n)
    ]


def everything(store) -> tuple:
    """Every answer about the day of `requests`."""
    group, end = ("shop", "/orders", "html"), START + 2 * DAY_NS
    return (
        store.ledger(),
        store.counts(START, end),
        sorted(store.tree(group, START, end)),
        store.repeats(START, end),
        store.timeline(group, START, end, 60),
        store.traces(group, START, end),
        [store.trace(f"{number:032x}") for number in range(1, 30)],
    )


def open_at(directory: Path, now_ns: int = START + HOUR_NS) -> DuckStore:
    """A store whose clock stands still; by default the day of `requests` is not over."""
    return DuckStore(directory, clock=lambda: now_ns)
