"""The pages on one day of 500,000 traces of 1,000 endpoints: server time, and what the first one weighs."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import brush
import storeday
from rows import Row, table
from storeday import DAY_NS, Day

from fanlight.server.answers import Answers
from fanlight.stores.duckdb.store import DuckStore
from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.wire import codec
from fanlight.wire.messages import COMMIT

DAY = 20_000
TRACES = 500_000
ENDPOINTS = 1000
BULK = 1000
REPEATS = 7
SOCKET = "/run/fanlight/server.sock"
"""Who comes over it is the owner, so that no log-in stands between."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=TRACES, help="traces of the day; fewer prove nothing")
    rows = measure(parser.parse_args().traces)
    sys.stdout.write(table(rows) + "\n")
    return int(not all(row.passed for row in rows))


def run(rounds: int) -> list[Row]:
    """Answer the rows."""
    del rounds
    return measure(TRACES)


def measure(traces: int) -> list[Row]:
    """Fill a store, and ask for the pages as a browser does."""
    storeday.GROUPS = ENDPOINTS
    with tempfile.TemporaryDirectory() as directory:
        end_ns = (DAY + 1) * DAY_NS
        store = DuckStore(Path(directory) / "store", clock=lambda: end_ns)
        for position, message in enumerate(Day(DAY, traces).commits(BULK), 1):
            store.apply(1, [(position, codec.decode(COMMIT, codec.encode(COMMIT, message)))])
        rows = asked(store, traces, end_ns)
        store.close()
    return rows


def asked(store: DuckStore, traces: int, end_ns: int) -> list[Row]:
    """Measure every page over the whole day."""
    answers = Answers(store, dict)
    app = create(answers, Gate("127.0.0.1:7700", socket=SOCKET), clock=lambda: end_ns)
    busiest = max(store.counts(end_ns - DAY_NS, end_ns), key=lambda row: row.n)
    name = {"service": busiest.service, "endpoint": busiest.endpoint, "segment": busiest.segment}
    chosen = {"octaves": "27,28", "last": "24h"}
    pages = (
        ("the first page", "/?last=24h", 200),
        ("all endpoints on it", "/?last=24h&show=all", None),
        ("the page of an endpoint", f"/endpoint?{urlencode({**name, 'last': '24h'})}", 200),
        (
            "what follows a choice of durations",
            f"/endpoint/brushed?{urlencode({**name, **chosen})}",
            150,
        ),
    )
    rows = []
    for what, address, limit in pages:
        took = [timed(app, address) for _ in range(REPEATS)][1:]
        note = f"CPU, median; wall {statistics.median(wall for _, wall in took):.0f} ms"
        spent = statistics.median(cpu for cpu, _ in took)
        rows.append(Row(f"{what}, {traces:,} traces, {ENDPOINTS:,} endpoints", spent, "ms", limit, note=note))
    page = get(app, "/?last=24h")
    parts = [page, *(get(app, part) for part in dict.fromkeys(re.findall(r'/static/[^"]+', page.decode())))]
    weight = sum(len(gzip.compress(part)) for part in parts) / 1000
    note = f"{len(parts)} answers; the page itself {len(gzip.compress(page)) / 1000:.0f} KB"
    rows.append(Row("the first page with all that it loads, gzipped", weight, "KB", 100, note=note))
    endpoint = f"/endpoint?{urlencode({**name, 'last': '24h'})}"
    return rows + brush.run(answers, lambda: end_ns, endpoint, f"{traces:,} traces")


def timed(app: Any, address: str) -> tuple[float, float]:
    """Answer the CPU and the wall milliseconds of an answer."""
    cpu, wall = time.process_time(), time.perf_counter()
    get(app, address)
    return (time.process_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3


def get(app: Any, address: str) -> bytes:
    """Answer the body behind an address."""
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": None,
        "server": (SOCKET, None),
    }
    got: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        got.append(message)

    asyncio.run(app(scope, receive, send))
    if got[0]["status"] != 200:
        sys.exit(f"{address} answered {got[0]['status']}")
    return b"".join(message.get("body", b"") for message in got)


if __name__ == "__main__":
    sys.exit(main())
