"""uvicorn: the application that it serves, whatever framework made it, and how busy it is."""

from __future__ import annotations

import sys

from fanlight.recording.location import count_as_own
from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


PROTOCOLS = ("h11_impl", "httptools_impl", "zttp_h2_impl", "zttp_impl")
"""Modules that speak HTTP; those that are used are imported."""
TOLD = "fanlight_told"


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace what uvicorn calls once it has loaded it; then it speaks ASGI 3 in any case.

    A WSGI application stands behind uvicorn's own bridge by then. What it does in the bridge's thread
    is part of the same request, and a framework in it counts no second one.

    Args:
        module: `uvicorn.config`.

    Raises:
        LookupError: there is no `Config.load`.
    """
    config = getattr(module, "Config", None)
    load = getattr(config, "load", None)
    if config is None or load is None:
        raise LookupError("uvicorn has no Config.load")

    def load_and_trace(self: Any) -> None:
        load(self)
        app = getattr(self, "loaded_app", None)
        if app is not None:
            from fanlight.recording.asgi import asgi

            self.loaded_app = asgi(app)
            named = getattr(self, "app", None)
            if isinstance(named, str):
                count_as_own(named)

    config.load = load_and_trace
    parts = dict.fromkeys((f"uvicorn.protocols.http.{name}" for name in PROTOCOLS), tell_requests)
    return {"uvicorn.server": hook_server, "uvicorn.supervisors.multiprocess": tell_total, **parts}


def hook_server(module: ModuleType) -> None:
    """Hook a server's beginning and its end."""
    tell_server(module)
    send_before_the_end(module)


def tell_server(module: ModuleType) -> None:
    """Let a server tell how busy it is from when it starts.

    Raises:
        LookupError: there is no `Server.startup`.
    """
    server = getattr(module, "Server", None)
    startup = getattr(server, "startup", None)
    if server is None or startup is None:
        raise LookupError("uvicorn has no Server.startup")

    async def startup_and_tell(self: Any, *arguments: Any, **more: Any) -> Any:
        from asyncio import get_running_loop

        from fanlight.recording.slots.looping import answering, beat
        from fanlight.recording.slots.slot import HERE, parent
        from fanlight.wire import slots as layout

        loop = get_running_loop()
        HERE.claim("uvicorn", type(loop).__module__.partition(".")[0], parent())
        # A worker of gunicorn's cannot tell of requests by itself.
        HERE.tell(layout.MUTE, 0)
        config = getattr(self, "config", None)
        tell_if_known(layout.TOTAL, getattr(config, "workers", None))
        tell_if_known(layout.LIMIT, getattr(config, "limit_concurrency", None))
        if any(is_told(f"uvicorn.protocols.http.{name}") for name in PROTOCOLS):
            HERE.tallies[layout.CREATED] = HERE.created
        # Now that all is around it that others put there; a second server's requests are told another way.
        if HERE.app is None and getattr(config, "loaded_app", None) is not None:
            HERE.app = config.loaded_app = answering(config.loaded_app)  # type: ignore[union-attr]  # it has one
        connections = getattr(getattr(self, "server_state", None), "connections", None)
        if connections is None:
            beat(loop)
        else:
            beat(loop, lambda: HERE.tell(layout.CONNECTIONS, len(connections)))
        result = await startup(self, *arguments, **more)
        if getattr(self, "started", False):
            HERE.serve(each for one in getattr(self, "servers", ()) for each in getattr(one, "sockets", ()))
            HERE.tell(layout.STATE, layout.BOOTED)
        return result

    server.startup = startup_and_tell


def tell_if_known(word: int, value: Any) -> None:
    """Write a number that a setting may hold."""
    from fanlight.recording.slots.slot import HERE

    if isinstance(value, int):
        HERE.tell(word, value)


def tell_total(module: ModuleType) -> None:
    """Tell how many workers are configured, which a signal changes in their master alone.

    Raises:
        LookupError: there is no `Multiprocess.keep_subprocess_alive`.
    """
    master = getattr(module, "Multiprocess", None)
    look = getattr(master, "keep_subprocess_alive", None)
    if master is None or look is None:
        raise LookupError("uvicorn has no Multiprocess.keep_subprocess_alive")

    def look_and_tell(self: Any) -> Any:
        from fanlight.recording.slots.slot import HERE
        from fanlight.wire import slots as layout

        HERE.claim("uvicorn", role=layout.MINDS)
        tell_if_known(layout.TOTAL, getattr(self, "processes_num", None))
        return look(self)

    master.keep_subprocess_alive = look_and_tell


def tell_requests(module: ModuleType) -> None:
    """Tell of each request: a task is made for it, which begins when the loop comes to it.

    Raises:
        LookupError: there is no `RequestResponseCycle.run_asgi`.
    """
    cycle = getattr(module, "RequestResponseCycle", None)
    run = getattr(cycle, "run_asgi", None)
    if cycle is None or run is None:
        raise LookupError(f"{module.__name__} has no RequestResponseCycle.run_asgi")

    from fanlight.recording.slots.looping import begun
    from fanlight.recording.slots.slot import HERE

    def run_told(self: Any, app: Any) -> Any:
        # A fast path: to read shared memory costs as much as to write it.
        here = HERE
        here.made[...] = here.created = here.created + 1.0
        # Any other answers in its place, as when there are too many.
        return run(self, app) if app is here.app else begun(run(self, app))

    setattr(run_told, TOLD, True)
    cycle.run_asgi = run_told


def is_told(name: str) -> bool:
    """Answer whether requests come by a module that tells of them."""
    cycle = getattr(sys.modules.get(name), "RequestResponseCycle", None)
    return hasattr(getattr(cycle, "run_asgi", None), TOLD)


def send_before_the_end(module: ModuleType) -> None:
    """Say why it ends, and send what waits, when uvicorn has closed its last connection on SIGTERM.

    It raises the signal once more afterwards, for whoever handled it before. Mostly nobody did, and
    the process ends without its exit handlers, the agent's among them.

    Args:
        module: `uvicorn.server`.

    Raises:
        LookupError: there is no `Server.shutdown`.
    """
    server = getattr(module, "Server", None)
    shutdown = getattr(server, "shutdown", None)
    if server is None or shutdown is None:
        raise LookupError("uvicorn has no Server.shutdown")

    async def shutdown_and_flush(self: Any, *arguments: Any, **more: Any) -> Any:
        from signal import SIGTERM

        from fanlight.recording.slots.slot import HERE
        from fanlight.wire import slots as layout

        try:
            return await shutdown(self, *arguments, **more)
        finally:
            # It leaves by itself at its limit of requests alone, and otherwise because it was told to.
            is_told = getattr(self, "should_exit", True)
            HERE.tell(layout.STATE, layout.ENDED_WELL if is_told else layout.ENDED_AT_LIMIT)
            # Ctrl-C becomes an exception, after which exit handlers run; before 0.29 all did.
            if SIGTERM in getattr(self, "_captured_signals", ()) and SWITCH.flush is not None:
                SWITCH.flush()

    server.shutdown = shutdown_and_flush
