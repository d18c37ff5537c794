"""The DuckDB store beyond what every store does: its files, its fence, its crashes."""

from __future__ import annotations

import os
import tempfile
import threading
from itertools import islice
from pathlib import Path

import duckdb
import pytest
from commits import DAY_NS, HOUR_NS, MINUTE_NS, Request, commit
from history import DAY, START, everything, open_at, requests
from hypothesis import given
from hypothesis import strategies as st

from fanlight import Query
from fanlight.errors import StoreError
from fanlight.stores import open_store
from fanlight.stores.duckdb import counting
from fanlight.stores.duckdb.schema import MERGES
from fanlight.stores.quota import Quota


def test_merging_what_came_in_small_deltas_changes_no_answer(directory: Path) -> None:
    whole = open_store("memory:")
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 1)))])
    for position in range(2, 60):
        store.days[DAY].limits = {merge.table: 20 for merge in MERGES}
        store.apply(1, [(position, commit(requests(position, 3, MINUTE_NS)))])
    whole.apply(1, [(1, commit(requests(0, 1)))])
    for position in range(2, 60):
        whole.apply(1, [(position, commit(requests(position, 3, MINUTE_NS)))])
    assert all(rows < 40 for rows in store.days[DAY].fresh.values())
    assert everything(store) == everything(whole)
    store.close()
    store = open_at(directory)
    assert everything(store) == everything(whole)
    store.close()


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 10**11), st.integers(0, 9)), min_size=1))
def test_what_is_added_in_its_place_is_what_the_engine_adds_up(told: list[tuple[int, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        store = open_at(Path(place) / "store")
        given = [
            Request(START + minute * MINUTE_NS, long, id=number + 1, group=("shop", f"/{endpoint}", "html"))
            for number, (minute, long, endpoint) in enumerate(told)
        ]
        store.apply(1, [(number + 1, commit([each])) for number, each in enumerate(given)])
        for view in store.views(START, START + 5 * MINUTE_NS):
            source = view.both("latency", view.minutes)
            found = counting.scattered(view, source)
            assert found
            assert cells(found) == cells(counting.gathered(view, source))
        store.close()


def cells(found: counting.Cells) -> list[tuple[int, ...]]:
    """Answer a group's buckets as they were asked for, groups in their order."""
    group, bucket, n = (column.tolist() for column in found)
    assert group == sorted(group)
    return sorted(zip(group, bucket, n, strict=True))


def test_sums_that_might_outgrow_their_place_are_left_to_the_engine(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 3)))])
    for view in store.views(START, START + HOUR_NS):
        huge = f"(SELECT grp, bucket, {2**63}::UBIGINT AS n FROM {view.both('latency', 'true')})"
        spread = "(SELECT 0 AS grp, 1 AS bucket, 1::UBIGINT AS n UNION ALL SELECT 99, 65000, 1)"
        assert counting.scattered(view, huge) is None
        assert counting.scattered(view, spread) is None
    store.close()


@pytest.mark.parametrize("take", [None, 1], ids=["whole", "left"])
def test_an_answer_leaves_nothing_behind_but_what_the_engine_read(take: int | None, directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 600, MINUTE_NS)))])
    with store.pinned(DAY) as held:
        assert held
        ask = held[1].execute

        def left() -> tuple[object, ...]:
            kept = ask(
                "SELECT tag, memory_usage_bytes FROM duckdb_memory() WHERE tag <> 'BASE_TABLE'"
            ).fetchall()
            tables = ask("SELECT count(*) FROM duckdb_tables()").fetchall()
            return kept, tables, ask("FROM duckdb_temporary_files()").fetchall(), store.days[DAY].users

        before = left()
        for text in (
            "/./",
            "/./ | stats count by endpoint",
            "| sort -duration",
            "| stats p95(duration) by trace",
        ):
            assert list(islice(store.answer(Query(text)), take))
            assert left() == before, text
    store.close()


def test_a_closed_day_answers_as_before_and_takes_late_rows(directory: Path) -> None:
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.apply(1, [(1, commit(requests(0, 200)))])
    before = everything(store)
    store.compact()
    assert [path.name for path in directory.glob("*duckdb")] == ["2024-10-04.closed.duckdb"]
    assert everything(store) == before
    store.apply(1, [(2, commit(requests(300, 5, MINUTE_NS)))])
    late = everything(store)
    assert late[0] == {"shop": 205}
    store.close()
    store = open_at(directory)
    assert everything(store) == late
    assert store.positions() == {1: 2}
    store.close()


def test_a_day_is_not_closed_before_its_grace_is_over(directory: Path) -> None:
    store = open_at(directory, START + DAY_NS + MINUTE_NS)
    store.apply(1, [(1, commit(requests(0, 3)))])
    store.compact()
    assert not store.days[DAY].closed
    store.close()


def test_a_reader_that_began_before_a_day_was_closed_reads_on(directory: Path) -> None:
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.apply(1, [(1, commit(requests(0, 50)))])
    views = store.views(START, START + DAY_NS)
    view = next(views)
    store.compact()
    assert sum(point[1] for point in view.steps(None, 60)[0]) == 50
    assert (directory / "2024-10-04.duckdb").exists()
    views.close()
    assert not (directory / "2024-10-04.duckdb").exists()
    assert store.counts(START, START + DAY_NS)[0].n == 50
    store.close()


def test_rows_that_come_while_a_day_is_rewritten_are_not_lost(directory: Path) -> None:
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.apply(1, [(1, commit(requests(0, 50)))])
    # The rewriting waits for the writer's lock before it compares: until then, rows may come.
    store.writing.acquire()
    closer = threading.Thread(target=store.compact)
    closer.start()
    scratch = directory / "2024-10-04.closed.duckdb.tmp"
    deadline = threading.Event()
    while not scratch.exists() and not deadline.wait(0.005):
        pass
    late = store.portions(1, [(2, commit(requests(60, 1)))])[DAY][0][1:]
    store.days[DAY].apply(store.writer, 1, 2, late, Quota(0, (), {}))
    store.writing.release()
    closer.join(30)
    assert not store.days[DAY].closed
    assert store.ledger() == {"shop": 51}
    store.compact()
    assert store.days[DAY].closed
    assert store.ledger() == {"shop": 51}
    store.close()


@pytest.mark.parametrize("left", ["scratch", "both files"])
def test_a_crash_while_closing_a_day_leaves_one_whole_day(directory: Path, left: str) -> None:
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.apply(1, [(1, commit(requests(0, 50)))])
    before = everything(store)
    store.close()
    open_file = directory / "2024-10-04.duckdb"
    kept = open_file.read_bytes()
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.compact()
    store.close()
    closed = directory / "2024-10-04.closed.duckdb"
    open_file.write_bytes(kept)
    if left == "scratch":
        closed.rename(closed.with_name(closed.name + ".tmp"))
    store = open_at(directory)
    assert everything(store) == before
    assert len(list(directory.glob("*duckdb*"))) == 1
    store.close()


def test_a_crash_between_account_and_deletion_of_an_expired_day_counts_it_once(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 5)))])
    store.apply(2, [(1, commit(requests(5, 5, start_ns=START + DAY_NS)))])
    store.close()
    old = directory / "2024-10-04.duckdb"
    kept = old.read_bytes()
    store = open_at(directory)
    assert store.expire(DAY + 1) == [DAY]
    store.close()
    old.write_bytes(kept)
    store = open_at(directory)
    assert store.ledger() == {"shop": 10}
    assert store.size().days == (DAY + 1,)
    assert store.positions() == {1: 1, 2: 1}
    assert not old.exists()
    store.close()


def test_the_size_cap_drops_the_oldest_days_first(directory: Path) -> None:
    store = open_at(directory)
    for day in range(3):
        store.apply(
            day,
            [(1, commit(requests(day * 10, 5, start_ns=START + day * DAY_NS - day * 10 * 7 * MINUTE_NS)))],
        )
    size = store.size()
    assert store.expire(0, size.bytes + 1) == []
    assert store.expire(0, size.bytes - 1) == [DAY]
    assert store.expire(0, 1) == [DAY + 1]
    assert store.expire(0, 1) == []
    assert store.ledger() == {"shop": 15}
    store.close()


def test_one_days_share_is_not_lost_when_the_crash_came_before_the_other_days(directory: Path) -> None:
    record = commit([Request(START + DAY_NS - 1, 1000, 1), Request(START + DAY_NS, 1000, 2)])
    store = open_at(directory)
    portions = store.portions(7, [(9, record)])
    for number in portions:
        store.add_day(number)
        store.days[number].announce(store.writer, 7)
    # The first day's transaction is committed, then the process is gone.
    store.days[DAY].apply(store.writer, 7, 9, [part for _, part in portions[DAY]], Quota(0, (), {}))
    store.close()
    store = open_at(directory)
    assert store.positions()[7] < 9
    store.apply(7, [(9, record)])
    assert store.positions() == {7: 9}
    assert [row.n for row in store.counts(START, START + 2 * DAY_NS)] == [2]
    assert store.ledger() == {"shop": 2}
    store.close()


def test_a_second_process_is_refused_with_the_pid_of_the_first(directory: Path) -> None:
    store = open_at(directory)
    with pytest.raises(StoreError, match=rf"open in another process \(pid {os.getpid()}\)"):
        open_at(directory)
    store.close()
    open_at(directory).close()


def test_an_unreadable_day_is_set_aside_and_the_others_answer(
    directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 5)))])
    store.apply(1, [(2, commit(requests(5, 5, start_ns=START + DAY_NS)))])
    store.close()
    victim = directory / "2024-10-04.duckdb"
    victim.write_bytes(os.urandom(victim.stat().st_size))
    store = open_at(directory)
    assert store.size().days == (DAY + 1,)
    assert store.size().bad == 1
    assert (directory / "2024-10-04.duckdb.bad").exists()
    assert f"{victim} cannot be read and is kept as 2024-10-04.duckdb.bad" in capfd.readouterr().err
    assert store.counts(START, START + 2 * DAY_NS)[0].n == 5
    store.close()


@pytest.mark.parametrize("size", [0, 5000])
def test_a_file_that_a_crash_left_before_its_first_byte_counted_is_made_anew(
    directory: Path, size: int
) -> None:
    directory.mkdir(0o700)
    (directory / "2024-10-04.duckdb").write_bytes(b"\0" * size)
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 5)))])
    assert store.size().bad == 0
    store.close()


def test_a_newer_schema_is_refused_and_left_alone(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 5)))])
    store.close()
    path = directory / "2024-10-04.duckdb"
    with duckdb.connect(str(path)) as file:
        file.execute("UPDATE day SET version = 99")
    with pytest.raises(StoreError, match="schema version 99, this Fanlight reads 1"):
        open_at(directory)
    assert path.exists()
    with duckdb.connect(str(path)) as file:
        file.execute("UPDATE day SET version = 1")
    open_at(directory).close()


def test_a_foreign_or_linked_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="a link or another user's"):
        open_at(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        open_at(tmp_path / "file")


def test_a_directory_with_a_quote_in_its_name_works(tmp_path: Path) -> None:
    store = open_at(tmp_path / "it's a store")
    store.apply(1, [(1, commit(requests(0, 5)))])
    assert store.ledger() == {"shop": 5}
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "ATTACH '{outside}/x.duckdb' AS x",
        "EXPORT DATABASE '{outside}/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 8",
        "SET allowed_directories = ['/']",
        "RESET lock_configuration",
    ],
)
def test_the_engine_is_fenced_from_files_network_and_settings(directory: Path, statement: str) -> None:
    store = open_at(directory)
    with pytest.raises(duckdb.Error):
        store.writer.execute(statement.format(outside=directory.parent))
    store.close()


def test_files_are_the_owners_alone(directory: Path) -> None:
    store = open_at(directory, START + DAY_NS + HOUR_NS)
    store.apply(1, [(1, commit(requests(0, 5)))])
    assert directory.stat().st_mode & 0o777 == 0o700
    assert (directory / "2024-10-04.duckdb").stat().st_mode & 0o777 == 0o600
    assert (directory / "lock").stat().st_mode & 0o777 == 0o600
    store.compact()
    assert (directory / "2024-10-04.closed.duckdb").stat().st_mode & 0o777 == 0o600
    store.close()


def test_readers_in_other_threads_see_whole_commits_while_the_writer_writes(directory: Path) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 10, 1000)))])
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            (counts,) = store.counts(START, START + DAY_NS)
            if counts.n % 10 or sum(counts.buckets.values()) != counts.n or sum(counts.slots) != counts.n:
                wrong.append(counts)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for position in range(2, 40):
        store.days[DAY].limits = {merge.table: 5 for merge in MERGES}
        store.apply(1, [(position, commit(requests(position * 10, 10, 1000)))])
    stop.set()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert store.counts(START, START + DAY_NS)[0].n == 390
    store.close()


def test_a_day_that_is_rewritten_or_dropped_under_a_reader_is_no_error(directory: Path) -> None:
    store = open_at(directory, START + 3 * DAY_NS)
    for day in range(3):
        store.apply(day, [(1, commit(requests(1 + day, 1, start_ns=START + day * DAY_NS)))])
    views = store.views(START, START + 3 * DAY_NS)
    next(views)
    store.compact()
    store.expire(DAY + 2)
    # The second day is gone, the third is another file now.
    assert [view.day.number for view in views] == [DAY + 2]
    store.close()
