"""Flask: requests under any server, named by the rule that took them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

ROUTER = 2
"""Rank of an endpoint that a router named."""


def patch(module: ModuleType) -> None:
    """Trace every request of every application, made before or after this.

    Args:
        module: `flask.app`.

    Raises:
        LookupError: `Flask` lacks one of the methods, or the module lacks `request`.
    """
    from fanlight.recording.exchange import OTHER_METHOD, TITLES
    from fanlight.recording.lanes import LANE
    from fanlight.recording.reduction import described
    from fanlight.recording.wsgi import respond

    flask = getattr(module, "Flask", None)
    request: Any = getattr(module, "request", None)
    for name in ("wsgi_app", "full_dispatch_request", "handle_exception"):
        if not hasattr(flask, name):
            raise LookupError(f"flask has no Flask.{name}")
    if flask is None or not hasattr(type(request), "_get_current_object"):
        raise LookupError("flask.app has no request proxy")
    wsgi_app, dispatch, handle = flask.wsgi_app, flask.full_dispatch_request, flask.handle_exception

    def traced(self: Any, environ: Any, start_response: Any) -> Any:
        return respond(wsgi_app.__get__(self), environ, start_response)

    def named(self: Any, *args: Any) -> Any:
        lane = LANE.get()
        trace = lane.trace if lane is not None else None
        # The first router names it: an application called from within another's request does not.
        if trace is not None and trace.rank < ROUTER:
            # Past the proxy, whose every attribute costs as much as all of this.
            here = request._get_current_object()  # noqa: SLF001 documented, in spite of its name
            rule = here.url_rule
            if rule is not None:
                method = here.environ.get("REQUEST_METHOD", "")
                trace.set_endpoint(f"{TITLES.get(method, OTHER_METHOD)} {rule.rule}", ROUTER)
        return dispatch(self, *args)

    def noted(self: Any, *args: Any) -> Any:
        lane = LANE.get()
        if lane is not None and lane.trace is not None and args and isinstance(args[-1], BaseException):
            lane.trace.error = described(args[-1])
        return handle(self, *args)

    flask.wsgi_app, flask.full_dispatch_request, flask.handle_exception = traced, named, noted
