"""One WSGI request as one trace (HOT): begins with the call, ends when the body is closed.

No byte and no behaviour of the response changes: a list or tuple goes through as it is, a server's
file wrapper stays the object that the server recognises, anything else keeps its length if it has
one. The trace leaves the context as soon as the application returns.
"""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.exchange import FORMATS, OTHER_METHOD, TITLES, UNMATCHED
from fanlight.recording.lanes import LANE
from fanlight.recording.recorder import SWITCH, begin, finish, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fanlight.recording.recorder import Trace

    App = Callable[[Any, Any], Any]

CATEGORY = "app.wsgi.request"
END: Any = object()


def wsgi(app: App) -> App:
    """Answer the WSGI application with every request traced.

    Wrapping twice, or wrapping what a server or a framework hook already traces, counts a request
    once. The endpoint is the route's template where a framework tells it, else `<unmatched>` until
    `fanlight.endpoint(name)` names it.
    """

    def traced(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return respond(app, environ, start_response)

    traced.__wrapped__ = app  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    return traced


def respond(app: App, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """Call the application inside a trace of its own, unless one is open here already."""
    method = environ.get("REQUEST_METHOD", "")
    title = TITLES.get(method)
    if title is None:
        title = method = OTHER_METHOD
    trace = begin(CATEGORY, title, UNMATCHED)
    if trace is None:
        return app(environ, start_response)
    trace.notes["method"] = method
    given = environ.get("HTTP_TRACEPARENT")
    if given is not None:
        trace.ident = given
    exchange = Exchange(trace, start_response)
    try:
        body = app(environ, exchange.start_response)
    except BaseException as error:
        finish(trace, error)
        raise
    # A fast path: such a body is complete, nothing of the application runs after it.
    if body.__class__ is list or body.__class__ is tuple:
        exchange.end()
        return body
    release(trace)
    return exchange.follow(body, environ)


class Exchange:
    """A request whose response is under way; ends the trace when the body's `close` is called.

    Args:
        trace: the request's.
        respond: the server's `start_response`.

    Attributes:
        is_whole: whether the response told its length.
        body_close: `close` of the server's file wrapper.
    """

    __slots__ = ("body_close", "is_whole", "respond", "trace")

    def __init__(self, trace: Trace, respond: Callable[..., Any]) -> None:
        self.trace = trace
        self.respond = respond
        self.body_close: Callable[[], object] | None = None
        self.is_whole = False

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        """Take note of status and format, and pass everything on as it came."""
        try:
            self.trace.status = int(status[:3])
            # Only a list may be looked through: anything else might be used up by it.
            if isinstance(headers, list):
                for name, value in headers:
                    size = len(name)
                    if size == 12 and name.lower() == "content-type":
                        self.trace.segment = FORMATS[value]
                    elif size == 14 and name.lower() == "content-length":
                        self.is_whole = True
        except (TypeError, ValueError, AttributeError):
            # The server will judge a malformed response; it is none of ours.
            SWITCH.faults += 1
        if exc_info is None:
            return self.respond(status, headers)
        return self.respond(status, headers, exc_info)

    def follow(self, body: Any, environ: dict[str, Any]) -> Any:
        """Answer what the server gets for the body, so that its end is seen."""
        wrapper = environ.get("wsgi.file_wrapper")
        if wrapper is not None and (
            isinstance(body, wrapper) if isinstance(wrapper, type) else hasattr(body, "read")
        ):
            # The server sends such an object by itself if it recognises it: only its `close` may differ.
            self.body_close = getattr(body, "close", None)
            try:
                body.close = self.close
            except (AttributeError, TypeError):
                self.end()
            return body
        return SizedBody(self, body) if hasattr(body, "__len__") else Body(self, body)

    def close(self) -> None:
        """Close the server's own file wrapper, then end the trace."""
        body_close, self.body_close = self.body_close, None
        try:
            if body_close is not None:
                body_close()
        finally:
            self.end()

    def end(self, error: BaseException | None = None) -> None:
        """End the trace; a second call does nothing."""
        trace = self.trace
        if trace.lanes is None:
            return
        finish(trace, error)
        # A fast path: nobody listens.
        if BUS.subscriptions:
            note = {"server": "wsgi", "method": trace.notes["method"], "endpoint": trace.endpoint}
            BUS.report("request", {**note, "status": trace.status}, trace.start_ns, clock())


class Body:
    """The application's body with an eye on its end.

    Args:
        exchange: ends with the body.
        body: what the application answered.
    """

    __slots__ = ("body", "chunks", "exchange")

    def __init__(self, exchange: Exchange, body: Any) -> None:
        self.exchange = exchange
        self.body = body
        self.chunks: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        # A fast path: a response that tells its length is there, reading it runs no code to record.
        return iter(self.body) if self.exchange.is_whole else self.streamed()

    def streamed(self) -> Iterator[bytes]:
        """Yield the chunks, each computed inside the trace."""
        lanes = self.exchange.trace.lanes
        lane = lanes[0] if lanes is not None else None
        chunks = iter(self.body)
        while True:
            # What the application does for this chunk belongs to the trace; what others do between
            # chunks does not, nor does a body that is read inside of another trace.
            inside = LANE.get() is not None
            if not inside:
                LANE.set(lane)
            try:
                chunk = next(chunks, END)
            except BaseException as error:
                self.exchange.end(error)
                raise
            finally:
                if not inside:
                    LANE.set(None)
            if chunk is END:
                return
            yield chunk

    def __next__(self) -> bytes:
        if self.chunks is None:
            self.chunks = iter(self)
        return next(self.chunks)

    def close(self) -> None:
        """Close the body as the server would have, then end the trace."""
        close = getattr(self.body, "close", None)
        if close is not None:
            try:
                close()
            except BaseException as error:
                self.exchange.end(error)
                raise
        self.exchange.end()

    def __del__(self) -> None:
        # Some middleware drops a body without closing it; the request counts all the same.
        if self.exchange.trace.lanes is not None:
            self.exchange.end()


class SizedBody(Body):
    """A body that tells its length, from which some servers compute Content-Length."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self.body)
