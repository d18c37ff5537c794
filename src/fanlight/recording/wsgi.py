"""One WSGI request as one trace (HOT): begins with the call, ends when the body is all there or closed.

No byte and no behaviour of the response changes: a list or tuple goes through as it is, a server's
file wrapper stays the object that the server recognises, anything else keeps its length if it has
one. The trace leaves the context as soon as the application returns.
"""

from __future__ import annotations

import _thread
from time import thread_time_ns

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.exchange import (
    FORMATS,
    OWN_TITLES,
    STATUSES,
    UNMATCHED,
    note_environ,
    note_method,
)
from fanlight.recording.lanes import lane_here, put
from fanlight.recording.recorder import SWITCH, begin, finish, release

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from fanlight.recording.lanes import Lane
    from fanlight.recording.recorder import Trace

    App = Callable[[Any, Any], Any]

CATEGORY = "app.wsgi.request"
BUILT_IN: type = type(len)
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
    trace = begin(CATEGORY, method, UNMATCHED)
    if trace is None:
        return within(app(environ, start_response))
    note_environ(trace, environ)
    # Each reading is a system call, which is much of what a short request would pay.
    trace.cpu_ns = thread_time_ns() if SWITCH.timed else 0
    # A fast path: nearly every request is titled with its own method.
    if method not in OWN_TITLES:
        note_method(trace, method)
    given = environ.get("HTTP_TRACEPARENT")
    if given is not None:
        trace.ident = given

    # A fast path, as in ASGI: defaults are cheaper than the cells of a closure.
    def started(
        status: str, headers: Any, exc_info: Any = None, trace: Trace = trace, start: Any = start_response
    ) -> Any:
        note_response(trace, status, headers)
        if exc_info is None:
            return start(status, headers)
        return start(status, headers, exc_info)

    try:
        body = app(environ, started)
    except BaseException as error:
        measure(trace)
        finish(trace, error)
        raise
    # A fast path: such a body is complete, nothing of the application runs after it.
    whole = trace.whole
    if body.__class__ is list or body.__class__ is tuple or whole is True or (whole is body is not None):
        end(trace)
        return body
    if isinstance(body, (list, tuple)):
        # As complete, and granian sends only what is a list in one piece.
        end(trace)
        return body
    release(trace)
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is not None and is_servers(body, wrapper):
        return watched(trace, body)
    return (SizedBody if hasattr(body, "__len__") else Body)(trace, body)


def within(body: Any) -> Any:
    """Answer the body of an application inside another; a middleware between them may change it."""
    lane = lane_here()
    trace = None if lane is None else lane.trace
    if trace is not None and trace.whole is True:
        trace.whole = body
    return body


def note_response(trace: Trace, status: str, headers: Any) -> None:
    """Take note of status and format, and whether the response tells its length."""
    try:
        trace.status = STATUSES.known.get(status) or STATUSES.new(status)
        # Only a list may be looked through: anything else might be used up by it.
        if headers.__class__ is list or isinstance(headers, list):
            for name, value in headers:
                # A fast path: nearly everybody writes the names this way.
                if name == "Content-Type":
                    trace.segment = FORMATS.known.get(value) or FORMATS.new(value)
                elif name == "Content-Length":
                    trace.has_length = True
                elif len(name) == 12:
                    if name.lower() == "content-type":
                        trace.segment = FORMATS.known.get(value) or FORMATS.new(value)
                elif len(name) == 14 and name.lower() == "content-length":
                    trace.has_length = True
    except (TypeError, ValueError, AttributeError):
        # The server will judge a malformed response; it is none of ours.
        SWITCH.faults += 1


def is_servers(body: Any, wrapper: Any) -> bool:
    """Answer whether a body is the server's own file wrapper, or looks like one made by a function."""
    return isinstance(body, wrapper) if isinstance(wrapper, type) else hasattr(body, "read")


def watched(trace: Trace, body: Any) -> Any:
    """Answer the server's own file wrapper, which it sends by itself: only its `close` may differ."""
    close = getattr(body, "close", None)

    def close_and_end() -> None:
        nonlocal close
        once, close = close, None
        try:
            if once is not None:
                once()
        finally:
            end(trace)

    try:
        body.close = close_and_end
    except (AttributeError, TypeError):
        end(trace)
    return body


def end(trace: Trace, error: BaseException | None = None) -> None:
    """End the trace and tell those who listen; a second call does nothing."""
    if trace.lanes is None:
        return
    if trace.cpu_ns:
        measure(trace)
    # A fast path: nobody listens.
    if not BUS.subscriptions:
        finish(trace, error)
        return
    # Now: the background takes the annotations of what is finished.
    method = trace.notes.get("method", trace.title)
    finish(trace, error)
    note = {"server": "wsgi", "method": method, "endpoint": trace.endpoint, "status": trace.status}
    BUS.report("request", note, trace.start_ns, clock())


def measure(trace: Trace) -> None:
    """Take note of the CPU time that the thread spent, if it is the one that began."""
    lanes = trace.lanes
    ident = _thread.get_ident
    # Where greenlets share a thread, its time says nothing of one of them.
    if lanes is not None and ident.__class__ is BUILT_IN and trace.cpu_ns and lanes[0].owner == ident():
        trace.spent_ns = thread_time_ns() - trace.cpu_ns


class Body:
    """The application's body with an eye on its end, which is the trace's.

    Args:
        trace: the request's.
        body: what the application answered.
    """

    __slots__ = ("body", "chunks", "trace")

    def __init__(self, trace: Trace, body: Any) -> None:
        self.trace = trace
        self.body = body
        self.chunks: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        # A fast path: a response that tells its length is there, reading it runs no code to record.
        if self.trace.has_length:
            return iter(self.body)
        lanes = self.trace.lanes
        lane = lanes[0] if lanes is not None else None
        # Some servers ask before they send the headers, so what goes wrong here goes wrong here.
        inside = lane_here() is not None
        if not inside:
            put(lane)
        try:
            chunks = iter(self.body)
        except BaseException as error:
            end(self.trace, error)
            raise
        finally:
            if not inside:
                put(None)
        return self.streamed(chunks, lane)

    def streamed(self, chunks: Iterator[bytes], lane: Lane | None) -> Iterator[bytes]:
        """Yield the chunks, each computed inside the trace."""
        while True:
            # What the application does for this chunk belongs to the trace; what others do between
            # chunks does not, nor does a body that is read inside of another trace.
            inside = lane_here() is not None
            if not inside:
                put(lane)
            try:
                chunk = next(chunks, END)
            except BaseException as error:
                end(self.trace, error)
                raise
            finally:
                if not inside:
                    put(None)
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
                end(self.trace, error)
                raise
        end(self.trace)

    def __del__(self) -> None:
        # Some middleware drops a body without closing it; the request counts all the same.
        if self.trace.lanes is not None:
            end(self.trace)


class SizedBody(Body):
    """A body that tells its length, from which some servers compute Content-Length."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self.body)
