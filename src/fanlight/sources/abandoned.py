"""Connections that wait in a listener's queue though their client has left: the kernel keeps them there."""

from __future__ import annotations

import socket

from fanlight.sources.connections import CLOSE_WAIT, INODE_AT, PORT, PORT_AT, request
from fanlight.sources.netlink import INET_BODY_BYTES, NUMBER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fanlight.sources.netlink import Netlink
    from fanlight.wire.readings import Listener

ADDRESS_AT = 8
FAMILIES = {"tcp4": (socket.AF_INET, 4, "0.0.0.0:"), "tcp6": (socket.AF_INET6, 16, "[::]:")}
"""Of a listener: the kernel's family, how long its addresses are, and how one for all of them begins."""


def abandoned(netlink: Netlink, listeners: Iterable[Listener]) -> dict[int, int]:
    """Answer by inode how many of those that wait at TCP listeners were closed by their clients.

    Of listeners that share an address, the first at which anything waits has them all.

    Raises:
        OSError: the kernel does not tell.
    """
    inet = [each for each in listeners if each.family in FAMILIES]
    waited = [each for each in inet if each.queued]
    found = dict.fromkeys((each.inode for each in inet), 0)
    for family, port in sorted({(each.family, port_of(each)) for each in waited}):
        number, size, every = FAMILIES[family]
        there = [each for each in waited if each.family == family and port_of(each) == port]
        for payload in netlink.dump(request(number, port, 1 << CLOSE_WAIT)):
            # One with an inode was accepted, and is its server's to close.
            if len(payload) < INET_BODY_BYTES or NUMBER.unpack_from(payload, INODE_AT)[0]:
                continue
            if PORT.unpack_from(payload, PORT_AT)[0] != port:
                continue
            host = socket.inet_ntop(number, payload[ADDRESS_AT : ADDRESS_AT + size])
            mine = whose(there, f"{host}:{port}" if size == 4 else f"[{host}]:{port}", f"{every}{port}")
            if mine is not None:
                found[mine.inode] += 1
    return found


def whose(listeners: Sequence[Listener], *addresses: str) -> Listener | None:
    """Answer the listener that a connection came to: that of its own address, else that of all."""
    return next((each for address in addresses for each in listeners if each.address == address), None)


def port_of(listener: Listener) -> int:
    """Answer the port of a TCP listener."""
    return int(listener.address.rpartition(":")[2])
