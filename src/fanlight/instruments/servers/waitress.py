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
    if not hasattr(type(dispatcher), TOLD):
        tell_queue(type(server), type(dispatcher))


def tell_queue(server: Any, dispatcher: Any) -> None:
    """Tell what waits for a thread, and how many of them there are.

    Args:
        server: the class of a server.
        dispatcher: the class of what hands requests to threads. All servers of a process share one of it;
            what only that one had would cost each request more: Python looks for methods in classes.
    """
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire.slots import SPAWNED

    here = HERE
    add_task: Any = dispatcher.add_task
    set_count: Any = getattr(dispatcher, "set_thread_count", None)

    # Fast paths, on the way of each request. Both count before it can begin: what waits is what was added
    # less what began.
    def add_told(self: Any, task: Any) -> Any:
        here.handed[...] = here.queued = here.queued + 1.0
        return add_task(self, task)

    def hand_on_told(self: Any, task: Any) -> None:
        here.handed[...] = here.queued = here.queued + 1.0
        self.task_dispatcher.add_task(task)

    def set_and_tell(self: Any, count: int) -> None:
        set_count(self, count)
        here.tell(SPAWNED, len(self.threads))

    setattr(dispatcher, TOLD, True)
    # In the place of what only hands on, so that nobody has one call more.
    kind = next((each for each in server.__mro__ if "add_task" in vars(each)), None)
    if kind is not None and only_hands_on(kind.add_task):
        kind.add_task = hand_on_told
    else:
        dispatcher.add_task = add_told
    if set_count is not None:
        dispatcher.set_thread_count = set_and_tell


def only_hands_on(add_task: Any) -> bool:
    """Answer whether a server's `add_task` does nothing but call that of its dispatcher."""
    code = getattr(add_task, "__code__", None)
    does = code and (code.co_names, code.co_consts, code.co_argcount)
    return bool(does == (("task_dispatcher", "add_task"), (None,), 2))
