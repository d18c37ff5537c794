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
    from fanlight.wire.slots import QUEUED, SPAWNED

    HERE.claim("waitress")
    HERE.serve([getattr(server, "socket", None)])
    HERE.tell(layout.TOTAL, 1)
    HERE.tell(layout.STATE, layout.BOOTED)
    dispatcher = getattr(server, "task_dispatcher", None)
    add_task = getattr(dispatcher, "add_task", None)
    threads = getattr(getattr(server, "adj", None), "threads", None)
    if isinstance(threads, int):
        HERE.tell(layout.MAX_THREADS, threads)
    if dispatcher is None or add_task is None or hasattr(add_task, TOLD):
        return
    alive = getattr(dispatcher, "threads", None)
    HERE.tell(layout.QUEUED, 0)
    spawned = -1

    # A fast path: threads come one by one, and stay.
    def add_told(task: Any) -> Any:
        nonlocal spawned
        here = HERE
        # Before it can begin: what waits is what was added less what began.
        here.queued = here.cells[QUEUED] = here.queued + 1
        if alive is not None and len(alive) != spawned:
            spawned = here.cells[SPAWNED] = len(alive)
        return add_task(task)

    setattr(add_told, TOLD, True)
    dispatcher.add_task = add_told
