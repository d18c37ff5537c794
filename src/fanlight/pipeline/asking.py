"""Asks the collector how it is, and what servers are at, over the socket that agents use."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from fanlight.errors import UnreachableError, WireError
from fanlight.wire import frames
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import REFUSAL, SNAPSHOTS, STATUS, STATUS_REQUEST, WATCH
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def watched(
    path: str, period_s: float, wait_s: float | None = None, waiting: Callable[[], object] = lambda: None
) -> Iterator[list[Snapshot]]:
    """Yield the snapshots of each instant, until the connection is at its end.

    Args:
        path: the collector's socket.
        period_s: between two instants.
        wait_s: after which, and each time again, `waiting` is called while there is nothing to tell.
        waiting: may raise to end it.

    Raises:
        OSError: nobody listens there.
        UnreachableError: whoever does will not tell; says why.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(WAIT_S)
        connection.connect(path)
        body = encode(WATCH, {"period_ms": round(period_s * 1000)})
        connection.sendall(frames.frame(frames.WATCH, body))
        connection.settimeout(wait_s)
        reader = frames.FrameReader()
        while True:
            try:
                piece = connection.recv(PIECE_BYTES)
            except TimeoutError:
                waiting()
                continue
            except OSError:
                piece = b""
            if not piece:
                return
            yield from (told(kind, body) for kind, _, body in reader.feed(piece))


def told(kind: int, body: bytes) -> list[Snapshot]:
    """Answer the snapshots in a message of the collector's.

    Raises:
        UnreachableError: it is a refusal.
    """
    if kind != frames.SNAPSHOTS:
        why = decode(REFUSAL, body)["text"] if kind == frames.REFUSAL else f"it sent a message of type {kind}"
        raise UnreachableError(f"the collector does not tell what servers are at: {why}")
    return [Snapshot(**each) for each in json.loads(decode(SNAPSHOTS, body)["json"])]
