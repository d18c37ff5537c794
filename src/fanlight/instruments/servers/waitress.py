"""waitress: the WSGI application that it serves, whatever framework made it, and how busy it is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

TOLD = "fanlight_told"


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace what a waitress server calls, behind its own reading of proxies' headers.

    Args:
        module: `waitress.server`.

    Raises:
        LookupError: there is no `BaseWSGIServer`.
    """
    server = getattr(module, "BaseWSGIServer", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("waitress has no BaseWSGIServer")

    from fanlight.recording.boundary.application import tracing
    from fanlight.recording.boundary.sigterm import minding
    from fanlight.recording.wsgi import wsgi

    initialise = tracing(server.__init__, "application", wsgi)

    def initialise_and_tell(self: Any, *arguments: Any, **options: Any) -> None:
        initialise(self, *arguments, **options)
        tell(self)

    server.__init__ = initialise_and_tell
    for kind in (server, getattr(module, "MultiSocketServer", None)):
        if hasattr(kind, "run"):
            kind.run = minding(kind.run)  # type: ignore[union-attr]  # it has one
    return {"waitress.channel": tell_service}


def tell_service(module: ModuleType) -> None:
    """Tell when a thread takes what waits, and when it is done with it.

    Raises:
        LookupError: there is no `HTTPChannel.service`.
    """
    channel = getattr(module, "HTTPChannel", None)
    service = getattr(channel, "service", None)
    if channel is None or service is None:
        raise LookupError("waitress has no HTTPChannel.service")

    from fanlight.recording.slots.serving import counted

    channel.service = counted(service)
    setattr(channel.service, TOLD, True)


def tell(server: Any) -> None:
    """Let a server tell how busy it is; several of one process share their threads."""
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    HERE.claim("waitress")
    HERE.serve([getattr(server, "socket", None)])
    HERE.tell(layout.TOTAL, 1)
    HERE.tell(layout.STATE, layout.BOOTED)
    dispatcher: Any = getattr(server, "task_dispatcher", None)
    threads = getattr(getattr(server, "adj", None), "threads", None)
    if isinstance(threads, int):
        HERE.tell(layout.MAX_THREADS, threads)
    if not hasattr(dispatcher, "add_task"):
        return
    alive = getattr(dispatcher, "threads", None)
    HERE.tell(layout.SPAWNED, -1 if alive is None else len(alive))
    # Known from now on, also in a child of one whose servers told already.
    HERE.tallies[layout.QUEUED] = HERE.queued
    if not hasattr(type(dispatcher).add_task, TOLD):
        tell_queue(type(dispatcher))


def tell_queue(dispatcher: Any) -> None:
    """Tell what waits for a thread, and how many of them there are.

    Args:
        dispatcher: the class of what hands requests to threads. All servers of a process share one of it;
            what only that one had would cost each request more: Python looks for methods in classes.
    """
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire.slots import SPAWNED

    here = HERE
    add_task: Any = dispatcher.add_task
    set_count: Any = getattr(dispatcher, "set_thread_count", None)

    # A fast path: on the way of each request.
    def add_told(self: Any, task: Any) -> Any:
        # Before it can begin: what waits is what was added less what began.
        here.handed[...] = here.queued = here.queued + 1.0
        return add_task(self, task)

    def set_and_tell(self: Any, count: int) -> None:
        set_count(self, count)
        here.tell(SPAWNED, len(self.threads))

    setattr(add_told, TOLD, True)
    dispatcher.add_task = add_told
    if set_count is not None:
        dispatcher.set_thread_count = set_and_tell
