"""uWSGI holds what it calls in C: whatever that is, it is traced and stays what it was."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest

from fanlight.instruments import INSTALLED, report
from fanlight.instruments.servers import uwsgi
from fanlight.recording.slots.slot import HERE
from fanlight.wire import slots as layout


def answer(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def closed_over(word: str) -> Any:
    def app(environ: Any, start_response: Any, more: str = "!") -> Any:
        start_response("200 OK", [])
        return [(word + environ["PATH_INFO"] + more).encode()]

    return app


class Shop:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return answer(environ, start_response)


class Desk:
    def serve(self, environ: Any, start_response: Any) -> Any:
        return answer(environ, start_response)


def ask(app: Any) -> tuple[str, bytes]:
    told = []
    [part] = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/a"}, lambda status, headers: told.append(status))
    return told[0], part


def plain() -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        return answer(environ, start_response)

    return app


@pytest.mark.parametrize(
    ("make", "body"),
    [
        (plain, b"/a"),
        (lambda: closed_over("hello "), b"hello /a!"),
        (Shop, b"/a"),
        (lambda: Desk().serve, b"/a"),
    ],
    ids=["function", "closure", "object", "method"],
)
def test_a_callable_is_traced_in_its_place(make: Any, body: bytes, seen: Any) -> None:
    app = make()
    function = inspect.unwrap(getattr(app, "__func__", app))
    before = (type(app), getattr(function, "__name__", ""), getattr(function, "__doc__", ""))
    uwsgi.trace_app(app)
    assert (type(app), getattr(function, "__name__", ""), getattr(function, "__doc__", "")) == before
    assert ask(app) == ("200 OK", body)
    assert seen.endpoints() == [("<unmatched>", 200)]


def test_a_callable_that_failed_fails_as_ever_and_is_counted(seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("broken")

    uwsgi.trace_app(app)
    with pytest.raises(RuntimeError, match="broken"):
        app({"REQUEST_METHOD": "GET"}, None)
    assert seen[0].error == ("RuntimeError", "broken")


def test_the_hook_of_an_application_runs_too_and_what_is_loaded_is_found_by_its_address(
    seen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = plain()
    monkeypatch.setitem(globals(), "loaded", app)
    ran = []
    module: Any = SimpleNamespace(
        post_fork_hook=lambda: ran.append(True), workers=lambda: ({"apps": ({"callable": id(app)},)},)
    )
    uwsgi.patch(module)
    ask(app)
    assert not seen
    module.post_fork_hook()
    ask(app)
    assert ran == [True]
    assert len(seen) == 1


def test_a_call_that_is_no_request_goes_through(seen: Any) -> None:
    app = closed_over("hello ")
    uwsgi.trace_app(app)
    assert app({"PATH_INFO": "/a"}, lambda *_: None, more="?") == [b"hello /a?"]
    assert not seen


def test_the_frames_of_an_error_can_be_looked_at() -> None:
    word = "broken"

    def app(environ: Any, start_response: Any) -> Any:
        raise RuntimeError(word)

    uwsgi.trace_app(app)
    with pytest.raises(RuntimeError) as caught:
        app({}, None)
    names = []
    traceback = caught.tb
    while traceback is not None:
        names.append(sorted(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    assert ["environ", "start_response", "word"] in names


def told() -> tuple[int, int]:
    """Answer how many requests this process answers now, and how many it has answered."""
    words = memoryview(HERE.cells).cast("B").cast("d")[layout.HEAD_WORDS :].tolist()
    return sum(map(bool, words[layout.START :: layout.PLACE_WORDS])), sum(
        words[layout.ENDED :: layout.PLACE_WORDS]
    )


def test_an_application_inside_of_another_is_no_request_of_its_own(seen: Any) -> None:
    inner = plain()
    during = []

    def outer(environ: Any, start_response: Any) -> Any:
        during.append(told())
        return inner(environ, start_response)

    assert uwsgi.trace_app(inner)
    assert uwsgi.trace_app(outer)
    _, before = told()
    ask(outer)
    assert during == [(1, before)]
    assert told() == (0, before + 1)


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "dropped"])
def test_a_body_that_is_sent_later_keeps_its_place_until_then(is_closed: bool, seen: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"begun"

    uwsgi.trace_app(app)
    _, before = told()
    body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/a"}, lambda *_: None)
    assert list(body) == [b"begun"]
    assert told() == (1, before)
    if is_closed:
        body.close()
        body.close()
    del body
    assert told() == (0, before + 1)


def test_what_is_made_in_c_is_left_alone() -> None:
    assert not uwsgi.trace_app(len)
    assert len("abc") == 3


@pytest.mark.parametrize(("number", "is_told"), [(1, True), (0, False)], ids=["worker", "mule"])
def test_workers_that_cannot_tell_how_busy_they_are_say_so(
    number: int, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(INSTALLED, "state", {"uwsgi": "active"})
    monkeypatch.setattr(INSTALLED, "lacking", {})
    opt = {b"lazy-apps": True, b"mount": b"/one=one.py"}
    module: Any = SimpleNamespace(workers=tuple, opt=opt, worker_id=lambda: number)
    uwsgi.patch(module)
    for _ in range(2):
        module.post_fork_hook()
    (line,) = [each for each in report() if each.startswith("uwsgi=")]
    assert (line.partition(" without ")[2] == uwsgi.UNTOLD) is is_told
    assert HERE.cells[layout.MUTE] == is_told
    HERE.renew()
