"""A real collector on a real socket, and peers that speak to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import types
from array import array
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fanlight.collector.collector import Collector
from fanlight.collector.options import Options
from fanlight.wire import codec, frames, messages, spool

PROGRAM = """
import sys
from fanlight.collector.collector import Collector
from fanlight.collector.options import Options
Collector(Options(*sys.argv[1:3], group_s=float(sys.argv[3]))).run()
"""
DEADLINE_S = 60.0


def table_body():
    kinds = {name: array("I", [index]) for index, name in enumerate(("kind_category", "kind_title"), 3)}
    strings = ["/cart", "html", "db.sql.query", "SELECT FROM product", "select 1"]
    columns = {**kinds, "kind_description": array("I", [5])}
    return codec.encode(
        messages.TABLE, {"generation": 1, "first_string": 1, "strings": strings, "first_kind": 0, **columns}
    )


def batch_body(sequence, traces=3, spans=2, dropped=None, generation=1):
    """Answer a BATCH of equal traces, each of so many spans in a chain."""
    batch = {"generation": generation, "sequence": sequence}
    batch["dropped_reason"] = list(dropped or {})
    batch["dropped_count"] = array("Q", (dropped or {}).values())
    one = {"high": sequence, "endpoint": 1, "segment": 2, "start": time.time_ns(), "duration": 5_000_000}
    one |= {"spans": spans, "flags": 0, "lost": 0}
    for name, (_, kind) in messages.TRACE_COLUMNS.items():
        head, _, tail = name.partition("_")
        values = [one[tail]] * traces if head == "trace" and tail in one else []
        batch[name] = array(codec.TYPECODE[kind], values)
    batch["trace_low"].extend(range(traces))
    batch["span_kind"].extend([0] * spans * traces)
    batch["span_parent"].extend([messages.NO_PARENT, *range(spans - 1)] * traces)
    batch["span_start"].extend([0] * spans * traces)
    batch["span_duration"].extend([5_000_000] * spans * traces)
    return codec.encode(messages.BATCH, batch)


class Peer:
    """One connection to a collector, spoken over by hand."""

    def __init__(self, path, client="a" * 32, service="shop") -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(str(path))
        self.client, self.service = client, service

    def send(self, kind, body=b"", version=messages.PROTOCOL):
        self.socket.sendall(frames.frame(kind, body, version))

    def take(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionResetError("the collector closed the connection")
            data += more
        return data

    def answer(self):
        """Answer the next frame's type and decoded body."""
        length, kind, version = frames.header(self.take(8))
        assert version == messages.PROTOCOL
        schemas = {
            frames.WELCOME: messages.WELCOME,
            frames.ACK: messages.ACK,
            frames.REFUSAL: messages.REFUSAL,
            frames.STATUS: messages.STATUS,
        }
        return kind, codec.decode(schemas[kind], self.take(length))

    def hello(self, version=messages.PROTOCOL, **more):
        """Say HELLO and answer the WELCOME."""
        hello = {"protocol": version, "version": "1", "client": self.client, "service": self.service}
        hello |= {"host": "box", "pid": 7, "generation": 1, "instruments": ["flask"], **more}
        self.send(frames.HELLO, codec.encode(messages.HELLO, hello), version)
        kind, welcome = self.answer()
        assert kind == frames.WELCOME, welcome
        return welcome

    def greet(self, **more):
        """Say HELLO and send the table; answer the sequence that is on disk."""
        sequence = self.hello(**more)["sequence"]
        self.send(frames.TABLE, table_body())
        return sequence

    def batch(self, sequence, **more):
        """Send a batch and answer the sequence that is acknowledged for it."""
        self.send(frames.BATCH, batch_body(sequence, **more))
        kind, ack = self.answer()
        assert kind == frames.ACK, ack
        return ack["sequence"]

    def refused(self):
        """Answer the code of the refusal that comes next, after which the connection ends."""
        kind, refusal = self.answer()
        assert kind == frames.REFUSAL, refusal
        assert self.socket.recv(1) == b""
        return refusal["code"]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # A peer that is made for one question need not be closed by hand.
    def __del__(self):
        self.close()


def state(path):
    """Answer the STATUS document of the collector at a socket."""
    with Peer(path) as peer:
        peer.send(frames.STATUS_REQUEST)
        kind, answer = peer.answer()
        assert kind == frames.STATUS
        return json.loads(answer["json"])


def commits(directory):
    """Answer every record of the spool, in order."""
    return [message for path in spool.segments(directory) for _, message in spool.read(path)]


def batches(directory):
    """Answer (client, sequence) of every batch in the spool, in order."""
    return [
        pair
        for message in commits(directory)
        for pair in zip(message["client"], message["client_sequence"], strict=True)
    ]


def eventually(question, deadline_s=DEADLINE_S):
    """Answer what a question answers once it is true."""
    until = time.monotonic() + deadline_s
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < until, f"still {answer!r} after {deadline_s} s"
        time.sleep(0.01)


@contextmanager
def running(folder, **more):
    """Run a collector in a thread of this process; it has ended when this ends."""
    options = Options(str(folder / "run" / "c.sock"), str(folder / "spool"), **{"lock_wait_s": 0.2, **more})
    collector = Collector(options)
    failures = []

    def run():
        try:
            collector.run()
        except BaseException as error:
            failures.append(error)
            collector.listening.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert collector.listening.wait(DEADLINE_S)
        if failures:
            raise failures[0]
        yield collector
    finally:
        if thread.is_alive():
            collector.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def process(folder, group_s=0.1):
    """Start a collector as a process, and answer it once it listens."""
    places = (str(folder / "run" / "c.sock"), str(folder / "spool"))
    command = [sys.executable, "-c", PROGRAM, *places, str(group_s)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def listens():
        assert child.poll() is None, child.stderr.read()
        try:
            Peer(folder / "run" / "c.sock").close()
        except OSError:
            return False
        return True

    eventually(listens)
    return child


@pytest.fixture
def desk():
    """Answer what the tests of a running collector need."""
    return types.SimpleNamespace(
        Peer=Peer,
        batch_body=batch_body,
        batches=batches,
        commits=commits,
        eventually=eventually,
        process=process,
        running=running,
        state=state,
        table_body=table_body,
    )


@pytest.fixture
def folder(tmp_path):
    """Answer a directory whose socket paths are short enough."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="fl-") as short:
        yield Path(short)
