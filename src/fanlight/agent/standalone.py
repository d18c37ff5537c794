"""The connection to a collector: hello, table, batch, acknowledgement, over a unix socket.

Every wait is short and resumable, so that whoever flushes can take over from the task at any time,
and whatever the other end does, nothing here waits longer than it was given.
"""

from __future__ import annotations

import _socket
import os
from _socket import AF_UNIX, SO_ERROR, SOCK_STREAM, SOL_SOCKET, socket
from _struct import Struct

from fanlight.errors import WireError
from fanlight.instruments import INSTALLED
from fanlight.recording.clock import clock
from fanlight.wire.codec import decode, encode
from fanlight.wire.frames import ACK, HELLO, REFUSAL, WELCOME, FrameReader, frame
from fanlight.wire.messages import ACK as ACK_SCHEMA
from fanlight.wire.messages import HELLO as HELLO_SCHEMA
from fanlight.wire.messages import REFUSAL as REFUSAL_SCHEMA
from fanlight.wire.messages import WELCOME as WELCOME_SCHEMA

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.agent.batch import Parcel
    from fanlight.agent.table import Table
    from fanlight.wire.codec import Message

ANSWER_BYTES = 4_096
"""Body of whatever the agent reads, at the most."""
SLICE_S = 0.05
"""Longest single wait on the socket."""
PATIENCE_NS = 10_000_000_000
"""How long a collector may say nothing while something is due from it."""
LOOK_NS = 1_000_000_000
"""How often the socket's path is looked at while waiting."""
RETRY_S = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
"""Delays before the first, second … attempt after a failure; the last one from then on."""
LOOKS = 5
"""How often, during such a delay, it is looked whether another socket stands at the path."""
TELL = 6
"""Failures in a row, some nine seconds of them, after which people are told."""
CREDENTIALS = Struct("3i")
# Linux alone has it; elsewhere the mode of the socket's directory is the guard.
SO_PEERCRED: int | None = getattr(_socket, "SO_PEERCRED", None)


class Link:
    """A connection that comes and goes; a parcel survives it.

    Args:
        path: of the collector's unix socket.
        greeting: answers the HELLO message.
        complain: told once what a person should know.

    Attributes:
        failures: attempts since the last success.
        changes: of what became of the instruments when it greeted, which is said in HELLO alone.
        refused: how often the outstanding parcel was refused for what is in it.
        inode: of the socket that the last attempt met, and when it was made: numbers come again.
        retry_ns: `clock()` before which the task does not try again there; 0 from a connection on.
        look_ns: how long until it looks for another one.
        taken: how often something was acknowledged.
    """

    __slots__ = (
        *(
            "changes",
            "complain",
            "failures",
            "first_kind",
            "first_string",
            "generation",
            "greeting",
            "identity",
            "inode",
            "look_ns",
            "looked_ns",
        ),
        *("outbox", "path", "progress_ns", "reader", "refused", "retry_ns", "sent", "socket", "taken"),
        "welcomed",
    )

    pending = 0
    waits = False
    """Nothing is taken over before it is on disk."""

    def __init__(self, path: str, greeting: Callable[[], Message], complain: Callable[[str], object]) -> None:
        self.path = path
        self.greeting = greeting
        self.complain = complain
        self.socket: socket | None = None
        self.failures = 0
        self.refused = 0
        self.changes = 0
        self.retry_ns = self.look_ns = self.taken = 0
        self.identity = (0, 0)
        self.inode = (0, 0, 0)
        self.forget()

    def forget(self) -> None:
        """Begin anew with what a connection knows."""
        self.reader = FrameReader(ANSWER_BYTES)
        self.outbox = memoryview(b"")
        self.welcomed = False
        self.sent = 0
        self.generation = 0
        self.first_string = 1
        self.first_kind = 0
        self.progress_ns = self.looked_ns = clock()

    def close(self) -> None:
        """End the connection, if there is one."""
        # Taken first: the task's end and a stop may both come by here.
        peer, self.socket = self.socket, None
        if peer is not None:
            if self.is_ours(peer):
                peer.close()
            else:
                peer.detach()
        self.forget()

    def is_ours(self, peer: socket) -> bool:
        """Answer whether our descriptor still is the connection.

        An application may close all descriptors, and what it opens next gets their numbers: that
        must neither be written to nor closed.
        """
        try:
            found = os.fstat(peer.fileno())
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.identity

    def deliver(self, parcel: Parcel, table: Table, until_ns: int, yields: Callable[[], bool]) -> bool:
        """Bring a parcel to the collector's disk; answer whether it is there.

        False means not yet: call again with the same parcel, now or later, unless it was `refused`
        too often.

        Args:
            parcel: the outstanding one.
            table: the strings and kinds that it uses.
            until_ns: `clock()` when to give up for now.
            yields: answers whether somebody else wants to go on with it.
        """
        try:
            if self.socket is not None and (
                not self.is_ours(self.socket) or self.is_replaced() or self.has_news(parcel)
            ):
                self.close()
            if self.socket is None:
                self.connect()
            while not self.step(parcel, table):
                now_ns = clock()
                if now_ns - self.progress_ns > PATIENCE_NS:
                    raise TimeoutError("the collector says nothing")
                if now_ns >= until_ns or yields():
                    return False
                if now_ns - self.looked_ns > LOOK_NS and self.is_replaced():
                    raise ConnectionResetError("another collector listens at the path")
        except (OSError, WireError):
            self.failed()
            return False
        self.taken += 1
        self.failures = 0
        self.refused = 0
        return True

    def settle(self, until_ns: int, yields: Callable[[], bool], everything: bool) -> bool:  # noqa: ARG002 the face of both
        """Answer that nothing is left to post."""
        return True

    def warm_up(self) -> None:
        """Import nothing: all that it takes is here."""

    def may_answer(self) -> bool:
        """Answer whether another attempt in a moment makes sense.

        A socket that is not there will hardly appear now; one that refuses may be restarting.
        """
        return os.path.lexists(self.path)

    def failed(self) -> None:
        """Close, and wait longer each time before trying again."""
        self.close()
        delay_s = RETRY_S[min(self.failures, len(RETRY_S) - 1)]
        self.failures += 1
        self.look_ns = int(delay_s * 1e9) // LOOKS
        self.retry_ns = clock() + int(delay_s * 1e9)
        if self.failures == TELL:
            self.complain(
                f"no collector takes traces at {self.path}; what fits waits here, later ones are dropped "
                "and counted (`fanlight doctor` tells more)"
            )

    def rest_s(self, gathering_s: float) -> float:
        """Answer how long to rest before something may be due.

        Args:
            gathering_s: how long traces gather where nothing went wrong.
        """
        if not self.retry_ns:
            return gathering_s
        return max(0, min(self.look_ns, self.retry_ns - clock())) / 1e9

    def is_due(self) -> bool:
        """Answer whether to try: the delay is over, or a collector has begun anew."""
        return self.retry_ns <= clock() or self.is_replaced()

    def is_replaced(self) -> bool:
        """Answer whether another socket stands at the path than the last attempt met."""
        self.looked_ns = clock()
        try:
            return made(os.stat(self.path)) != self.inode
        except OSError:
            # The collector notices that its path is gone and listens again; until then this serves.
            return False

    def has_news(self, parcel: Parcel) -> bool:
        """Answer whether to greet anew before a parcel that is not on its way: what is hooked has changed."""
        return self.welcomed and self.sent != parcel.sequence and self.changes != INSTALLED.changes

    def connect(self) -> None:
        """Connect and greet.

        Raises:
            OSError: nobody listens, or somebody who is not us.
        """
        self.forget()
        self.inode = made(os.stat(self.path))
        peer = socket(AF_UNIX, SOCK_STREAM)
        try:
            peer.settimeout(SLICE_S)
            peer.connect(self.path)
            self.check_peer(peer)
        except BaseException:
            peer.close()
            raise
        own = os.fstat(peer.fileno())
        self.identity = (own.st_dev, own.st_ino)
        self.socket = peer
        self.retry_ns = 0
        self.changes = INSTALLED.changes
        self.outbox = memoryview(frame(HELLO, encode(HELLO_SCHEMA, self.greeting())))

    def check_peer(self, peer: socket) -> None:
        """Raise unless the other end is this user's, or the system's.

        Raises:
            PermissionError: another user listens at our path.
        """
        if SO_PEERCRED is None:
            return
        _, uid, _ = CREDENTIALS.unpack(peer.getsockopt(SOL_SOCKET, SO_PEERCRED, CREDENTIALS.size))
        if uid not in (os.geteuid(), 0):
            self.complain(f"user {uid} listens at {self.path}, not you; nothing is sent there")
            raise PermissionError(f"the peer is user {uid}")

    def step(self, parcel: Parcel, table: Table) -> bool:
        """Write or read once, for a slice of time at the most; answer whether the parcel is on disk."""
        if self.welcomed and self.sent != parcel.sequence:
            self.load(parcel, table)
        if self.outbox:
            self.write()
            return False
        for kind, body in self.read():
            if kind == WELCOME and not self.welcomed:
                self.welcomed = True
                # Acknowledged while the connection broke: it must not be sent again for nothing.
                if decode(WELCOME_SCHEMA, body)["sequence"] >= parcel.sequence:
                    self.sent = 0
                    return True
            elif kind == ACK:
                if decode(ACK_SCHEMA, body)["sequence"] >= parcel.sequence:
                    return True
            elif kind == REFUSAL:
                refusal = decode(REFUSAL_SCHEMA, body)
                # A refused HELLO says nothing about the parcel.
                self.refused += refusal["code"] == "frame" and self.sent == parcel.sequence
                self.complain(f"the collector at {self.path} refuses: {refusal['text'] or refusal['code']}")
                raise ConnectionRefusedError(refusal["code"])
            else:
                raise WireError(f"message type {kind} is none that a collector sends here")
        return False

    def load(self, parcel: Parcel, table: Table) -> None:
        """Put what the collector lacks of the table, and the parcel, into the outbox."""
        if self.generation != table.generation:
            self.generation = table.generation
            self.first_string = 1
            self.first_kind = 0
        self.outbox = memoryview(table.frames(self.first_string, self.first_kind) + parcel.data)
        self.first_string = len(table.strings)
        self.first_kind = len(table.kinds)
        self.sent = parcel.sequence
        self.progress_ns = clock()

    def write(self) -> None:
        """Send a piece of the outbox."""
        assert self.socket is not None
        try:
            sent = self.socket.send(self.outbox[: 1 << 18])
        except (TimeoutError, BlockingIOError):
            return
        except BrokenPipeError:
            # The collector hung up in the middle; what it said before that is still to be read.
            self.outbox = memoryview(b"")
            return
        self.outbox = self.outbox[sent:]
        self.progress_ns = clock()

    def read(self) -> list[tuple[int, bytes]]:
        """Answer the messages that arrived, waiting a slice of time at the most."""
        assert self.socket is not None
        try:
            data = self.socket.recv(ANSWER_BYTES)
        except (TimeoutError, BlockingIOError):
            return []
        if not data:
            raise ConnectionResetError(self.socket.getsockopt(SOL_SOCKET, SO_ERROR), "the collector hung up")
        self.progress_ns = clock()
        return [(kind, body) for kind, _, body in self.reader.feed(data)]


def made(found: os.stat_result) -> tuple[int, int, int]:
    """Answer what tells a socket from the one that stood at its path before."""
    return found.st_dev, found.st_ino, found.st_mtime_ns
