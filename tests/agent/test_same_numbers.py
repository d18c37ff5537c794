"""Embedded and standalone tell the same of the same load: counts, histograms, trees, findings."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from receiving import House, until

import fanlight
from fanlight.agent.batch import Packer
from fanlight.agent.destination import parse
from fanlight.agent.embedded import Reporter
from fanlight.agent.queue import Line
from fanlight.agent.standalone import Link
from fanlight.collector.collector import Collector
from fanlight.collector.options import Options
from fanlight.normalizers import normalize
from fanlight.recording import recorder
from fanlight.recording.clock import clock
from fanlight.recording.pauses import Pauses
from fanlight.server.server import Server
from fanlight.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20
TRACES = 600
MS = 1_000_000
WHO = {
    "protocol": 1,
    "client": "c0ffee" * 5 + "00",
    "service": "shop",
    "environment": "",
    "host": "h",
    "pid": 7,
    "instruments": ["sqlite3=active"],
    "release": "2026.1",
}


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[tuple[str, Server]]:
    """A real collector, and the server that applies what it spools."""
    path = str(tmp_path / "c.sock")
    collector = Collector(Options(socket=path, spool=str(tmp_path / "spool")))
    thread = threading.Thread(target=collector.run, daemon=True)
    thread.start()
    assert collector.listening.wait(30)
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.start()
    yield path, server
    collector.stop()
    thread.join(60)
    server.stop()


def load(monkeypatch: pytest.MonkeyPatch) -> Line:
    """Answer finished traces of a seeded shop: endpoints, errors, nested spans, repeated statements."""
    line = Line()
    monkeypatch.setattr(recorder.SWITCH, "sink", line.traces.append)
    monkeypatch.setattr(recorder.SWITCH, "sample", 1.0)
    chance = random.Random(SEED)
    for n in range(TRACES):
        duration = int(chance.lognormvariate(17, 1.2))
        start = clock() - duration - 50 * MS
        trace = recorder.begin("app.wsgi.request", "GET", f"/things/{chance.randrange(12)}", start)
        assert trace is not None
        lane = recorder.current()
        assert lane is not None
        at = start
        for _ in range(chance.randrange(1, 9) if n % 5 else 8):
            lane.leaf("sql.query", "SELECT name FROM thing WHERE id = ?", at, at + 9 * MS)
            at += 10 * MS
        with fanlight.span("render", "view.render.template", rows=n):
            pass
        trace.status = chance.choice([200, 200, 200, 302, 404, 500])
        recorder.finish(trace, ValueError("no") if chance.random() < 0.05 else None)
    return line


def told(server: Server) -> dict[str, Any]:
    """Answer all that pages show of a service, without the ids that are drawn at random."""
    from_ns, to_ns = time.time_ns() - 3_600 * 10**9, time.time_ns() + 60 * 10**9
    rows = server.answers.endpoints(from_ns, to_ns, "shop")
    out: dict[str, Any] = {}
    for row in rows:
        key = row["endpoint"], row["segment"]
        whole = server.answers.endpoint("shop", *key, from_ns, to_ns)
        assert whole is not None
        kept = {name: whole[name] for name in ("count", "errors", "p50", "p95", "p99", "mean", "max")}
        kept |= {name: whole[name] for name in ("histogram", "tree", "findings", "releases")}
        kept["samples"] = sorted(each["id"] for each in whole["samples"])
        out[str(key)] = kept
    return out


def test_the_same_load_gives_the_same_numbers(monkeypatch, tmp_path, collected):
    path, standalone = collected
    house = House(tmp_path / "embedded")
    line = load(monkeypatch)
    packer = Packer(normalize, Pauses(), print)
    link = Link(path, lambda: {**WHO, "generation": packer.table.generation}, print)
    reporter = Reporter(parse(house.dsn), lambda: WHO, print, line.drop, {})
    late = clock() + 60 * 10**9
    while parcel := packer.pack(line):
        # The same bytes to both.
        while not link.deliver(parcel, packer.table, late, bool):
            pass
        assert reporter.deliver(parcel, packer.table, late, bool)
        assert reporter.settle(late, bool, everything=True)
    until(lambda: standalone.store.ledger().get("shop") == house.stored() == TRACES)
    ours, theirs = told(house.server), told(standalone)
    assert ours.keys() == theirs.keys()
    for group, expected in theirs.items():
        assert ours[group] == expected, group
    assert sum(each["count"] for each in ours.values()) == TRACES
    assert all(each["releases"][0]["release"] == "2026.1" for each in ours.values())
    assert all(sum(run["count"] for run in each["releases"]) == TRACES for each in ours.values())
    assert any(each["findings"] for each in ours.values()), "the load has something to find"
    account = house.server.status()["services"]
    assert account == standalone.status()["services"]
    assert account["shop"]["balanced"]
    link.close()
    reporter.close()
    house.end()
