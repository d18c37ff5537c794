"""The other end of the socket: a small collector that keeps what it is sent."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from receiving import Door, House

import fanlight
from fanlight import instruments
from fanlight.agent.agent import AGENT
from fanlight.agent.queue import HELD
from fanlight.aggregate.batches import parse
from fanlight.aggregate.tables import Table
from fanlight.wire import frames, messages
from fanlight.wire.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


BABBLES_S = 0.05


class Span:
    """One received span, read back through the connection's table."""

    def __init__(self, category: str, title: str, description: str, start: int, duration: int) -> None:
        self.category, self.title, self.description = category, title, description
        self.start, self.duration = start, duration
        self.notes: dict[str, Any] = {}
        self.children: list[Span] = []

    def shape(self) -> Any:
        """Answer titles, nested as the spans are: `("a", [...])`, a leaf's title alone."""
        return (self.title, [child.shape() for child in self.children]) if self.children else self.title

    def find(self, title: str) -> Span:
        """Answer the first span of a title in this tree."""
        for child in [self, *self.children]:
            if child.title == title:
                return child
        for child in self.children:
            try:
                return child.find(title)
            except LookupError:
                continue
        raise LookupError(title)


class Received:
    """One received trace."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        self.root: Span


class Receiver:
    """Listens at a path, acknowledges, and keeps hellos and traces.

    Args:
        path: of the socket.
        acknowledges: whether batches are answered; a black hole does not.
    """

    def __init__(self, path: Path, acknowledges: bool = True) -> None:
        self.path = str(path)
        self.acknowledges = acknowledges
        self.hellos: list[dict[str, Any]] = []
        self.traces: list[Received] = []
        self.dropped: dict[str, int] = {}
        self.batches: list[tuple[str, int, bytes]] = []
        self.committed: dict[str, int] = {}
        self.errors: list[BaseException] = []
        self.changed = threading.Condition()
        self.peers: list[socket.socket] = []
        self.listen()

    def listen(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        self.accepting = threading.Thread(target=self.accept, args=(self.listener,), daemon=True)
        self.accepting.start()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        reader = frames.FrameReader()
        table = Table()
        client = ""
        try:
            while data := peer.recv(1 << 16):
                for kind, _, body in reader.feed(data):
                    if kind == frames.HELLO:
                        hello = decode(messages.HELLO, body)
                        client = hello["client"]
                        with self.changed:
                            self.hellos.append(hello)
                            self.changed.notify_all()
                        answer = {"protocol": 1, "version": "t", "sequence": self.committed.get(client, 0)}
                        peer.sendall(frames.frame(frames.WELCOME, encode(messages.WELCOME, answer)))
                    elif kind == frames.TABLE:
                        table = table.extended(decode(messages.TABLE, body))
                    elif kind == frames.BATCH:
                        self.batch(client, bytes(body), table, peer)
        except ConnectionError:
            return
        except (OSError, ValueError) as error:
            if peer.fileno() >= 0:
                self.errors.append(error)
        except BaseException as error:
            self.errors.append(error)
            peer.close()
            raise

    def batch(self, client: str, body: bytes, table: Table, peer: socket.socket) -> None:
        message = parse(body, table)
        sequence = message["sequence"]
        with self.changed:
            self.batches.append((client, sequence, body))
            if self.acknowledges:
                if sequence > self.committed.get(client, 0):
                    self.committed[client] = sequence
                    self.traces += read_traces(message, table)
                self.dropped = dict(zip(message["dropped_reason"], message["dropped_count"], strict=True))
            self.changed.notify_all()
        if self.acknowledges:
            peer.sendall(frames.frame(frames.ACK, encode(messages.ACK, {"sequence": sequence})))

    def wait(self, condition: Callable[[Receiver], bool], timeout_s: float = 60.0) -> None:
        """Wait until something is so."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), timeout_s), self.__dict__

    def hang_up(self) -> None:
        """Die as a killed process does: no listener, no connection, the path left behind."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        # One that it has just accepted is still to be noted.
        self.accepting.join(60)
        for peer in self.peers:
            # Without this the kernel would keep the connection up for the thread that reads it.
            peer.shutdown(socket.SHUT_RDWR)
            peer.close()
        self.peers.clear()

    def shapes(self) -> list[Any]:
        return [trace.root.shape() for trace in self.traces]


def read_traces(message: dict[str, Any], table: Table) -> Iterator[Received]:
    notes = list(zip(*(message[f"note_{n}"] for n in ("span", "key", "type", "value")), strict=True))
    first = 0
    for place in range(len(message["trace_low"])):
        row = {n.removeprefix("trace_"): message[n][place] for n in message if n.startswith("trace_")}
        row["endpoint"] = table.strings[row["endpoint"]]
        row["segment"] = table.strings[row["segment"]]
        spans: list[Span] = []
        for index in range(first, first + row["spans"]):
            names = (table.strings[n] for n in table.kinds[message["span_kind"][index]])
            span = Span(*names, message["span_start"][index], message["span_duration"][index])
            parent = message["span_parent"][index]
            if parent != messages.NO_PARENT:
                spans[parent].children.append(span)
            spans.append(span)
        for owner, key, kind, value in notes:
            if first <= owner < first + row["spans"]:
                spans[owner - first].notes[table.strings[key]] = read_note(kind, value, table)
        first += row["spans"]
        yield Received(**{**row, "spans": spans, "root": spans[0]})


def read_note(kind: int, value: int, table: Table) -> Any:
    if kind == messages.NOTE_TEXT:
        return table.strings[value]
    if kind == messages.NOTE_FLOAT:
        return struct.unpack("<d", struct.pack("<Q", value))[0]
    if kind == messages.NOTE_BOOL:
        return bool(value)
    return value - (1 << 64) if value >> 63 else value


@pytest.fixture(scope="session", autouse=True)
def _hooked() -> None:
    """Hooks stay for good, so other tests may leave them to these; here they always are."""
    instruments.install()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path / "collector.sock")
    yield receiver
    receiver.hang_up()
    assert not receiver.errors


@pytest.fixture
def black_hole(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path / "collector.sock", acknowledges=False)
    yield receiver
    receiver.hang_up()


def frozen(path: Path) -> subprocess.Popen[bytes]:
    """A process that listens and is stopped by a signal: connections succeed, nothing is read."""
    program = (
        "import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(1);"
        "print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    return process


def babbling(path: Path) -> socket.socket:
    """Listen, and say what no collector says 50 ms after each peer has come."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
                with peer:
                    time.sleep(BABBLES_S)  # when the greeting is read and the agent waits for its welcome
                    peer.sendall(b"\xde\xad\xbe\xef" * 1000)
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    return listener


@pytest.fixture(params=["absent", "dead", "frozen", "black hole", "silent", "babbling"])
def bad_receiver(request, tmp_path) -> Iterator[str]:
    path = tmp_path / "collector.sock"
    process = listener = None
    if request.param == "dead":
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(path))
    elif request.param == "frozen":
        process = frozen(path)
    elif request.param == "black hole":
        # Welcomes and reads everything; never acknowledges.
        request.getfixturevalue("black_hole")
    elif request.param == "silent":
        # A full backlog: nobody even accepts.
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(0)
    elif request.param == "babbling":
        listener = babbling(path)
    yield request.param
    if process is not None:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    if listener is not None:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        listener.close()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Any]:
    """Start the agent towards this test's socket; stop it afterwards, whatever the test did."""
    # A pause of the garbage collector would stand as one more span in somebody's trace.
    gc.disable()
    fanlight.start("shop", dsn=f"unix://{tmp_path}/collector.sock", instrument=False)
    yield fanlight
    fanlight.stop(0.0)
    gc.enable()


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a program in a fresh interpreter, started towards this test's socket."""

    def run(text: str, timeout_s: float = 240.0, start: bool = True) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "program.py"
        opening = f"import fanlight\nfanlight.start('shop', dsn='unix://{tmp_path}/collector.sock')\n"
        path.write_text((opening if start else "") + textwrap.dedent(text))
        return subprocess.run(
            [sys.executable, "-W", "error", str(path)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd=tmp_path,
        )

    return run


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that tells nobody when it comes."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., None]:
    return until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "data")
    yield house
    house.end()


@pytest.fixture
def embed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Start the agent towards a server; stop it afterwards, whatever the test did."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def start(dsn: str) -> Any:
        fanlight.start("shop", dsn=dsn, instrument=False)
        AGENT.told.clear()
        return fanlight

    yield start
    fanlight.stop(0.0)
    HELD.line.dropped.clear()


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    doors = []

    def make(behave: Callable[..., bytes | None], tls: Any = None) -> Door:
        doors.append(Door(behave, tls))
        return doors[-1]

    yield make
    for each in doors:
        each.end()
