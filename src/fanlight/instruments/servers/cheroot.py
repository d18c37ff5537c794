"""cheroot: the WSGI application that it serves (CherryPy's too), and how busy it is."""

from __future__ import annotations

from fanlight.instruments import lack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

TOLD = "fanlight_told"
UNTOLD = "how busy a further server of the process is: the first one tells"


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace what a cheroot server calls.

    Args:
        module: `cheroot.wsgi`.

    Raises:
        LookupError: there is no `Server`, or it is made in another way.
    """
    server = getattr(module, "Server", None)
    if server is None or "__init__" not in vars(server):
        raise LookupError("cheroot.wsgi has no Server")

    from fanlight.recording.boundary.application import tracing
    from fanlight.recording.boundary.sigterm import minding
    from fanlight.recording.wsgi import wsgi

    if hasattr(server, "serve"):
        server.serve = minding(server.serve)
    server.__init__ = tracing(server.__init__, "wsgi_app", wsgi)
    return {"cheroot.server": tell_service}


def tell_service(module: ModuleType) -> None:
    """Tell when a server begins to serve, when a thread takes what waits, and when it is done with it.

    Raises:
        LookupError: there is no `HTTPServer.prepare`, `HTTPConnection.communicate` or `HTTPRequest.respond`.
    """
    server, connection, request = (
        getattr(module, name, None) for name in ("HTTPServer", "HTTPConnection", "HTTPRequest")
    )
    prepare: Any = getattr(server, "prepare", None)
    communicate: Any = getattr(connection, "communicate", None)
    respond: Any = getattr(request, "respond", None)
    if server is None or connection is None or request is None:
        raise LookupError("cheroot has no HTTPServer, HTTPConnection or HTTPRequest")
    if prepare is None or communicate is None or respond is None:
        raise LookupError(
            "cheroot has no HTTPServer.prepare, HTTPConnection.communicate or HTTPRequest.respond"
        )

    from fanlight.recording.slots.serving import counted
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    told = counted(communicate)

    def prepare_and_tell(self: Any, *arguments: Any, **options: Any) -> Any:
        result = prepare(self, *arguments, **options)
        tell(self)
        return result

    def communicate_told(self: Any) -> Any:
        is_told = hasattr(getattr(self.server, "requests", None), TOLD)
        return told(self) if is_told else communicate(self)

    def respond_told(self: Any) -> Any:
        try:
            return respond(self)
        finally:
            # What the threads take on may also be a connection that its client has closed.
            if hasattr(getattr(self.server, "requests", None), TOLD):
                HERE.cells[layout.ANSWERED] += 1

    server.prepare, connection.communicate, request.respond = prepare_and_tell, communicate_told, respond_told


def tell(server: Any) -> None:
    """Let a server, which is about to serve, tell how busy it is; the first one of a process does."""
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    pool = getattr(server, "requests", None)
    put = getattr(pool, "put", None)
    # A gateway of somebody else's, or a server beside another one, whose requests are not these.
    if pool is None or put is None or HERE.claimed or not hasattr(server, "wsgi_app"):
        if HERE.claimed and not hasattr(pool, TOLD):
            lack("cheroot", UNTOLD)
        return
    HERE.claim("cheroot")
    HERE.serve([getattr(server, "socket", None)])
    HERE.tell(layout.TOTAL, 1)
    HERE.tallies[layout.QUEUED] = 0.0
    HERE.tell(layout.APART, 1)

    def tell_threads() -> None:
        # No more are ever started unless the application does so: all that it may have are there.
        threads = getattr(pool, "_threads", None)
        HERE.cells[layout.SPAWNED] = HERE.cells[layout.MAX_THREADS] = -1 if threads is None else len(threads)

    def put_told(connection: Any) -> Any:
        # Before it can begin: what waits is what was handed over less what began.
        HERE.tallies[layout.QUEUED] += 1
        tell_threads()
        try:
            return put(connection)
        except BaseException:
            # Its queue is full: this one is answered with an error, by nobody of the pool.
            HERE.tallies[layout.QUEUED] -= 1
            raise

    setattr(pool, TOLD, True)
    pool.put = put_told
    tell_threads()
    HERE.tell(layout.STATE, layout.BOOTED)
