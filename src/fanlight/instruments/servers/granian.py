"""granian: the WSGI or ASGI application that it serves, whatever framework made it, and how busy it is."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

WRAPPER = "_callback_wrapper"
"""granian's function between its core and an application; there is one for each interface."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace ASGI applications; answer the hook for WSGI's. RSGI, granian's own, is not recorded.

    Args:
        module: `granian.asgi`.

    Raises:
        LookupError: there is nothing between core and application.
    """
    from fanlight.recording.asgi import asgi

    def told(app: Any) -> Any:
        tell("asgi")
        return beating(asgi(app))

    trace(module, told)
    return {"granian.server.common": remember, "granian.wsgi": trace_wsgi}


class Settings:
    """What the server of this process, or of the one that it was forked from, was made with."""

    __slots__ = ("threads", "workers")

    def __init__(self) -> None:
        self.threads: Any = None
        self.workers: Any = None


SETTINGS = Settings()


def remember(module: ModuleType) -> None:
    """Remember what a server is made with: a worker is forked from its process, and is not told.

    Raises:
        LookupError: there is no `AbstractServer`.
    """
    server = getattr(module, "AbstractServer", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("granian has no AbstractServer")
    initialise = server.__init__

    def initialise_and_remember(self: Any, *arguments: Any, **options: Any) -> None:
        initialise(self, *arguments, **options)
        SETTINGS.threads = getattr(self, "blocking_threads", None)
        SETTINGS.workers = getattr(self, "workers", None)

    server.__init__ = initialise_and_remember


def tell(kind: str) -> None:
    """Let this worker tell how busy it is; it is about to serve."""
    from fanlight.recording.slots.slot import HERE, parent
    from fanlight.wire import slots as layout

    HERE.claim("granian", kind, parent())
    # Its core, which is no Python, reads requests and keeps them until somebody is free.
    HERE.tell(layout.HIDES, 1)
    if isinstance(SETTINGS.workers, int):
        HERE.tell(layout.TOTAL, SETTINGS.workers)
    if kind == "wsgi" and isinstance(SETTINGS.threads, int):
        HERE.tell(layout.MAX_THREADS, SETTINGS.threads)
    HERE.tell(layout.STATE, layout.BOOTED)


def beating(app: Any) -> Any:
    """Answer an ASGI application that tells of its requests, and from the first call on of its loop."""
    from fanlight.recording.slots.looping import answering, beat
    from fanlight.recording.slots.slot import HERE

    told = answering(app)
    call: Callable[..., Any]

    def first(scope: Any, receive: Any, send: Any) -> Any:
        nonlocal call
        from asyncio import get_running_loop

        beat(get_running_loop())
        # What is called before, for its lifespan, is called before anybody listens.
        if scope["type"] == "http":
            HERE.serve_inherited()
            call = told
        return told(scope, receive, send)

    call = first

    # A fast path: on the way of each request.
    def answer(scope: Any, receive: Any, send: Any) -> Any:
        return call(scope, receive, send)

    return answer


def trace_wsgi(module: ModuleType) -> None:
    """Trace WSGI applications."""

    def told(app: Any) -> Any:
        from fanlight.recording.slots.serving import answered
        from fanlight.recording.slots.slot import HERE

        tell("wsgi")
        answer = answered(app)
        call: Callable[..., Any]

        def first(environ: Any, start_response: Any) -> Any:
            nonlocal call
            call = answer
            # Only when it calls for a request the core listens.
            HERE.serve_inherited()
            return answer(environ, start_response)

        call = first

        # A fast path: on the way of each request.
        def serve(environ: Any, start_response: Any) -> Any:
            return call(environ, start_response)

        return serve

    trace(module, told)


def trace(module: ModuleType, traced: Callable[[Any], Any]) -> None:
    """Let the core call the traced application, also where the function was imported before."""
    wrap = getattr(module, WRAPPER, None)
    if wrap is None:
        raise LookupError(f"{module.__name__} has no {WRAPPER}")

    def wrap_traced(callback: Any, *args: Any, **options: Any) -> Any:
        return wrap(traced(callback), *args, **options)

    setattr(module, WRAPPER, wrap_traced)
    # Whoever loads the agent from the application does so when the servers have the name already.
    for name in [name for name in sys.modules if name.startswith("granian.server")]:
        server = vars(sys.modules[name])
        for alias in [alias for alias, value in server.items() if value is wrap]:
            server[alias] = wrap_traced
