"""Listening sockets as the kernel knows them: what waits to be accepted, the limit, what was refused.

Over netlink, for any server in any language, TCP and unix; `/proc/net/tcp` costs a hundred times as
much and does not tell the limit. A family that cannot be read is absent, and one warning says so of all
that cannot; of TCP, the sockets of the servers seen are asked themselves then.
"""

from __future__ import annotations

import socket
from operator import is_
from struct import Struct

from fanlight.log import LOG
from fanlight.sources.abandoned import abandoned
from fanlight.sources.borrowed import Borrowed
from fanlight.sources.holders import Holders
from fanlight.sources.netlink import (
    DROPS_AT,
    INET_BODY_BYTES,
    INET_MEMORY,
    LISTEN,
    NUMBER,
    UNIX_BODY_BYTES,
    UNIX_NAME,
    UNIX_QUEUE,
    Netlink,
    attributes,
    inet_request,
    unix_request,
)
from fanlight.wire.readings import Listener, Readings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from fanlight.sources.holders import Held

INET = Struct("=BBBB")
PORT = Struct("!H")
PORT_AT, ADDRESS_AT, QUEUE_AT, INODE_AT = 4, 8, 56, 68
QUEUE = Struct("=II")
UNIX = Struct("=BBBBI")

TCP4, TCP6, LOCAL = "tcp4", "tcp6", "unix"
INSTEAD = "of TCP, the web servers seen are asked for theirs, where the system lets us"
RETRY_NS = 60_000_000_000
"""A family that could not be read is asked for again after this long."""
OTHERS_NS = 4_900_000_000
"""A family in which none of the servers seen listens is asked for again after this long."""


class Listeners:
    """Reads the listening sockets of a network namespace.

    Args:
        directory: of the runtime; the kernel's tables lie elsewhere.
        netlink: what asks the kernel, in our own network namespace or another one.
        warn: told once what cannot be read, of all families together.

    Attributes:
        holders: knows who holds a listener, in the trees of the processes that its `roots` answers:
            nobody's until somebody says whose.
        absent: families that cannot be read now, each with the reason.
    """

    def __init__(
        self,
        directory: str = "",
        netlink: Netlink | None = None,
        warn: Callable[[str], object] = LOG.warning,
    ) -> None:
        self.directory = directory
        self.netlink = netlink or Netlink()
        self.holders = Holders(tuple)
        self.borrowed = Borrowed()
        self.warn = warn
        self.absent: dict[str, str] = {}
        self.again_ns: dict[str, int] = {}
        self.told: set[str] = set()
        self.requests = {
            TCP4: inet_request(socket.AF_INET),
            TCP6: inet_request(socket.AF_INET6),
            LOCAL: unix_request(),
        }
        self.known: dict[bytes, Listener] = {}
        self.held: Held = {}
        self.payloads: dict[str, list[bytes]] = {}
        self.asked_ns = -OTHERS_NS
        self.last = Readings()

    def read(self, now_ns: int, *, whole: bool = True) -> Readings:
        """Answer every listener that there is now.

        Args:
            now_ns: monotonic.
            whole: ask for every family, not only for those that the servers seen listen in.
        """
        mine = {payload: each.family for payload, each in self.known.items() if each.pids}
        asked: Collection[str] = set(mine.values())
        if whole or not asked or now_ns - self.asked_ns >= OTHERS_NS:
            self.asked_ns = now_ns
            asked, mine = self.requests, {}
        found = {family: self.dump(family, self.requests[family], now_ns) for family in asked}
        self.say()
        # A fast path: mostly all listeners are what they were a moment ago, to the byte. Those of nobody
        # concerned may come and go until all are asked for, and so may who holds them.
        if mine and mine.keys() <= set().union(*found.values()):
            return self.last
        self.take(found)
        held = self.holders.holders([each.inode for each in self.known.values()])
        if held is not self.held:
            self.held = held
            self.known = {payload: attributed(each, held) for payload, each in self.known.items()}
        if whole:
            self.look_who_left()
        # The same object while nothing changed, by which others tell that.
        now = tuple(self.known.values())
        if self.is_forbidden():
            now += tuple(self.borrowed.read(self.holders.roots, now_ns))
        if len(now) != len(self.last.listeners) or not all(map(is_, now, self.last.listeners)):
            self.last = Readings(listeners=now)
        return self.last

    def take(self, found: Mapping[str, list[bytes]]) -> None:
        """Take over the messages about some families' listeners."""
        if all(self.payloads.get(family) == payloads for family, payloads in found.items()):
            return
        self.payloads.update(found)
        before = self.known
        told = {
            payload: before.get(payload) or self.listener(family, payload)
            for family in self.requests
            for payload in self.payloads.get(family, ())
        }
        self.known = {payload: each for payload, each in told.items() if each is not None}

    def is_forbidden(self) -> bool:
        """Answer whether the kernel lists no TCP listeners of our own network namespace at all."""
        return TCP4 in self.again_ns and TCP4 in self.absent and not self.netlink.namespace

    def look_who_left(self) -> None:
        """Look which of the clients that wait at the servers' listeners have left."""
        mine = [each for each in self.known.values() if each.pids]
        try:
            left = abandoned(self.netlink, mine)
        except OSError:
            left = {}
        self.known = {
            payload: each
            if each.abandoned == left.get(each.inode)
            else each._replace(abandoned=left.get(each.inode))
            for payload, each in self.known.items()
        }

    def listener(self, family: str, payload: bytes) -> Listener | None:
        """Answer the listener that a message tells of; None when it is no listener or makes no sense."""
        try:
            found = local(payload) if family == LOCAL else inet(family, payload)
        except OSError:
            return None
        return None if found is None else attributed(found, self.held)

    def dump(self, family: str, request: bytes, now_ns: int) -> list[bytes]:
        """Answer the messages about a family's listeners, none when it cannot be read."""
        if now_ns < self.again_ns.get(family, now_ns):
            return []
        try:
            payloads = self.netlink.dump(request)
        except InterruptedError:
            # A moment of many changes; nothing is wrong with the next.
            self.again_ns.pop(family, None)
            self.absent[family] = "the table of sockets changes too fast"
            return []
        except OSError as error:
            self.absent[family] = error.strerror or str(error)
            self.again_ns[family] = now_ns + RETRY_NS
            return []
        self.absent.pop(family, None)
        self.again_ns.pop(family, None)
        return payloads

    def say(self) -> None:
        """Warn of the families that cannot be read, each once, those of one moment in one line."""
        new = [family for family in self.absent if family in self.again_ns and family not in self.told]
        if not new:
            return
        self.told.update(new)
        reasons = " and ".join(dict.fromkeys(self.absent[family] for family in new))
        self.warn(
            f"the queues of {', '.join(new)} listeners are not shown: {reasons}; "
            + ("everything else goes on without them" if new == [LOCAL] else INSTEAD)
        )

    def close(self) -> None:
        """Let go of the socket."""
        self.netlink.close()


def attributed(listener: Listener, held: Held) -> Listener:
    """Answer a listener with those who hold it."""
    pids, program = held.get(listener.inode, ((), ""))
    return listener._replace(pids=pids, program=program)


def inet(family: str, payload: bytes) -> Listener | None:
    """Answer a TCP listener; in any other state its numbers mean something else."""
    if len(payload) < INET_BODY_BYTES or INET.unpack_from(payload)[1] != LISTEN:
        return None
    size = 4 if family == TCP4 else 16
    host = socket.inet_ntop(
        socket.AF_INET if family == TCP4 else socket.AF_INET6, payload[ADDRESS_AT : ADDRESS_AT + size]
    )
    port = PORT.unpack_from(payload, PORT_AT)[0]
    queued, limit = QUEUE.unpack_from(payload, QUEUE_AT)
    inode = NUMBER.unpack_from(payload, INODE_AT)[0]
    drops = None
    for kind, start, end in attributes(payload, INET_BODY_BYTES):
        if kind == INET_MEMORY and end - start >= DROPS_AT + NUMBER.size:
            drops = NUMBER.unpack_from(payload, start + DROPS_AT)[0]
    address = f"{host}:{port}" if family == TCP4 else f"[{host}]:{port}"
    return Listener(inode, family, address, queued, limit, drops)


def local(payload: bytes) -> Listener | None:
    """Answer a listening unix socket; one without a queue of its own is none."""
    if len(payload) < UNIX_BODY_BYTES:
        return None
    _, _, state, _, inode = UNIX.unpack_from(payload)
    if state != LISTEN:
        return None
    name, queue = b"", None
    for kind, start, end in attributes(payload, UNIX_BODY_BYTES):
        if kind == UNIX_NAME:
            name = payload[start:end]
        elif kind == UNIX_QUEUE and end - start >= QUEUE.size:
            queue = QUEUE.unpack_from(payload, start)
    return None if queue is None else Listener(inode, LOCAL, shown(name), *queue)


def shown(name: bytes) -> str:
    """Answer a unix socket's name: a path, `@…` for an abstract one, "" where it has none."""
    # A path ends with a zero byte, or fills its field; an abstract name begins with one.
    text = name[1:] if name.startswith(b"\0") else name.partition(b"\0")[0]
    sign = "@" if name.startswith(b"\0") else ""
    # What others chose as a name shows as it is, save what would not be text.
    return sign + text.replace(b"\0", b"@").decode("utf-8", "backslashreplace")
