"""WSGI: nothing of the response changes, and its trace ends when it does."""

from __future__ import annotations

import gc
import io
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from fanlight.recording.lanes import LANE
from fanlight.recording.recorder import SWITCH, span
from fanlight.recording.wsgi import wsgi

OK = "200 OK"
HTML = [("Content-Type", "text/html; charset=utf-8")]


def environment(method: str = "GET", **more: Any) -> dict[str, Any]:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, **more}
    setup_testing_defaults(environ)
    return environ


def served(app: Any, environ: dict[str, Any]) -> bytes:
    """Answer every byte that a plain WSGI server sends."""
    out = io.BytesIO()
    handler = SimpleHandler(io.BytesIO(), out, io.StringIO(), environ)
    handler.http_version = "1.1"
    handler.server_software = "test"
    handler.run(app)
    text = out.getvalue()
    return b"\r\n".join(line for line in text.split(b"\r\n") if not line.startswith(b"Date:"))


class Stream:
    """A body as frameworks make it: iterable, with a close."""

    def __init__(self, chunks: list[bytes], sized: bool = False) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Any:
        return iter(self.chunks)

    def close(self) -> None:
        self.closed += 1


class Sized(Stream):
    def __len__(self) -> int:
        return len(self.chunks)


def generated(chunks: list[bytes]) -> Any:
    yield from chunks


class Chunks(list[bytes]):
    """A list all the same."""


class Legacy:
    """Iterable only by position, as before iterators."""

    def __getitem__(self, place: int) -> bytes:
        return [b"a", b"b"][place]


BODIES = {
    "a list": lambda environ: [b"hello"],
    "a list of many": lambda environ: [b"a", b"b"],
    "a tuple": lambda environ: (b"hello",),
    "nothing": lambda environ: (),
    "a stream": lambda environ: Stream([b"a", b"b"]),
    "a sized stream": lambda environ: Sized([b"hello"]),
    "a generator": lambda environ: generated([b"a", b"", b"b"]),
    "an iterator": lambda environ: iter([b"a", b"b"]),
    "old style": lambda environ: Legacy(),
    "a file": lambda environ: environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 20_000)),
    "a text's bytes": lambda environ: b"",
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_byte_is_the_same_with_and_without(body: str, method: str, seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(OK, [*HTML, ("X-Case", body)])
        return BODIES[body](environ)

    with_us = served(wsgi(app), environment(method))
    # The server that serves it here is seen too.
    SWITCH.sink = None
    assert served(app, environment(method)) == with_us
    assert seen.endpoints() == [("<unmatched>", 200)]
    assert seen[0].segment == "html"
    assert seen[0].title == "GET"
    assert seen[0].title == "GET"
    assert seen[0].notes == ({} if method == "GET" else {"method": method})


def test_the_write_callable_goes_through(seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(OK, HTML)(b"written ")
        return [b"and returned"]

    assert served(wsgi(app), environment()) == served(app, environment())


def test_lists_and_file_wrappers_stay_the_very_objects(seen: Any) -> None:
    held = [[b"a"], (b"a",), Chunks([b"a"]), FileWrapper(io.BytesIO(b"a"))]
    for body in held:
        app = wsgi(lambda environ, start_response, body=body: start_response(OK, HTML) or body)
        assert app(environment(**{"wsgi.file_wrapper": FileWrapper}), lambda *given: None) is body


def test_a_file_wrapper_that_is_no_class_stays_the_very_object(seen: Any) -> None:
    sent = io.BytesIO(b"a")
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or sent)
    assert app(environment(**{"wsgi.file_wrapper": lambda file, size=0: file}), lambda *given: None) is sent
    sent.close()
    assert len(seen) == 1


def test_a_file_wrapper_is_closed_once_and_ends_the_trace(seen: Any) -> None:
    file = io.BytesIO(b"content")
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or FileWrapper(file))
    body = app(environment(**{"wsgi.file_wrapper": FileWrapper}), lambda *given: None)
    assert not seen
    body.close()
    assert file.closed
    assert len(seen) == 1


def test_the_trace_ends_with_the_close_and_leaves_the_context_before(seen: Any) -> None:
    stream = Stream([b"a", b"b"])
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or stream)
    body = app(environment(), lambda *given: None)
    assert LANE.get() is None
    assert list(body) == [b"a", b"b"]
    assert not seen
    body.close()
    body.close()
    assert (len(seen), stream.closed) == (1, 2)


def test_a_body_may_be_read_by_next_alone(seen: Any) -> None:
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or generated([b"a", b"b"]))
    body = app(environment(), lambda *given: None)
    assert [next(body), next(body), next(body, None)] == [b"a", b"b", None]
    body.close()
    assert len(seen) == 1


def test_a_body_that_nobody_closes_counts_when_it_is_gone(seen: Any) -> None:
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or generated([b"a"]))
    body = app(environment(), lambda *given: None)
    assert next(iter(body)) == b"a"
    del body
    gc.collect()
    assert len(seen) == 1


def test_a_generator_closed_early_runs_its_own_end(seen: Any) -> None:
    ended = []

    def chunks() -> Any:
        try:
            yield b"a"
            yield b"b"
        finally:
            ended.append(len(seen))

    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or chunks())
    body = app(environment(), lambda *given: None)
    assert next(iter(body)) == b"a"
    body.close()
    assert ended == [0]
    assert seen[0].error is None


def test_an_exception_is_raised_again_and_kept_by_name(seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        wsgi(app)(environment(), lambda *given: None)
    assert seen[0].error == ("LookupError", "no such thing")
    assert LANE.get() is None


def test_an_exception_halfway_through_a_body_is_an_error(seen: Any) -> None:
    def chunks() -> Any:
        yield b"a"
        raise OSError("gone")

    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or chunks())
    body = app(environment(), lambda *given: None)
    with pytest.raises(OSError, match="gone"):
        list(body)
    body.close()
    assert [trace.error for trace in seen] == [("OSError", "gone")]


class Unready(Stream):
    """A body that fails when it is asked for its chunks."""

    def __iter__(self) -> Any:
        with span("looking"):
            raise ValueError("not ready")


@pytest.mark.parametrize(("body", "error"), [(None, TypeError), (Unready([b"a"]), ValueError)])
def test_a_body_that_cannot_be_read_fails_before_a_server_begins_it(body: Any, error: Any, seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(OK, [])
        return body

    answered = wsgi(app)(environment(), lambda *_: None)
    with pytest.raises(error):
        iter(answered)
    answered.close()
    (trace,) = seen
    assert trace.error[0] == error.__name__
    # What a body does when it is asked belongs to its request.
    assert len(trace.records[0][0]) == (3 if body else 0)
    assert LANE.get() is None


def test_an_exception_in_close_is_an_error(seen: Any) -> None:
    class Bad(Stream):
        def close(self) -> None:
            raise OSError("close")

    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or Bad([b"a"]))
    with pytest.raises(OSError, match="close"):
        app(environment(), lambda *given: None).close()
    assert seen[0].error == ("OSError", "close")


def test_exc_info_goes_through(seen: Any) -> None:
    given = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("500 Oops", HTML, (ValueError, ValueError("x"), None))
        return [b""]

    wsgi(app)(environment(), lambda *what: given.append(what))
    assert [len(what) for what in given] == [3]
    assert seen[0].status == 500


@pytest.mark.parametrize(
    ("status", "headers"), [("nonsense", HTML), (None, HTML), (OK, None), (OK, [("x",)])]
)
def test_a_malformed_response_is_the_servers_business(status: Any, headers: Any, seen: Any) -> None:

    given = []
    app = wsgi(lambda environ, start_response: start_response(status, headers) or [b""])
    app(environment(), lambda *what: given.append(what))
    assert given == [(status, headers)]
    assert len(seen) == 1
    SWITCH.faults = 0


def test_headers_that_can_be_read_once_reach_the_server(seen: Any) -> None:
    given = []
    app = wsgi(lambda environ, start_response: start_response(OK, iter(HTML)) or [b""])
    app(environment(), lambda status, headers: given.append(list(headers)))
    assert given == [HTML]


def test_wrapped_twice_a_request_counts_once(seen: Any) -> None:
    app = wsgi(wsgi(lambda environ, start_response: start_response(OK, HTML) or Stream([b"a"])))
    served(app, environment())
    assert len(seen) == 1


def test_what_a_streamed_body_does_is_recorded(seen: Any) -> None:
    def chunks() -> Any:
        for _ in range(3):
            with span("compute"):
                yield_me = b"x"
            yield yield_me

    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or chunks())
    body = app(environment(), lambda *given: None)
    for _ in body:
        assert LANE.get() is None
    body.close()
    titles = [event[2] for event in seen[0].records[0][0] if isinstance(event, tuple) and len(event) == 3]
    assert titles == ["compute"] * 3


def test_a_body_read_within_another_trace_leaves_that_one_alone(seen: Any) -> None:
    def inner(environ: Any, start_response: Any) -> Any:
        start_response(OK, HTML)
        return generated([b"a"])

    body = wsgi(inner)(environment(), lambda *given: None)

    def outer(environ: Any, start_response: Any) -> Any:
        assert list(body) == [b"a"]
        assert LANE.get() is not None
        start_response("404 Not Found", HTML)
        return [b""]

    wsgi(outer)(environment(), lambda *given: None)
    body.close()
    assert seen.endpoints() == [("<unmatched>", 404), ("<unmatched>", 200)]


def test_an_unknown_method_does_not_become_a_name(seen: Any) -> None:
    wsgi(lambda environ, start_response: start_response(OK, HTML) or [b""])(
        environment("HUNTER2" * 50), lambda *given: None
    )
    assert (seen[0].title, seen[0].notes["method"]) == ("OTHER", "OTHER")


def test_nothing_of_url_headers_and_body_is_kept(seen: Any) -> None:
    app = wsgi(
        lambda environ, start_response: (
            start_response(OK, [*HTML, ("Set-Cookie", "k=hunter2")]) or [b"hunter2"]
        )
    )
    environ = environment("POST", PATH_INFO="/hunter2", QUERY_STRING="a=hunter2", HTTP_COOKIE="k=hunter2")
    app(environ, lambda *given: None)
    trace = seen[0]
    assert "hunter2" not in repr(vars(trace))


@pytest.mark.parametrize(
    ("content_type", "segment"),
    [
        ("text/html; charset=utf-8", "html"),
        ("application/json", "json"),
        ("application/vnd.api+json", "json"),
        ("TEXT/PLAIN", "text"),
        ("text/csv", "csv"),
        ("application/xml", "xml"),
        ("application/octet-stream", "octet-stream"),
        ("image/svg+xml", "svg"),
        ("text/javascript", "js"),
        ("nonsense", ""),
        ("a/b'; drop", ""),
        ("", ""),
    ],
)
def test_the_segment_is_the_responses_format(content_type: str, segment: str, seen: Any) -> None:
    headers = [("X", "y"), ("content-TYPE", content_type)]
    wsgi(lambda environ, start_response: start_response(OK, headers) or [b""])(
        environment(), lambda *given: None
    )
    assert seen[0].segment == segment


def test_formats_are_bounded(seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(OK, [("Content-Type", f"application/made-up-{environ['N']}")])
        return [b""]

    for number in range(500):
        wsgi(app)(environment(N=number), lambda *given: None)
    assert len({trace.segment for trace in seen}) < 70
    assert seen[-1].segment == "other"


def test_with_the_agent_off_the_application_is_called_straight() -> None:
    stream = Stream([b"a"])
    app = wsgi(lambda environ, start_response: start_response(OK, HTML) or stream)
    assert app(environment(), lambda *given: None) is stream
