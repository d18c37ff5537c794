"""Threads and locks as the operating system has them, also where gevent or eventlet patched them."""

from __future__ import annotations

import _thread
from sys import modules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def original(name: str) -> Any:
    """Answer a function of `_thread` as it was before anybody patched it.

    Under gevent a "thread" of the patched kind would share the application's one thread, and its
    lock would hand control to the hub.
    """
    gevent = modules.get("gevent.monkey")
    if gevent is not None:
        return gevent.get_original("_thread", name)
    eventlet = modules.get("eventlet.patcher")
    if eventlet is not None:
        return getattr(eventlet.original("_thread"), name)
    return getattr(_thread, name)


# Taken at import, so that a later patch does not reach them.
start_new_thread = original("start_new_thread")
allocate_lock = original("allocate_lock")
