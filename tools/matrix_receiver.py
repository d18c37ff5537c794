"""A collector of the matrix's own: it acknowledges, and keeps every trace with its spans' names."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.aggregate.batches import parse
from fanlight.aggregate.tables import Table
from fanlight.wire import frames, messages
from fanlight.wire.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Shape = tuple[str, tuple["Shape", ...]]
"""A span's category, and the shapes of its children."""


class Received(NamedTuple):
    """A trace that came.

    Attributes:
        pid: of the process that sent it.
        endpoint: as the process named it.
        segment: the format of the response, or that it failed.
        shape: of its root span.
        trace_id: tells a trace that came twice.
        notes: the annotations of its root.
    """

    pid: int
    endpoint: str
    segment: str
    shape: Shape
    trace_id: tuple[int, int]
    notes: dict[str, Any]


class Receiver:
    """Listens on a socket of its own until it is closed.

    Args:
        path: of the socket, shorter than 107 bytes.

    Attributes:
        hellos: what each connection said of its process.
        traces: what came, in order.
        dropped: by client, what it says it could not send.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.hellos: list[dict[str, Any]] = []
        self.traces: list[Received] = []
        self.dropped: dict[str, int] = {}
        self.committed: Counter[str] = Counter()
        self.changed = threading.Condition()
        self.peers: list[socket.socket] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        """Serve whoever connects, each in a thread."""
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer)
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        """Read one connection until its end."""
        reader, table = frames.FrameReader(), Table()
        hello: dict[str, Any] = {}
        try:
            while data := peer.recv(1 << 16):
                for kind, _, body in reader.feed(data):
                    if kind == frames.HELLO:
                        hello = decode(messages.HELLO, body)
                        with self.changed:
                            self.hellos.append(hello)
                        told = {"protocol": 1, "version": "0", "sequence": self.committed[hello["client"]]}
                        peer.sendall(frames.frame(frames.WELCOME, encode(messages.WELCOME, told)))
                    elif kind == frames.TABLE:
                        table = table.extended(decode(messages.TABLE, body))
                    elif kind == frames.BATCH:
                        sequence = self.take(parse(bytes(body), table), table, hello)
                        peer.sendall(frames.frame(frames.ACK, encode(messages.ACK, {"sequence": sequence})))
        except OSError:
            return

    def take(self, batch: dict[str, Any], table: Table, hello: dict[str, Any]) -> int:
        """Keep a batch's traces, unless it came before; answer its sequence."""
        sequence: int = batch["sequence"]
        with self.changed:
            if sequence > self.committed[hello["client"]]:
                self.committed[hello["client"]] = sequence
                self.traces += read(batch, table, hello["pid"])
                dropped = zip(batch["dropped_reason"], batch["dropped_count"], strict=True)
                self.dropped.update({f"{hello['pid']} {reason}": count for reason, count in dropped})
            self.changed.notify_all()
        return sequence

    def wait(self, enough: Callable[[], bool], timeout_s: float) -> bool:
        """Answer whether something became so in time."""
        with self.changed:
            return self.changed.wait_for(enough, timeout_s)

    def close(self) -> None:
        """Hang up."""
        for held in (self.listener, *self.peers):
            with suppress(OSError):  # the other end went first
                held.shutdown(socket.SHUT_RDWR)
            held.close()


def read(batch: dict[str, Any], table: Table, pid: int) -> list[Received]:
    """Answer a batch's traces, read through the connection's table."""
    found = []
    first = 0
    for place, spans in enumerate(batch["trace_spans"]):
        children: list[list[int]] = [[] for _ in range(spans)]
        for index in range(spans):
            parent = batch["span_parent"][first + index]
            if parent != messages.NO_PARENT:
                children[parent].append(index)
        kinds = [table.kinds[kind] for kind in batch["span_kind"][first : first + spans]]
        categories = [str(table.strings[kind[0]]) for kind in kinds]
        found.append(
            Received(
                pid,
                str(table.strings[batch["trace_endpoint"][place]]),
                str(table.strings[batch["trace_segment"][place]]),
                shaped(0, categories, children),
                (batch["trace_high"][place], batch["trace_low"][place]),
                noted(batch, table, first),
            )
        )
        first += spans
    return found


def noted(batch: dict[str, Any], table: Table, span: int) -> dict[str, Any]:
    """Answer a span's annotations; integers and texts are read as such."""
    notes = zip(batch["note_span"], batch["note_key"], batch["note_type"], batch["note_value"], strict=True)
    return {
        table.strings[key]: table.strings[value] if kind == messages.NOTE_TEXT else value
        for owner, key, kind, value in notes
        if owner == span
    }


def shaped(index: int, categories: list[str], children: list[list[int]]) -> Shape:
    """Answer a span's shape. What a pause of the garbage collector adds depends on the moment."""
    inner = [child for child in children[index] if categories[child] != "noise.gc"]
    return categories[index], tuple(shaped(child, categories, children) for child in inner)
