"""What an event loop tells of its requests: made, begun and ended, in whichever coroutine that is."""

from __future__ import annotations

import asyncio

import pytest

from fanlight.recording.asgi import asgi, tracing
from fanlight.recording.lanes import lane_here
from fanlight.recording.slots.looping import answering, begun
from fanlight.wire import slots as layout

SCOPE = {"type": "http", "method": "GET", "headers": []}


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def send(message):
    """Take a message."""


class Framework:
    """An application object whose class traces."""

    def __init__(self, inner=app) -> None:
        self.inner = inner

    async def __call__(self, scope, receive, send):
        await self.inner(scope, receive, send)


def framework(inner=app, stays_outside=None):
    kind = type("Framework", (Framework,), {"__call__": tracing(Framework.__call__, stays_outside)})
    return kind(inner)


KINDS = {"plain": lambda inner: inner, "traced": asgi, "of a class that traces": framework}


def ask(call, scope=SCOPE) -> None:
    asyncio.run(call(dict(scope), None, send))


@pytest.fixture(params=[True, False], ids=["recording", "off"])
def is_on(request: pytest.FixtureRequest) -> bool:
    """Answer whether traces are recorded while the test runs."""
    if request.param:
        request.getfixturevalue("caught")
    return request.param


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_store_tells_as_much_as_those_before(slot, moments, kind, is_on):
    told = answering(kind(app))
    for _ in range(3):
        ask(told)
    assert [start > 0 for start, *_ in moments] == [True, False, False] * 3
    assert [ended for _, ended, *_ in moments] == [0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert len(slot.free) == layout.PLACES


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_request_is_one_trace_and_one_that_was_told(slot, place, caught, kind):
    ask(answering(kind(app)))
    assert len(caught) == (kind is not KINDS["plain"])
    assert place.ended[()] == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_lifespans_and_websockets_are_no_requests(slot, place, kind, is_on):
    told = answering(kind(app))
    for other in ("lifespan", "websocket"):
        ask(told, {"type": other})
    assert not any((place.start[()], place.ended[()], place.spent[()]))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_whoever_fails_has_ended_and_leaves_the_place(slot, place, kind, is_on):
    async def fails(scope, receive, send):
        raise KeyError("x")

    with pytest.raises(KeyError):
        ask(answering(kind(fails)))
    assert place.ended[()] == 1
    assert len(slot.free) == layout.PLACES


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_beyond_the_places_requests_are_counted_without_a_time(slot, kind, is_on):
    slot.free.clear()
    seen = []

    async def looks(scope, receive, send):
        seen.append(slot.cells[layout.CROWD])

    ask(answering(kind(looks)))
    assert seen == [1]
    assert [slot.cells[word] for word in (layout.CROWD, layout.CROWD_ENDED)] == [0, 1]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_goes_on_behind_the_response_is_still_in_flight(slot, place, kind, is_on):
    busy = []

    async def goes_on(scope, receive, send):
        await app(scope, receive, send)
        busy.append(place.start[()] > 0)

    ask(answering(kind(goes_on)))
    assert busy == [True]
    assert place.start[()] == 0


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("is_child", [True, False])
def test_a_request_that_forks_ends_in_its_parent_alone(slot, place, kind, is_child, is_on):
    async def fork(scope, receive, send):
        if is_child:
            # What the fork's hook does.
            slot.renew()

    ask(answering(kind(fork)))
    assert place.ended[()] == (not is_child)
    assert len(set(slot.free)) == len(slot.free) == layout.PLACES


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_server_that_starts_again_tells_no_request_twice(slot, place, kind):
    told = answering(kind(app))
    assert answering(told) is told
    ask(told)
    assert place.ended[()] == 1


def test_what_others_put_around_stays_where_it_is(slot, place, caught):
    seen = []

    def around(inner):
        async def seeing(scope, receive, send):
            seen.append(scope["type"])
            await inner(scope, receive, send)

        # As functools.wraps does.
        seeing.__dict__.update(inner.__dict__)
        return seeing

    ask(answering(around(asgi(app))))
    assert seen == ["http"]
    assert len(caught) == place.ended[()] == 1


def test_one_that_stays_outside_finds_its_lane_in_the_scope(slot, caught):
    lanes = []

    async def looks(scope, receive, send):
        lanes.append((lane_here(), "fanlight.lane" in scope))

    ask(answering(framework(looks, stays_outside=lambda application: application.inner is looks)))
    assert lanes == [(None, True)]


def test_a_request_begins_when_the_loop_comes_to_it(slot, place):
    answer = begun(app(dict(SCOPE), None, send))
    assert place.start[()] == 0
    asyncio.run(answer)
    assert place.ended[()] == 1
