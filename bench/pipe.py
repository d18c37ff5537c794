"""Spans a second and core from the socket to the store: a real collector and server, pre-encoded batches."""

from __future__ import annotations

import os
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from array import array
from pathlib import Path

import processes
from rows import Row

from fanlight.wire import codec, messages

HEADER = struct.Struct("<IHH")
HELLO, WELCOME, TABLE, BATCH, ACK = 1, 2, 3, 4, 5

CLIENTS = 4
TRACES_PER_BATCH = 500
ENDPOINTS = 25
TEXTS = 60
LIFTED = {"FANLIGHT_STORE__SPANS_PER_S": "100000000", "FANLIGHT_STORE__TRACES_PER_S": "10000000"}


def run(rounds: int) -> list[Row]:
    """Answer the row: 1.6 million spans at five rounds, fewer for a quick look."""
    batches = 8 * rounds
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        data = Path(folder) / "data"
        with processes.serving(data, **LIFTED) as state:
            pids = [state["pids"]["collector"], state["pids"]["server"]]
            feed(data, clients=[0], batches=2)  # warm: files open, tables made
            settle(data, 2 * TRACES_PER_BATCH)
            before = [processes.cpu_s(pid) for pid in pids]
            traces, spans = feed(data, clients=list(range(1, CLIENTS + 1)), batches=batches)
            stored = settle(data, traces + 2 * TRACES_PER_BATCH)
            spent = [processes.cpu_s(pid) - start for pid, start in zip(pids, before, strict=True)]
        kept = spans_in(data / "store")
    if stored != traces + 2 * TRACES_PER_BATCH or kept < spans:
        raise SystemExit(f"{spans} spans of {traces} traces sent, {kept} spans of {stored} traces stored")
    each = f"{spans:,} spans; collector {spent[0]:.1f} s, server {spent[1]:.1f} s of CPU"
    return [
        Row(
            "socket to applied, on one core", spans / sum(spent), "spans/s", 100_000, at_least=True, note=each
        )
    ]


def feed(data: Path, clients: list[int], batches: int) -> tuple[int, int]:
    """Send every client's batches at once, each waiting for its acknowledgements; answer traces and spans."""
    encoded = [[batch(client, number) for number in range(1, batches + 1)] for client in clients]
    failed: list[BaseException] = []

    def one(client: int, batches: list[tuple[bytes, int]]) -> None:
        try:
            send(str(data / "run" / "collector.sock"), client, [frame for frame, _ in batches])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=pair) for pair in zip(clients, encoded, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    spans = sum(spans for batches in encoded for _, spans in batches)
    return len(clients) * batches * TRACES_PER_BATCH, spans


def settle(data: Path, traces: int) -> int:
    """Wait until the store has that many traces of ours; answer how many it has."""
    deadline = time.monotonic() + 120
    while True:
        stored: int = processes.status(data)["services"].get("bench", {}).get("stored", 0)
        if stored >= traces or time.monotonic() > deadline:
            return stored
        time.sleep(1)


def spans_in(store: Path) -> int:
    """Answer how many spans the day files hold, once their owner is gone."""
    import duckdb

    total = 0
    for path in store.glob("*.duckdb"):
        with duckdb.connect(str(path), read_only=True) as connection:
            total += connection.execute("SELECT count(*) FROM spans").fetchall()[0][0]
    return total


def send(path: str, client: int, frames: list[bytes]) -> None:
    """Speak the agent's side of the wire."""
    hello = {
        "protocol": messages.PROTOCOL,
        "version": "0.1.0",
        "client": f"{client + 1:032x}",
        "service": "bench",
        "host": "bench",
        "pid": os.getpid(),
        "generation": 1,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(path)
        connection.sendall(frame(HELLO, codec.encode(messages.HELLO, hello)))
        expect(connection, WELCOME)
        connection.sendall(frame(TABLE, table()))
        for data in frames:
            connection.sendall(data)
            expect(connection, ACK)


def frame(kind: int, body: bytes) -> bytes:
    return HEADER.pack(len(body), kind, messages.PROTOCOL) + body


def expect(connection: socket.socket, wanted: int) -> None:
    length, kind, _ = HEADER.unpack(exactly(connection, HEADER.size))
    body = exactly(connection, length)
    if kind != wanted:
        raise SystemExit(f"the collector answered {kind} in place of {wanted}: {body!r}")


def exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            raise SystemExit("the collector closed the connection")
        parts += part
    return bytes(parts)


STRINGS = [
    "",
    *(f"GET /things/{n}/<int:id>" for n in range(ENDPOINTS)),
    *("html", "json", "app.wsgi.request", "GET", "app.view", "show", "view.render", "page.html", "status"),
    *("db.sql.query", "SELECT FROM thing", "rows", "user"),
    *(f"SELECT a, b, c FROM thing WHERE kind = {n} AND id = ?" for n in range(TEXTS)),
]
AT = {text: number for number, text in enumerate(STRINGS)}
KINDS = [
    (AT["app.wsgi.request"], AT["GET"], 0),
    (AT["app.view"], AT["show"], 0),
    (AT["view.render"], AT["page.html"], 0),
    *((AT["db.sql.query"], AT["SELECT FROM thing"], len(STRINGS) - TEXTS + n) for n in range(TEXTS)),
]


def table() -> bytes:
    """Answer the connection's strings and kinds."""
    columns = zip(*KINDS, strict=True)
    names = ("kind_category", "kind_title", "kind_description")
    return codec.encode(
        messages.TABLE,
        {
            "generation": 1,
            "first_string": 1,
            "strings": STRINGS[1:],
            "first_kind": 0,
            **{name: array("I", column) for name, column in zip(names, columns, strict=True)},
        },
    )


def batch(client: int, sequence: int) -> tuple[bytes, int]:
    """Answer the frame of one batch of traces, pages made of a dozen queries or two, and its spans."""
    chance = random.Random(client * 1_000_003 + sequence)
    columns = {name: array(codec.TYPECODE[kind]) for name, (_, kind) in messages.TRACE_COLUMNS.items()}
    now_ns = time.time_ns()
    spans = sum(trace(columns, chance, now_ns - number * 1_000_000) for number in range(TRACES_PER_BATCH))
    body = codec.encode(messages.BATCH, {"generation": 1, "sequence": sequence, **columns})
    if len(body) > 8 << 20:
        raise SystemExit("the batch is larger than a frame may be")
    return frame(BATCH, body), spans


def trace(columns: dict[str, array], chance: random.Random, start_ns: int) -> int:  # type: ignore[type-arg]
    """Append one trace: request, view, 10 to 22 queries, 2 renderings, three notes; answer its spans."""
    endpoint = chance.randrange(ENDPOINTS)
    query_ns = chance.randrange(200_000, 2_000_000)
    # An endpoint asks much the same each time, as real ones do, but seldom exactly the same.
    asked = endpoint * 7 + chance.randrange(4)
    queries = [3 + (asked + n) % TEXTS for n in range(chance.randrange(10, 23))]
    leaves = len(queries) + 2
    first = len(columns["span_kind"])
    columns["trace_high"].append(chance.getrandbits(64))
    columns["trace_low"].append(chance.getrandbits(64))
    columns["trace_endpoint"].append(1 + endpoint)
    columns["trace_segment"].append(AT["html"] if endpoint % 3 else AT["json"])
    columns["trace_start"].append(start_ns)
    columns["trace_duration"].append((leaves + 2) * query_ns)
    columns["trace_spans"].append(leaves + 2)
    columns["trace_flags"].append(0)
    columns["trace_lost"].append(0)
    columns["span_kind"].extend([0, 1, *queries, 2, 2])
    columns["span_parent"].extend([messages.NO_PARENT, 0, *[1] * leaves])
    columns["span_start"].extend([0, 1000, *(2000 + n * query_ns for n in range(leaves))])
    columns["span_duration"].extend(
        [(leaves + 2) * query_ns, (leaves + 1) * query_ns, *[query_ns - 500] * leaves]
    )
    columns["note_span"].extend([first, first + 2, first + 3])
    columns["note_key"].extend([AT["status"], AT["rows"], AT["rows"]])
    columns["note_type"].extend([messages.NOTE_INT] * 3)
    columns["note_value"].extend([200, 12, 3])
    return leaves + 2


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
