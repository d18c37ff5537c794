"""gunicorn: what tells stands around a worker's methods once, whosever they are, and takes what they take."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.instruments.servers.gunicorn import put_around

if TYPE_CHECKING:
    from collections.abc import Callable


class Plain:
    def handle(self, connection: Any) -> Any:
        return self, connection


class Heir(Plain):
    pass


class Overriding(Plain):
    def handle(self, connection: Any) -> Any:
        return super().handle(connection)


class Gathering(Plain):
    def handle(self, *connection: Any, **more: Any) -> Any:
        return super().handle(*connection, **more)


class Optional(Plain):
    def handle(self, connection: Any, more: Any = None) -> Any:
        return super().handle(connection)


class Named(Plain):
    def handle(self, connection: Any, *, more: Any = None) -> Any:
        return super().handle(connection)


class Own(Plain):
    def __init__(self) -> None:
        self.handle = partial(Plain.handle, self)  # type: ignore[method-assign]  # as some do


@pytest.mark.parametrize("kind", [Plain, Heir, Overriding, Gathering, Optional, Named, Own])
def test_each_call_is_told_once_whosever_the_method_is(kind: Any) -> None:
    # A class of this test's own, which keeps what is put around it.
    kind = type(kind.__name__, (kind,), {"handle": kind.handle} if kind is not Own else {})
    calls: list[tuple[Any, Any]] = []

    def told(handle: Callable[..., Any]) -> Callable[..., Any]:
        def handle_told(self: Any, connection: Any) -> Any:
            calls.append((self, connection))
            return handle(self, connection)

        return handle_told

    workers = [kind(), kind()]
    for worker in workers * 2:
        put_around(worker, "handle", 1, told)
        put_around(worker, "handle_http2_request", 3, told)
    for worker in workers:
        calls.clear()
        assert worker.handle(1) == (worker, 1)
        assert worker.handle(connection=2) == (worker, 2)
        assert calls == [(worker, 1), (worker, 2)]
        assert not hasattr(worker, "handle_http2_request")


@pytest.mark.parametrize(("kind", "arguments"), [(Optional, {"more": 1}), (Named, {"more": 1})])
def test_arguments_that_gunicorn_does_not_know_reach_the_method(kind: Any, arguments: Any) -> None:
    kind = type(kind.__name__, (kind,), {})
    worker = kind()
    put_around(worker, "handle", 1, lambda handle: handle)
    assert worker.handle(3, **arguments) == (worker, 3)
