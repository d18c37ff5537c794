"""The DuckDB store when its process is killed at any time, or its disk is full."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from commits import DAY_NS, commit
from history import START, open_at, requests

from fanlight.errors import StoreError
from fanlight.stores.duckdb.store import DuckStore

if TYPE_CHECKING:
    from collections.abc import Callable

CHILD = textwrap.dedent(
    """
    import resource, signal, sys
    sys.path[:0] = [{here!r}]
    from commits import DAY_NS, MINUTE_NS, commit
    from history import START, requests
    from fanlight.stores.duckdb.schema import MERGES
    from fanlight.stores.duckdb.store import DuckStore
    from pathlib import Path
    store = DuckStore(Path({directory!r}))
    print("open", flush=True)
    kept = store.positions().get(1, 0)
    for position in range(kept + 1, 100_000):
        for day in store.days.values():
            day.limits = {{merge.table: 30 for merge in MERGES}}
        # Each commit has rows for two days, so the crash also falls between their transactions.
        both = requests(position, 1, start_ns=START - position * 7 * MINUTE_NS)
        both += requests(position, 1, start_ns=START + DAY_NS - position * 7 * MINUTE_NS)
        store.apply(1, [(position, commit(both))])
        print(position, flush=True)
        if position % 9 == 0:
            store.compact()
    """
)


def killed_rounds(directory: Path, rounds: int) -> int:
    """Kill a process that applies, again and again; whatever it told as applied must be there once.

    Answers how many commits that were.
    """
    script = CHILD.format(here=str(Path(__file__).parent), directory=str(directory))
    told = 0
    for turn in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        assert child.stdout.readline() == "open\n", f"round {turn}: the store did not reopen"
        # Between 1 and 16 commits later, wherever the process then is.
        for _ in range(1 + turn * 5 % 16):
            told = int(child.stdout.readline())
        # And anywhere within the next commit, which takes some 30 ms.
        time.sleep(random.uniform(0, 0.05))
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait(60)
        child.stdout.close()
        told = max([told, *(int(line) for line in rest if line.isdigit())])
        store = DuckStore(directory)
        position = store.positions().get(1, 0)
        first, second = (
            sum(row.n for row in store.counts(START + day * DAY_NS, START + (day + 1) * DAY_NS))
            for day in (0, 1)
        )
        assert told <= first <= told + 1
        assert second in (first, first - 1)
        assert position in (second, second - 1) or position == second
        assert told <= store.ledger()["shop"] / 2 <= told + 1
        assert (
            sum(point.n for point in store.timeline(("shop", "/orders", "html"), START, START + DAY_NS, 60))
            == first
        )
        assert store.size().bad == 0
        store.close()
    return told


class Tripwire:
    """A connection whose n-th statement from now fails, or is done and leaves no memory behind it."""

    def __init__(self, connection, n: int, of: str) -> None:
        self.connection = connection
        self.left = n
        self.of = of

    def execute(self, *statement):
        self.left -= 1
        if not self.left and self.of == "disk":
            raise duckdb.IOException("the disk is gone")
        answer = self.connection.execute(*statement)
        if not self.left:
            raise MemoryError
        return answer

    def __getattr__(self, name):
        return getattr(self.connection, name)


@pytest.mark.parametrize("of", ["disk", "memory"])
def test_whichever_statement_fails_trying_again_keeps_all_once(directory: Path, of: str) -> None:
    tripped_rounds(directory, "tried again", of)


@pytest.mark.soak
def test_whichever_statement_fails_a_new_process_keeps_all_once(directory: Path) -> None:
    tripped_rounds(directory, "reopened")


def tripped_rounds(directory: Path, then: str, of: str = "disk") -> None:
    """Let the n-th statement of an application fail, for every n until none is left."""
    start = START + DAY_NS - 5 * 1000
    store = open_at(directory)
    tripped = True
    turn = kept = 0
    while tripped:
        turn += 1
        # Rows for two days, enough new ones to be merged.
        record = commit(requests(turn * 100, 10, 1000, start_ns=start - turn * 100 * 1000))
        store.alive()
        for day in store.days.values():
            day.limits["counts"] = 1
        store.writer = wire = Tripwire(store.writer, turn, of)
        try:
            store.apply(1, [(turn, record)])
            tripped = wire.left <= 0
        except (StoreError, MemoryError):
            assert wire.left <= 0
        store.writer = wire.connection
        if then == "reopened":
            store.close()
            store = open_at(directory)
        store.apply(1, [(turn, record)])
        kept += 10
        assert store.ledger() == {"shop": kept}, f"statement {turn}"
    assert sum(row.n for row in store.counts(START, START + 2 * DAY_NS)) == kept
    assert store.positions() == {1: turn}
    assert store.bad == 0, "an error of the disk is no reason to set a good file aside"
    assert turn > 40
    store.close()


@pytest.mark.parametrize("of", ["disk", "memory"])
def test_whichever_statement_fails_while_a_day_is_rewritten_what_comes_then_stays(
    directory: Path, of: str
) -> None:
    tripped, turn, kept = True, 0, 0
    while tripped:
        turn += 1
        store = open_at(directory, START + 2 * DAY_NS)
        store.apply(1, [(2 * turn - 1, commit(requests(kept, 10, 1000)))])
        store.writer = wire = Tripwire(store.writer, turn, of)
        with suppress(StoreError, MemoryError):
            store.compact()
        tripped = wire.left <= 0
        store.writer = wire.connection
        store.apply(1, [(2 * turn, commit(requests(kept + 10, 10, 1000)))])
        store.close()
        kept += 20
        store = open_at(directory, START)
        assert store.ledger() == {"shop": kept}, f"statement {turn}"
        store.close()
    assert turn > 5


@pytest.mark.parametrize("of", ["disk", "memory"])
@pytest.mark.parametrize("turn", range(1, 8))
def test_whichever_statement_fails_while_a_day_is_dropped_its_account_is_kept_once(
    directory: Path, turn: int, of: str
) -> None:
    store = open_at(directory, START + 3 * DAY_NS)
    store.apply(1, [(1, commit(requests(0, 10, 1000)))])
    store.apply(1, [(2, commit(requests(100, 5, 1000, start_ns=START + DAY_NS)))])
    first = min(store.days)
    store.writer = wire = Tripwire(store.writer, turn, of)
    with suppress(StoreError, MemoryError):
        store.expire(first + 1)
    store.writer = wire.connection
    store.expire(first + 1)
    store.close()
    store = open_at(directory)
    assert store.ledger() == {"shop": 15}
    store.close()


def test_ten_kills_lose_nothing_and_double_nothing(directory: Path) -> None:
    killed_rounds(directory, 10)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_kills_lose_nothing_and_double_nothing(
    directory: Path, record_property: Callable[[str, object], None]
) -> None:
    kept = killed_rounds(directory, 100)
    record_property("measured", f"of {kept} commits 0 lost, 0 doubled")
    record_property("limit", "0")


def broken(data: bytes, how: str, rng: random.Random) -> bytes:
    """What a disk or a power failure may make of a file."""
    out = bytearray(data)
    # Most of a small file is empty; where something stands it hurts.
    at = rng.choice([place for place, byte in enumerate(out) if byte])
    if how == "flipped":
        out[at] ^= 0x40
    elif how == "cut":
        del out[at:]
    elif how == "zeroed tail":
        out[at:] = bytes(len(out) - at)
    else:
        out[at : at + 4096] = bytes(len(out[at : at + 4096]))
    return bytes(out)


@pytest.mark.parametrize("how", ["flipped", "cut", "zeroed tail", "zeroed page"])
@pytest.mark.parametrize("which", ["2024-10-04.duckdb", "2024-10-04.duckdb.wal"])
def test_it_starts_whatever_became_of_a_file_and_tells(directory: Path, which: str, how: str) -> None:
    store = open_at(directory)
    store.apply(1, [(1, commit(requests(0, 40, 1000)))])
    store.writer.execute("CHECKPOINT day_1")
    for position in range(2, 12):
        store.apply(1, [(position, commit(requests(position * 40, 3, 1000)))])
    kept = {path: path.read_bytes() for path in directory.glob("2024*")}
    store.close()
    rng = random.Random(f"{which} {how}")
    for _ in range(6):
        for path in directory.glob("2024*"):
            path.unlink()
        for path, data in kept.items():
            path.write_bytes(broken(data, how, rng) if path.name == which else data)
        store = open_at(directory)
        stored = store.ledger().get("shop", 0)
        if how == "zeroed tail" and which.endswith("wal"):
            # What a power failure does: every whole entry is kept, nothing is set aside.
            assert store.bad == 0
            assert stored >= 40
        elif which.endswith("wal"):
            assert stored >= 40
        elif how == "flipped":
            assert stored == 70 or store.bad
        position = store.positions().get(1, 0)
        assert stored == (0 if not position else 40 + 3 * (position - 1))
        store.apply(9, [(1, commit(requests(5000, 2, 1000)))])
        assert store.ledger()["shop"] == stored + 2
        store.close()


def test_a_disk_that_is_full_while_the_log_is_folded_in_loses_nothing(directory: Path) -> None:
    script = textwrap.dedent(
        f"""
        import resource, signal, sys
        sys.path[:0] = [{str(Path(__file__).parents[2] / "bench")!r}]
        from pathlib import Path
        from storeday import Day, DAY_NS
        from fanlight.errors import StoreError
        from fanlight.stores.duckdb.store import DuckStore
        from fanlight.wire import codec
        from fanlight.wire.messages import COMMIT
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = DuckStore(Path({str(directory)!r}), clock=lambda: 20_000 * DAY_NS)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # The log is folded in at 16 MiB: it has room to get there, the file has not.
        resource.setrlimit(resource.RLIMIT_FSIZE, (17_500_000, hard))
        kept, failed = 0, 0
        for position, message in enumerate(Day(20_000).commits(4000, 0.2), 1):
            message = codec.decode(COMMIT, codec.encode(COMMIT, message))
            for attempt in range(3):
                try:
                    store.apply(1, [(position, message)])
                    break
                except StoreError as error:
                    failed += 1
                    rows = store.counts(20_000 * DAY_NS, 20_001 * DAY_NS)
                    assert sum(row.n for row in rows) in (kept, kept + 4000), "a reader saw half of it"
                    if attempt == 1:
                        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            kept += 4000
        assert failed >= 2, failed
        for store in (store, None):
            if store is None:
                store = DuckStore(Path({str(directory)!r}), clock=lambda: 20_000 * DAY_NS)
            assert store.ledger() == {{"shop": kept}}, store.ledger()
            assert sum(row.n for row in store.counts(20_000 * DAY_NS, 20_001 * DAY_NS)) == kept
            store.close()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_full_disk_is_told_and_what_was_kept_stays(directory: Path) -> None:
    script = textwrap.dedent(
        f"""
        import resource, signal, sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}]
        from commits import commit
        from pathlib import Path
        from history import START, requests
        from fanlight.errors import StoreError
        from fanlight.stores.duckdb.store import DuckStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = DuckStore(Path({str(directory)!r}), clock=lambda: START)
        store.apply(1, [(1, commit(requests(0, 3)))])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        log = Path({str(directory)!r}) / "2024-10-04.duckdb.wal"
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 100, hard))
        failed = 0
        for _ in range(3):
            try:
                store.apply(1, [(2, commit(requests(3, 20)))])
            except StoreError as error:
                failed += 1
                assert "segment 1" in str(error), error
            assert store.counts(START, START + 10**15)[0].n == 3
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert failed == 3, failed
        store.apply(1, [(2, commit(requests(3, 20)))])
        assert store.counts(START, START + 10**15)[0].n == 23
        store.close()
        store = DuckStore(Path({str(directory)!r}), clock=lambda: START)
        assert store.counts(START, START + 10**15)[0].n == 23
        assert store.ledger() == {{"shop": 23}}
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_import_into_a_full_disk_goes_on_where_it_stopped(directory: Path) -> None:
    script = textwrap.dedent(
        f"""
        import base64, random, resource, signal
        from pathlib import Path
        from fanlight import Event
        from fanlight.errors import StoreError
        from fanlight.event.packing import pack
        from fanlight.query.query import Query
        from fanlight.stores.duckdb.store import DuckStore
        from fanlight.stores.imports import Imported, Piece
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = DuckStore(Path({str(directory)!r}))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        one = pack(Event(kind="log"))
        file, failed = Imported(0, "/a.log", "plain", "1:2", "head", 4096), 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (17_500_000, hard))
        chance = random.Random(1)
        for number in range(20):
            # The log is folded in every 16 MiB; the second time the file grows too large.
            text = [base64.b85encode(chance.randbytes(800)).decode() for _ in range(2000)]
            rows = [one._replace(line=number * 2000 + place + 1, raw=text[place]) for place in range(2000)]
            piece = Piece(file, "tail", (number + 1) * 100_000, (number + 1) * 2000, rows)
            for attempt in range(3):
                try:
                    file = store.imports.keep(piece, 1)
                    break
                except StoreError as error:
                    failed += 1
                    (known,) = store.imports.files()
                    if known.position == piece.position:
                        file = known
                        break
                    assert known == file, known
                    if attempt == 1:
                        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert failed, "the disk was never full"
        for store in (store, None):
            store = store or DuckStore(Path({str(directory)!r}))
            assert store.imports.files()[0].events == 40_000
            assert len(list(store.imports.nominated(Query("")))) == 40_000
            store.close()
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
