"""Several streams without an end, read at once: what comes first is answered first."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

AWAKE_S = 0.5
"""A signal that arrives as a wait without an end begins is heard when something comes, perhaps never."""


def together(streams: list[Iterator[Any]]) -> Iterator[Any]:
    """Yield the items of all streams as they come, each from a thread of its own.

    A stream goes on when its item was dealt with, for the item may lie in a buffer that is used again.
    What one of them raises ends all.
    """
    # One place: nobody has to hold back what nobody asks for.
    items: queue.Queue[tuple[Any, threading.Event | None]] = queue.Queue(1)

    def drain(stream: Iterator[Any]) -> None:
        try:
            for item in stream:
                dealt = threading.Event()
                items.put((item, dealt))
                dealt.wait()
            items.put((None, None))
        except BaseException as error:
            items.put((error, None))

    for stream in streams:
        # They wait for what may never come, so they must not keep the process from ending.
        threading.Thread(target=drain, args=(stream,), daemon=True).start()
    left = len(streams)
    while left:
        try:
            item, dealt = items.get(timeout=AWAKE_S)
        except queue.Empty:
            continue
        if dealt is not None:
            yield item
            dealt.set()
        elif item is None:
            left -= 1
        else:
            raise item
