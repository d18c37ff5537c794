"""The server as a whole: started over a spool, asked, stopped."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from commits import DAY_NS, Request, commit

from fanlight.errors import StoreError
from fanlight.server.server import Server
from fanlight.server.upkeep import Retention, Upkeep
from fanlight.stores import open_store

if TYPE_CHECKING:
    from pathlib import Path

START = 20_000 * DAY_NS


def test_what_lies_in_the_spool_is_answered_soon_and_the_account_balances(
    segments, tmp_path: Path, until
) -> None:
    url = f"duckdb:{tmp_path / 'store'}"
    collector = {"pid": 7, "rss_bytes": 5, "spool": {"bytes": 1, "segments": 1, "max_bytes": 9}}
    server = Server(open_store(url), segments.directory, lambda: collector, store_url=url)
    server.start()
    assert not server.ready
    segments.begin()
    segments.append(commit([Request(START, 1000, 1), Request(START, 1000, 2)]))
    until(lambda: server.answers.endpoints(START, START + DAY_NS))
    assert server.ready
    until(lambda: server.status()["store"]["lag_s"] == 0)
    status = server.answers.status()
    assert status["services"] == {
        "shop": {"accepted": 2, "stored": 2, "in_spool": 0, "dropped": {}, "balanced": True}
    }
    assert [process["role"] for process in status["processes"]] == ["server", "collector"]
    assert status["processes"][0]["pid"] == os.getpid()
    assert status["store"]["url"] == url
    assert status["store"]["days"] == ["2024-10-04"]
    assert status["store"]["bytes"] > 0
    assert status["spool"]["max_bytes"] == 9
    assert json.loads(json.dumps(status)) == status
    server.stop()
    # The store is free again.
    open_store(url).close()


def test_a_collector_that_does_not_answer_is_no_obstacle(segments) -> None:
    server = Server(open_store("memory:"), segments.directory, lambda: None)
    status = server.status()
    assert status["collector"] is None
    assert status["spool"] == {
        "bytes": 0,
        "segments": 0,
        "max_bytes": None,
        "bad_segments": 0,
        "bad_records": 0,
    }
    server.start()
    server.stop()


def test_upkeep_drops_days_that_are_too_old_and_tells_a_failure_once() -> None:
    store = open_store("memory:")
    for day in range(20):
        store.apply(day, [(1, commit([Request(START + day * DAY_NS, 1000, day + 1)]))])
    told: list[str] = []
    upkeep = Upkeep(store, Retention(days=14), told.append, clock=lambda: START + 19 * DAY_NS)
    upkeep.attempt()
    assert store.size().days == tuple(range(20_005, 20_020))

    def fail() -> None:
        raise StoreError("no room")

    store.compact = fail
    upkeep.attempt()
    upkeep.attempt()
    assert told == ["old days are neither rewritten nor dropped: no room"]
    del store.compact
    upkeep.attempt()
    assert told[1:] == ["old days are rewritten and dropped again"]
