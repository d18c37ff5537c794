"""Asks the collector how it is, over the socket that agents use."""

from __future__ import annotations

import json
import socket
from typing import Any

from fanlight.errors import WireError
from fanlight.wire import frames
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import STATUS, STATUS_REQUEST

WAIT_S = 2.0
PIECE_BYTES = 1 << 16


def collector_status(path: str, wait_s: float = WAIT_S) -> dict[str, Any] | None:
    """Answer the collector's own state, None when it does not say.

    Args:
        path: its socket.
        wait_s: how long connecting, and each piece of the answer, may take.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(wait_s)
            connection.connect(path)
            connection.sendall(frames.frame(frames.STATUS_REQUEST, encode(STATUS_REQUEST, {})))
            return answer(connection)
    except (OSError, WireError, ValueError):
        return None


def answer(connection: socket.socket) -> dict[str, Any] | None:
    """Answer the first STATUS that comes, None when something else does."""
    reader = frames.FrameReader()
    while piece := connection.recv(PIECE_BYTES):
        for kind, _, body in reader.feed(piece):
            if kind != frames.STATUS:
                return None
            state = json.loads(decode(STATUS, body)["json"])
            return state if isinstance(state, dict) else None
    return None
