"""What instruments see of an application is asked for like anything else that is kept."""

from __future__ import annotations

import random
from typing import Any

import pytest

from fanlight.aggregate.aggregator import Aggregator
from fanlight.pipeline.seen import PROGRAMS, Seen
from fanlight.query.query import Query
from fanlight.stores import open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT

WALL_NS = 1_790_000_000_000_000_000
STATES = ["flask=active 3.1.3", "jinja2=inactive: not imported", "redis=inactive: redis has no Redis"]


def hello(*instruments: str, service: str = "shop") -> dict[str, Any]:
    about = {"host": "web-1", "program": "gunicorn", "python": "3.11.7", "version": "0.1"}
    return {"service": service, "instruments": list(instruments), **about}


@pytest.mark.parametrize("url", ["memory:", "duckdb:{}"])
def test_a_store_answers_which_are_active_and_why_others_are_not(url: str, tmp_path: Any) -> None:
    record = Aggregator(random.random).begin(WALL_NS)

    def keep(*event: Any) -> bool:
        record.event(*event)
        return True

    Seen(keep, lambda: WALL_NS).take(hello(*STATES))
    store = open_store(url.format(tmp_path / "store"))
    store.apply(1, [(1, decode(COMMIT, encode(COMMIT, record.message())))])
    why = 'instrument.redis:"no Redis" instrument.flask:active'
    (event,) = store.events(Query(f"kind:log service=shop {why}"))
    assert event.time_ns == WALL_NS
    assert event["message"] == "1 of 3 instruments are active"
    assert event["instrument.jinja2"] == "inactive: not imported"
    assert (event["host"], event["program"], event["python"]) == ("web-1", "gunicorn", "3.11.7")
    assert list(store.events(Query("kind:log instrument.flask:inactive"))) == []
    store.close()


def test_each_state_is_kept_once_until_it_changes() -> None:
    kept: list[str] = []
    seen = Seen(lambda service, *_: kept.append(service) is None)
    for states in (STATES, STATES, STATES[:2], STATES[:2], []):
        seen.take(hello(*states))
    seen.take(hello(*STATES, service="cart"))
    assert kept == ["shop", "shop", "cart"]


def test_what_found_no_room_is_kept_the_next_time() -> None:
    room = [False, True]
    seen = Seen(lambda *_: room.pop(0))
    for _ in range(3):
        seen.take(hello(*STATES))
    assert room == []


def test_however_many_programs_come_few_are_remembered() -> None:
    seen = Seen(lambda *_: True)
    for number in range(3 * PROGRAMS):
        seen.take(hello(*STATES, service=str(number)))
    assert len(seen.known) <= PROGRAMS
