"""The DuckDB store when its process is killed at any time, or its disk is full."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from commits import DAY_NS
from history import START

from fanlight.stores.duckdb.store import DuckStore

CHILD = textwrap.dedent(
    """
    import resource, signal, sys
    sys.path[:0] = [{here!r}]
    from commits import DAY_NS, MINUTE_NS, commit
    from history import START, requests
    from fanlight.stores.duckdb.store import DuckStore
    from fanlight.stores.duckdb.schema import MERGES
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


def killed_rounds(directory: Path, rounds: int) -> None:
    """Kill a process that applies, again and again; whatever it told as applied must be there once."""
    script = CHILD.format(here=str(Path(__file__).parent), directory=str(directory))
    told = 0
    for turn in range(rounds):
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert child.stdout
        assert child.stdout.readline() == "open\n", f"round {turn}: the store did not reopen"
        # Between 1 and 16 commits later, wherever the process then is.
        for _ in range(1 + turn * 5 % 16):
            told = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.wait(10)
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


def test_ten_kills_lose_nothing_and_double_nothing(directory: Path) -> None:
    killed_rounds(directory, 10)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_kills_lose_nothing_and_double_nothing(directory: Path) -> None:
    killed_rounds(directory, 100)


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
