"""Flask: requests under any server, named by the rule that took them."""

from __future__ import annotations

from fanlight.recording.recorder import ROUTER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

FILE = "file.send"


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace every request of every application, made before or after this.

    Args:
        module: `flask.app`.

    Raises:
        LookupError: `Flask` lacks one of the methods, or the module lacks `request`.
    """
    from functools import wraps

    from fanlight.recording.lanes import lane_here
    from fanlight.recording.location import count_as_own
    from fanlight.recording.reduction import described
    from fanlight.recording.wsgi import respond

    flask = getattr(module, "Flask", None)
    request: Any = getattr(module, "request", None)
    for name in ("wsgi_app", "full_dispatch_request", "handle_exception"):
        if not hasattr(flask, name):
            raise LookupError(f"flask has no Flask.{name}")
    if flask is None or not hasattr(type(request), "_get_current_object"):
        raise LookupError("flask.app has no request proxy")
    # Past the proxy, whose every attribute costs as much as all that is done here.
    here = request._get_current_object  # noqa: SLF001 documented, in spite of its name
    wsgi_app, dispatch, handle = flask.wsgi_app, flask.full_dispatch_request, flask.handle_exception

    def traced(self: Any, environ: Any, start_response: Any) -> Any:
        return respond(wsgi_app.__get__(self), environ, start_response)

    def noted(self: Any, *args: Any) -> Any:
        lane = lane_here()
        if lane is not None and lane.trace is not None and args and isinstance(args[-1], BaseException):
            lane.trace.error = described(args[-1])
        return handle(self, *args)

    flask.wsgi_app, flask.handle_exception = traced, noted
    flask.full_dispatch_request = naming(dispatch, here)
    begin = flask.__init__

    @wraps(begin)
    def made(self: Any, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        count_as_own(str(self.import_name))

    flask.__init__ = made
    # What Flask's own `send_file` and its static files call.
    return {"werkzeug.utils": record_files}


def naming(dispatch: Any, here: Any) -> Any:
    """Answer what dispatches a request, naming its endpoint by the rule that took it.

    Args:
        dispatch: of `Flask`.
        here: answers the request of this context.
    """
    from fanlight.recording.lanes import lane_here
    from fanlight.recording.recorder import SWITCH
    from fanlight.recording.routes import MOUNTS, mounted_prefix

    def named(self: Any, *args: Any) -> Any:
        lane = lane_here()
        trace = lane.trace if lane is not None else None
        # The first router names it: an application called from within another's request does not.
        if trace is not None and trace.rank < ROUTER:
            try:
                request = here()
                rule = request.url_rule
                if rule is not None:
                    prefix = mounted_prefix(request.environ) if MOUNTS in request.environ else ""
                    trace.endpoint = f"{trace.title} {prefix}{rule.rule}"
                    trace.rank = ROUTER
            except Exception:
                # Request and rule may be of the application's own classes.
                SWITCH.faults += 1
            # A fast path: to unpack nothing costs more than to ask.
            response = dispatch(self, *args) if args else dispatch(self)
            try:
                # Text is one chunk in a list, and without functions to call at its end nothing
                # of the application runs once it is answered.
                trace.whole = response.response.__class__ is list and not response._on_close  # noqa: SLF001 no public name tells
            except Exception:
                # As above; its body is then watched until its end, which costs a little more.
                SWITCH.faults += 1
            return response
        return dispatch(self, *args)

    return named


def record_files(module: ModuleType) -> None:
    """Record that a file is the response, when the response is made of it."""
    send = getattr(module, "send_file", None)
    if send is None:
        raise LookupError("no send_file")

    from functools import wraps

    from fanlight.recording.bus import BUS
    from fanlight.recording.clock import clock
    from fanlight.recording.recorder import current

    @wraps(send)
    def recorded(*args: Any, **options: Any) -> Any:
        lane = current()
        if lane is None:
            return send(*args, **options)
        start_ns = clock()
        response = send(*args, **options)
        end_ns = clock()
        payload = (getattr(response, "mimetype", None), options.get("as_attachment") is True)
        lane.leaf(FILE, payload, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(FILE, {"type": payload[0], "attachment": payload[1]}, start_ns, end_ns)
        return response

    module.send_file = recorded  # type: ignore[attr-defined]  # a module takes any attribute
