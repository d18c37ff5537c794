"""What reading web servers costs the collector, beside one that reads none; and a day of it on the page.

A worker with an event loop writes something into its slot twenty times a second, also when nobody asks it
for anything: its collector never finds it as it was. One without writes nothing then.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import processes
from rows import Row

from fanlight.aggregate.aggregator import Aggregator
from fanlight.config.keys import METRICS
from fanlight.pipeline.saturation import packed
from fanlight.server.servers import Whose, servers
from fanlight.stores import open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.stores import Store

SETTLE_S = 8.0
FOR_S = 4.0
"""Of each round."""
APPS = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def loop(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""
SERVERS = {
    "gunicorn": ("-m", "gunicorn", "-w", "2", "-b", "127.0.0.1:PORT", "app:app"),
    "uvicorn": ("-m", "uvicorn", "--workers", "2", "--port", "PORT", "--log-level", "error", "app:loop"),
}
SECOND_NS = 1_000_000_000
BEGIN_NS = 20_000 * 86_400 * SECOND_NS
WORKERS = 4


def run(rounds: int) -> list[Row]:
    """Answer the rows: of two collectors at the same time, each with a server that nobody asks."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        for server in SERVERS:
            shares = sampled(Path(folder, server), server, rounds)
            without, whole = (median(each) for each in zip(*shares, strict=True))
            rows += [
                Row(f"10 Hz sampling of a {server} with 2 workers", whole - without, "% of a core", 0.3),
                Row(
                    f"collector while sampling that {server}",
                    whole,
                    "% of a core",
                    0.5,
                    note=f"{without:.2f} % without",
                ),
            ]
        store = open_store(f"duckdb:{folder}/day")
        fill(store)
        spent = [page_ms(store) for _ in range(max(3, rounds))]
        store.close()
    return [*rows, Row(f"page of servers: a day of one with {WORKERS} workers", median(spent), "ms CPU", 50)]


def sampled(folder: Path, server: str, rounds: int) -> list[tuple[float, float]]:
    """Answer per cent of a core, of a collector that reads no servers and of one that does."""
    folder.mkdir()
    (folder / "app.py").write_text(APPS)
    with ExitStack() as stack:
        pids = []
        for name, enabled in (("without", "false"), ("with", "true")):
            data = folder / name
            state = stack.enter_context(processes.serving(data, FANLIGHT_TELEMETRY__ENABLED=enabled))
            stack.enter_context(served(folder, data, server))
            pids.append(state["pids"]["collector"])
        time.sleep(SETTLE_S)
        shares = []
        for _ in range(rounds):
            before, began_s = [spent_ns(pid) for pid in pids], time.monotonic()
            time.sleep(FOR_S)
            passed_s = time.monotonic() - began_s
            first, second = (
                (spent_ns(pid) - then) / passed_s / 1e7 for pid, then in zip(pids, before, strict=True)
            )
            shares.append((first, second))
    return shares


@contextmanager
def served(folder: Path, data: Path, server: str) -> Iterator[None]:
    """Run a server with two workers that answers one request, so that its agents are connected."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in SERVERS[server]]
    command = [*processes.COMMAND, "run", "--data", str(data), "--", sys.executable, *words]
    environ = processes.environment(GUNICORN_CMD_ARGS="--no-control-socket")
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), 5) as client:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    client.recv(100)
                break
            except OSError:
                if time.monotonic() > deadline_s:
                    raise SystemExit(f"{server} did not start") from None
                time.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def spent_ns(pid: int) -> int:
    """Answer the CPU time that a process's threads have had."""
    tasks = f"/proc/{pid}/task"
    return sum(int(Path(tasks, task, "schedstat").read_text().split()[0]) for task in os.listdir(tasks))


def fill(store: Store) -> None:
    """Keep a day of readings, as a collector commits them, an hour at a time."""
    draw = random.Random(7)
    for hour in range(24):
        record = Aggregator(draw.random).begin(BEGIN_NS + hour * 3600 * SECOND_NS)
        for tick in range(720):
            time_ns = BEGIN_NS + (hour * 720 + tick) * 5 * SECOND_NS
            for worker in (None, *range(WORKERS)):
                labels = {"service": "shop", "host": "web-1", "server": "gunicorn"}
                if worker is not None:
                    labels["worker"] = str(worker)
                values: dict[str, int | float] = {name: draw.randrange(100) for name in METRICS}
                values["workers.utilisation"] = draw.random()
                if tick % 3:
                    del values["queue.time"]
                record.event("shop", time_ns, *packed(Snapshot(time_ns, labels, values)))
        store.apply(1, [(hour + 1, decode(COMMIT, encode(COMMIT, record.message())))])


def page_ms(store: Store) -> float:
    """Answer the CPU time of the numbers of one page."""
    begun_ns = time.process_time_ns()
    servers(store, BEGIN_NS, BEGIN_NS + 86_400 * SECOND_NS, Whose(), str)
    return (time.process_time_ns() - begun_ns) / 1e6
