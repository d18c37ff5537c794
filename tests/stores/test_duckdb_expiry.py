"""What goes from a DuckDB store that is full: traces of whoever has too many, then days."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from commits import DAY_NS, HOUR_NS, Request, commit
from history import DAY, SQL, START, open_at, requests

from fanlight.stores.duckdb import files
from fanlight.stores.duckdb.schema import LATER

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.stores.duckdb.store import DuckStore

LOUD, QUIET = ("shop", "/", "html"), ("pay", "/charge", "json")


def crowded(directory: Path) -> DuckStore:
    """Five days, four of them closed: one service has nearly all, with texts that no trace repeats."""
    store = open_at(directory, START + 4 * DAY_NS + HOUR_NS)
    for day in range(5):
        chance = random.Random(day)
        loud = [
            Request(
                START + day * DAY_NS + i,
                1000,
                day * 10**6 + i + 1,
                LOUD,
                (SQL, SQL._replace(notes=(("text", chance.randbytes(1500).hex()),))),
            )
            for i in range(1500)
        ]
        quiet = [Request(START + day * DAY_NS + i, 1000, 10**9 + day * 10 + i, QUIET) for i in range(5)]
        store.apply(day, [(1, commit(loud)), (2, commit(quiet))])
    store.compact()
    return store


def left_of(store: DuckStore, group: tuple[str, str, str]) -> list[int]:
    """Kept traces per day."""
    return [
        len(store.traces(group, START + day * DAY_NS, START + (day + 1) * DAY_NS, None, 10**6))
        for day in range(5)
    ]


def test_the_oldest_traces_of_whoever_has_most_make_room_before_any_day_goes(directory: Path) -> None:
    store = crowded(directory)
    counts = store.counts(START, START + 5 * DAY_NS)
    sizes = {day: files.bytes_of(each.path) for day, each in store.days.items()}
    assert store.expire(DAY - 9, sum(sizes.values()) - sizes[DAY] // 4) == []
    assert left_of(store, LOUD) == [0, 1500, 1500, 1500, 1500]
    assert left_of(store, QUIET) == [5] * 5
    assert store.counts(START, START + 5 * DAY_NS) == counts
    assert len(store.tree(LOUD, START, START + DAY_NS)) == 2
    assert store.shares()["pay"].left_out == 0
    assert (directory / "2024-10-04.2.closed.duckdb").exists()
    assert not (directory / "2024-10-04.closed.duckdb").exists()
    # Texts that its annotations alone had have gone as well.
    assert files.bytes_of(store.days[DAY].path) < sizes[DAY] * 2 / 3
    shares, ledger, positions = store.shares(), store.ledger(), store.positions()
    assert shares["shop"].left_out == 1500
    store.close()
    store = open_at(directory, START + 4 * DAY_NS + HOUR_NS)
    assert (store.shares(), store.ledger(), store.positions()) == (shares, ledger, positions)
    # A thinned day takes late rows and repetitions as any other.
    store.apply(0, [(1, commit([Request(START, 1, 1, LOUD)])), (3, commit([Request(START, 1, 77, LOUD)]))])
    assert left_of(store, LOUD)[0] == 1
    assert store.trace(f"{77:032x}")[0].row.service == "shop"
    store.close()


def test_days_go_when_no_service_has_more_than_an_equal_share(directory: Path) -> None:
    store = crowded(directory)
    size = files.bytes_of(store.days[DAY].path)
    # Everything that can be thinned out is not enough.
    assert store.expire(DAY - 9, size // 2) == [DAY, DAY + 1, DAY + 2, DAY + 3]
    assert left_of(store, LOUD) == [0, 0, 0, 0, 1500]
    assert store.ledger() == {"shop": 7500, "pay": 25}
    store.close()


def test_a_file_left_beside_a_thinned_one_is_cleared_away(directory: Path) -> None:
    store = crowded(directory)
    old = directory / "2024-10-04.closed.duckdb"
    content = old.read_bytes()
    size = store.size().bytes
    store.expire(DAY - 9, size - files.bytes_of(old) // 4)
    answers = store.shares(), left_of(store, LOUD), store.ledger()
    store.close()
    old.write_bytes(content)
    store = open_at(directory, START + 4 * DAY_NS + HOUR_NS)
    assert (store.shares(), left_of(store, LOUD), store.ledger()) == answers
    assert not old.exists()
    store.close()


def test_a_day_from_before_there_were_shares_and_releases_is_read_and_written_on(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 5)))])
    for table in LATER:
        store.writer.execute(f"DROP TABLE {store.days[DAY].alias}.{table}")
    store.close()
    store = open_at(directory)
    assert store.shares() == {}
    assert store.environments(START, START + DAY_NS) == [("shop", "")]
    assert store.releases("shop", 0, 2**63) == []
    store.apply(1, [(2, commit(requests(5, 5)))])
    assert store.shares()["shop"].bytes > 0
    assert store.ledger() == {"shop": 10}
    here = [each._replace(environment="production") for each in requests(10, 5)]
    store.apply(1, [(3, commit(here))])
    assert store.environments(START, START + DAY_NS) == [("shop", ""), ("shop", "production")]
    (row,) = store.counts(START, START + DAY_NS)
    (elsewhere,) = store.counts(START, START + DAY_NS, environment="")
    assert (row.n, elsewhere.n) == (15, 10)
    store.close()
