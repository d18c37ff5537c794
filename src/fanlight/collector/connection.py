"""The conversation with one peer: an agent's HELLO, TABLEs and BATCHes, or questions about the state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from fanlight.aggregate import batches
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table
from fanlight.errors import WireError
from fanlight.log import LOG
from fanlight.wire import frames, messages
from fanlight.wire.codec import decode, encode

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from fanlight.collector.commits import Committer
    from fanlight.collector.ledger import Client, Ledger
    from fanlight.wire.codec import Message
    from fanlight.wire.readings import Snapshot

CHUNK = 256 << 10
MAX_UNSENT = 8 << 20
"""Bytes that a peer may leave unread before it is given up: a state is some hundred KiB at most."""
MAX_NAME = 255
MAX_REFUSAL = 500
"""Characters of a refusal's text; agents stop reading at 4 KiB."""
SHORTEST_S = 0.1
"""Between two tellings: servers are not read more often."""
HEX = frozenset("0123456789abcdef")


def unread(_tell: Callable[[Sequence[Snapshot]], None], _period_s: float) -> None:
    """Tell nobody of anything: a collector that reads no servers."""


class Hall(NamedTuple):
    """What every connection needs of the collector.

    Attributes:
        committer: takes batches.
        ledger: knows the clients.
        version: of this software.
        state: answers the STATUS document as JSON.
        welcome: told of a connection that said HELLO, with its client.
        watch: lets a connection be told of snapshots each so many seconds; answers what ends that, None
            when there are none to be told of.
    """

    committer: Committer
    ledger: Ledger
    version: str
    state: Callable[[], bytes]
    welcome: Callable[[Connection], None]
    watch: Callable[[Callable[[Sequence[Snapshot]], None], float], Callable[[], None] | None] = unread


class Connection:
    """One peer. The collector calls it when there is something to read or room to write.

    Args:
        peer: the connected, non-blocking socket.
        hall: the collector's parts.
        now_s: monotonic seconds.

    Attributes:
        closed: whether it is over; the reception then closes the socket.
        origin: who the agent is; None before HELLO, and for those who only ask for the state.
    """

    def __init__(self, peer: socket.socket, hall: Hall, now_s: float) -> None:
        self.peer = peer
        self.hall = hall
        self.opened_s = now_s
        self.partial_since_s: float | None = None
        self.reader = frames.FrameReader()
        self.table = Table()
        self.origin: Origin | None = None
        self.client: Client | None = None
        self.asks = False
        self.unwatch: Callable[[], None] | None = None
        self.unsent = bytearray()
        self.closed = False

    @property
    def held(self) -> int:
        """Bytes of memory that this peer makes us hold, roughly."""
        return self.reader.pending + 4 * self.table.characters + len(self.unsent)

    @property
    def wants_reading(self) -> bool:
        """Whether to read on: an agent waits while nothing can be written or its service holds too much."""
        return not self.closed and (self.origin is None or self.hall.committer.takes(self.origin.service))

    @property
    def is_calm(self) -> bool:
        """Whether the peer has said who it is, is in the midst of nothing, and is listened to."""
        is_known = self.origin is not None or self.asks
        return is_known and self.partial_since_s is None and not self.unsent and self.wants_reading

    def receive(self, now_s: float) -> None:
        """Read what has arrived and answer it."""
        try:
            data = self.peer.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self.go_on(data, now_s)

    def go_on(self, data: bytes, now_s: float) -> None:
        """Answer every frame that is whole; also called without data after a pause."""
        refusal = ""
        try:
            for kind, version, body in self.reader.feed(data):
                refusal = self.check_version(kind, version) or self.take(kind, body)
                if refusal or not self.wants_reading:
                    break
        except WireError as error:
            self.refuse("frame", str(error))
        if refusal:
            unknown = refusal == "order" and kind > frames.SNAPSHOTS
            self.refuse(refusal, UNKNOWN.format(kind) if unknown else "")
        if not self.reader.pending:
            self.partial_since_s = None
        elif self.partial_since_s is None:
            self.partial_since_s = now_s

    def check_version(self, kind: int, version: int) -> str:
        """Answer "version" when a frame's protocol is none that this collector can read."""
        # A newer peer says HELLO in its own version and learns ours from the WELCOME.
        opening = kind in (frames.HELLO, frames.STATUS_REQUEST, frames.WATCH)
        readable = version >= 1 if opening else version == messages.PROTOCOL
        return "" if readable else "version"

    def take(self, kind: int, body: bytes) -> str:
        """Do what a frame asks; answer the code of a refusal, or an empty string."""
        if self.origin is not None and kind == frames.TABLE:
            self.table = self.table.extended(decode(messages.TABLE, body))
        elif self.origin is not None and kind == frames.BATCH:
            batch = batches.parse(body, self.table)
            if LOG.wants("debug"):
                LOG.debug(f"{self.origin.service}: {len(body)} bytes of traces from pid {self.origin.pid}")
            self.hall.committer.offer(batch, self.table, self.origin, len(body), self.acknowledge)
        elif self.origin is None and kind == frames.HELLO and not self.asks:
            self.greet(decode(messages.HELLO, body))
        elif self.origin is None and kind == frames.STATUS_REQUEST:
            self.asks = True
            self.send(frames.STATUS, encode(messages.STATUS, {"json": self.hall.state()}))
        elif self.origin is None and kind == frames.WATCH and self.unwatch is None:
            self.asks = True
            period_s = decode(messages.WATCH, body)["period_ms"] / 1000
            self.unwatch = self.hall.watch(self.tell, max(period_s, SHORTEST_S))
            return "" if self.unwatch is not None else "unread"
        else:
            return "order"
        return ""

    def tell(self, snapshots: Sequence[Snapshot]) -> None:
        """Send the snapshots of one instant to who watches."""
        document = [each._asdict() for each in snapshots]
        self.send(frames.SNAPSHOTS, encode(messages.SNAPSHOTS, {"json": json.dumps(document).encode()}))

    def greet(self, hello: Message) -> None:
        """Welcome an agent, and tell it which of its batches is on disk."""
        client, service = hello["client"], hello["service"]
        if len(client) != 32 or not HEX.issuperset(client):
            raise WireError("the client of a HELLO is 32 hex digits")
        if not 0 < len(service) <= MAX_NAME or len(hello["host"]) > MAX_NAME:
            raise WireError(f"service and host of a HELLO have 1 to {MAX_NAME} characters")
        pid = hello["pid"] & 0xFFFFFFFF
        told = hello["host"], pid, hello["release"], hello["environment"]
        self.origin = Origin(client, service, *told)
        self.client = self.hall.ledger.client(client)
        self.client.hello = {**hello, "instruments": [name[:MAX_NAME] for name in hello["instruments"][:100]]}
        self.hall.welcome(self)
        LOG.info(f"{service}: the agent of pid {self.origin.pid} on {hello['host']} is connected")
        answer = {
            "protocol": messages.PROTOCOL,
            "version": self.hall.version,
            "sequence": self.client.sequence,
        }
        self.send(frames.WELCOME, encode(messages.WELCOME, answer))

    def acknowledge(self, sequence: int) -> None:
        """Tell the agent that its batches up to this one are on disk."""
        self.send(frames.ACK, encode(messages.ACK, {"sequence": sequence}))

    def refuse(self, code: str, text: str = "") -> None:
        """Tell the peer why, and close."""
        answer = {"code": code, "text": text[:MAX_REFUSAL] or REASONS[code]}
        self.send(frames.REFUSAL, encode(messages.REFUSAL, answer))
        self.close()

    def send(self, kind: int, body: bytes) -> None:
        """Send a frame, now or as soon as there is room."""
        if self.closed:
            return
        self.unsent += frames.frame(kind, body)
        self.flush()
        if len(self.unsent) > MAX_UNSENT:
            self.close()

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        try:
            while self.unsent:
                del self.unsent[: self.peer.send(self.unsent)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.close()

    def overdue(self, now_s: float, first_frame_s: float, frame_s: float) -> bool:
        """Answer whether the peer has taken too long: to say who it is, or to end a frame."""
        if self.origin is None and not self.asks:
            return now_s - self.opened_s > first_frame_s
        # While we do not read, an unfinished frame is no fault of the peer's.
        if self.partial_since_s is None or not self.wants_reading:
            return False
        return now_s - self.partial_since_s > frame_s

    def close(self) -> None:
        """End the conversation; whoever watches the socket closes it."""
        if self.origin is not None and not self.closed:
            LOG.info(f"{self.origin.service}: the agent of pid {self.origin.pid} is gone")
        self.closed = True
        unwatch, self.unwatch = self.unwatch, None
        if unwatch is not None:
            unwatch()


UNKNOWN = f"message type {{}} is none that protocol {messages.PROTOCOL} has"
REASONS = {
    "frame": "these bytes are no message",
    "order": "a HELLO or a question for the state comes first, then only what follows from it",
    "version": f"this collector speaks protocol {messages.PROTOCOL}",
    "full": "this collector has as many connections, or holds as much, as it may",
    "slow": "a message took too long to arrive",
    "uid": "this collector serves its own user",
    "unread": "this collector reads no servers: telemetry.enabled is false",
}
"""What a refusal's code means, in words."""
