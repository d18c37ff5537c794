"""Servers built on `socketserver` tell how busy they are: one connection after the other, or a thread each.

A program may run such a server beside what it is for, as exporters of metrics do: that one tells nothing,
and leaves the slot to the server whose requests count.
"""

from __future__ import annotations

import os
import sys

from fanlight.recording.slots.serving import counted
from fanlight.recording.slots.slot import HERE
from fanlight.wire import slots as layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TOLD = "fanlight_told"
"""What a server is marked with that tells of itself: in which way."""
ALONE, THREADS = "alone", "threads"
RELOADED = ("WERKZEUG_RUN_MAIN", "RUN_MAIN")
"""Variables of a process that Werkzeug's or Django's reloader has started to serve: in a second thread."""


def telling(serve: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Answer the `serve_forever` of a server such that it tells how busy the server is.

    Args:
        serve: the server's own, a function of its class.
        name: of the server.
    """

    def serve_told(self: Any, *arguments: Any, **options: Any) -> Any:
        if is_for(self, name) and tell(self, name):
            try:
                return serve(self, *arguments, **options)
            finally:
                HERE.tell(layout.STATE, layout.ENDED_WELL)
        return serve(self, *arguments, **options)

    return serve_told


def is_for(server: Any, name: str) -> bool:
    """Answer whether a server is what this process is for, and not one beside it."""
    threading = sys.modules.get("threading")
    if threading is None or HERE.claimed:
        return False
    if threading.current_thread() is threading.main_thread():
        return True
    # Their reloaders keep the first thread, and serve in another one.
    kind = type(server).__module__
    return any(map(os.environ.get, RELOADED)) and kind.startswith((name, "django."))


def tell(server: Any, name: str) -> bool:
    """Let a server tell how busy it is; answer whether it does.

    One that forks for each request has no slot that outlives the request, and tells nothing.
    """
    if hasattr(server, "active_children"):
        return False
    HERE.claim(name, killed=True)
    if not HERE.claimed:
        return False
    HERE.serve([getattr(server, "socket", None)])
    HERE.tell(layout.TOTAL, 1)
    HERE.tell(layout.BACKLOG, 0)
    if hasattr(server, "process_request_thread"):
        setattr(server, TOLD, THREADS)
        HERE.tell(layout.CONNECTIONS, 0)
        HERE.tell(layout.SPAWNED, 0)
        server.process_request_thread = connected(server.process_request_thread)
    else:
        # Busy from the accept on: whoever connects and says nothing keeps everybody else waiting.
        setattr(server, TOLD, ALONE)
        HERE.tell(layout.MAX_THREADS, 1)
        HERE.tell(layout.SPAWNED, 1)
        HERE.tell(layout.APART, 1)
        process = server.process_request
        process_told = counted(lambda given: process(*given))
        server.process_request = lambda *given: process_told(given)
    HERE.tell(layout.STATE, layout.BOOTED)
    return True


def connected(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what a thread does for its connection, such that the slot tells of both while it lasts."""

    def handle_told(*arguments: Any) -> Any:
        HERE.cells[layout.CONNECTIONS] += 1
        HERE.cells[layout.SPAWNED] += 1
        try:
            return handle(*arguments)
        finally:
            HERE.cells[layout.CONNECTIONS] -= 1
            HERE.cells[layout.SPAWNED] -= 1

    return handle_told


def told(server: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    """Call what serves a request; the slot tells of it if the server does.

    Args:
        server: whose request it is, None for one that came in another way.
        call: takes the arguments, one or two.
        arguments: as above.
    """
    how = getattr(server, TOLD, None)
    if how is None:
        return call(*arguments)
    if how == THREADS:
        return counted(lambda given: call(*given))(arguments)
    HERE.cells[layout.UNDER_WAY] = 1
    try:
        return call(*arguments)
    finally:
        HERE.cells[layout.UNDER_WAY] = 0
        HERE.cells[layout.ANSWERED] += 1
