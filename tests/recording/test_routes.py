"""What routers and mounts leave in a scope; theirs are classes of the application."""

from __future__ import annotations

from typing import Any

from fanlight.recording.lanes import Lane, set_lane
from fanlight.recording.recorder import SWITCH, Trace, fresh_trace
from fanlight.recording.routes import AGAIN, INSIDE, ROUTE, note_mount, noting


class Route:
    path_format = "/orders/{number}"


class Raising:
    @property
    def path_format(self) -> str:
        raise RuntimeError("no template today")


def opened() -> Trace:
    return fresh_trace("app.asgi.request", "GET", "<unmatched>", 1)


def note_route(route: Any, scope: dict[str, Any], trace: Trace) -> None:
    lane = Lane()
    lane.trace = trace
    set_lane(lane)
    try:
        handled = noting(lambda *told: told)
        assert handled(route, scope, 1, 2) == (route, scope, 1, 2)
    finally:
        set_lane(None)


def test_the_first_route_names_the_endpoint_and_the_last_is_left_in_the_scope() -> None:
    trace, first, last = opened(), Route(), Route()
    scope: dict[str, Any] = {}
    note_route(first, scope, trace)
    assert (trace.endpoint, trace.rank) == ("GET /orders/{number}", INSIDE)
    note_route(last, scope, trace)
    assert (trace.endpoint, trace.rank) == ("GET /orders/{number}", AGAIN)
    assert scope[ROUTE] is last


def test_a_route_behind_mounts_is_named_with_their_templates() -> None:
    trace = opened()
    scope: dict[str, Any] = {}
    mount = Route()
    mount.path_format = "/{tenant}/api/{path}"
    note_mount(mount, scope, trace)
    note_route(Route(), scope, trace)
    assert trace.endpoint == "GET /{tenant}/api/orders/{number}"


def test_classes_that_raise_when_they_are_looked_at_harm_no_request() -> None:
    trace, before = opened(), SWITCH.faults
    note_route(Raising(), {}, trace)
    note_mount(Raising(), {}, trace)
    assert trace.endpoint == "<unmatched>"
    assert SWITCH.faults == before + 2
    SWITCH.faults = before
