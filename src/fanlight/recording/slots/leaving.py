"""Whether the client of a kept connection has closed it, and so asks for nothing more."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ALERT, GOODBYE = 21, b"\x17\x03\x03\x00\x13"
"""How a record of TLS begins that is an alert; likewise in 1.3, where all look alike but for their length."""


def is_left(connected: Any) -> bool:
    """Answer whether the other end of a socket has closed it; nothing is taken from it."""
    from _socket import MSG_DONTWAIT, MSG_PEEK, socket

    try:
        # Past TLS, which cannot look without taking.
        seen = socket.recv(connected, 5, MSG_PEEK | MSG_DONTWAIT)
    except (BlockingIOError, TypeError):
        return False
    except OSError:
        return True
    # TLS says goodbye before the end: by its type up to 1.2, and in 1.3 by its length, which no request has.
    return not seen or seen[0] == ALERT or seen == GOODBYE
