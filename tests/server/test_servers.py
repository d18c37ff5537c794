"""Kept readings folded into steps: the most, the least, the mean, and what counters grew by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fanlight.aggregate.aggregator import Aggregator
from fanlight.pipeline.saturation import packed
from fanlight.server.answers import Answers
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

S = 1_000_000_000
START_NS = 20_000 * 86_400 * S
LABELS = {"service": "shop", "host": "web-1", "server": "gunicorn"}


@pytest.fixture(params=sorted(BUILT_IN))
def tell(request, tmp_path: Path):
    """Answer what keeps snapshots in a store and asks for the first minute or more of them."""
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")

    def tell(*snapshots: tuple[float, dict[str, str], dict[str, Any]], to_s: int = 60, **asked: Any) -> Any:
        record = Aggregator(lambda: 0.5).begin(START_NS)
        for at_s, labels, values in snapshots:
            snapshot = Snapshot(START_NS + int(at_s * S), LABELS | labels, values)
            record.event(snapshot.labels["service"], snapshot.time_ns, *packed(snapshot))
        store.apply(1, [(1, decode(COMMIT, encode(COMMIT, record.message())))])
        return tell.answers.servers(START_NS, START_NS + to_s * S, **asked)

    tell.answers = Answers(store, dict)
    yield tell
    store.close()


def test_a_step_tells_the_most_the_least_and_the_mean(tell) -> None:
    found = tell(
        (0, {}, {"sockets.backlog": 3, "workers.booted": 2, "workers.busy_threads": 1, "queue.capacity": 4}),
        (1, {}, {"sockets.backlog": 9, "workers.booted": 1, "workers.busy_threads": 4, "queue.capacity": 0}),
        (6, {}, {"sockets.backlog": 0, "workers.booted": 2, "workers.busy_threads": 0}),
    )
    (server,) = found["servers"]
    assert found["step"] == 5
    assert [step["values"] for step in server["steps"]] == [
        {"sockets.backlog": 9, "workers.booted": 1, "workers.busy_threads": 2.5, "queue.capacity": 0},
        {"sockets.backlog": 0, "workers.booted": 2, "workers.busy_threads": 0},
    ]
    assert server["values"] == {"sockets.backlog": 0, "workers.booted": 2, "workers.busy_threads": 0}


def test_a_counter_tells_what_it_grew_by_and_begins_anew_when_it_fell(tell) -> None:
    counts = [(at, {}, {"workers.requests_count": n}) for at, n in ((0, 100), (2, 130), (5, 135), (7, 4))]
    (server,) = tell(*counts)["servers"]
    assert [step["values"]["workers.requests_count"] for step in server["steps"]] == [30, 9]


def test_a_reason_that_was_never_told_before_counts_from_nothing(tell) -> None:
    (server,) = tell(
        (0, {}, {"workers.restarts": 0}), (6, {}, {"workers.restarts": 2, "workers.restarts.killed": 2})
    )["servers"]
    assert server["steps"][1]["values"] == {"workers.restarts": 2, "workers.restarts.killed": 2}


def test_workers_are_told_of_as_they_were_read_last(tell) -> None:
    (server,) = tell(
        (0, {}, {"queue.backlog": 6}),
        (0, {"worker": "0"}, {"queue.backlog": 6}),
        (0, {"worker": "1"}, {"queue.backlog": 0}),
        (100, {}, {"queue.backlog": 2}),
        (100, {"worker": "0"}, {"queue.backlog": 2}),
        to_s=200,
    )["servers"]
    assert server["workers"] == [{"worker": 0, "time": server["time"], "values": {"queue.backlog": 2}}]
    assert len(server["steps"]) == 2


def test_servers_are_told_apart_and_the_one_that_waited_most_comes_first(tell) -> None:
    snapshots = [
        (0, {}, {"requests.waiting_max": 1}),
        (0, {"master": "1"}, {"requests.waiting_max": 2}),
        (0, {"service": "pay"}, {"sockets.backlog": 7}),
    ]
    found = tell(*snapshots)["servers"]
    assert [(each["service"], each.get("master")) for each in found] == [
        ("pay", None),
        ("shop", 1),
        ("shop", None),
    ]


def test_only_a_service_is_told_of_if_one_is_asked_for(tell) -> None:
    snapshots = [(0, {}, {"sockets.backlog": 1}), (0, {"service": "pay"}, {"sockets.backlog": 7})]
    assert [each["service"] for each in tell(*snapshots, service="shop")["servers"]] == ["shop"]


def test_only_an_environment_is_told_of_if_one_is_asked_for(tell) -> None:
    production = {"environment": "production"}
    tell(
        (0, {}, {"sockets.backlog": 1}),
        # It tells where it runs from its first request on.
        (1, production, {"sockets.backlog": 2}),
        (1, {**production, "worker": "0"}, {"workers.booted": 1}),
        (1, {"server": "uvicorn"}, {"sockets.backlog": 7}),
    )

    def servers(where: str) -> list[str]:
        answers = tell.answers.within(where)
        return [each["server"] for each in answers.servers(START_NS, START_NS + 60 * S)["servers"]]

    assert (servers("production"), servers(""), servers("staging")) == (["gunicorn"], ["uvicorn"], [])
    (found,) = tell.answers.within("production").servers(START_NS, START_NS + 60 * S)["servers"]
    assert (found["environment"], len(found["steps"][0]["values"]), len(found["workers"])) == (
        "production",
        1,
        1,
    )
    asked = [tell.answers.within("production"), tell.answers]
    now = [each.overview(START_NS, START_NS + 30 * S)["saturation"]["servers"] for each in asked]
    assert now == [1, 2]


def test_what_all_servers_are_at_now_is_added_up(tell) -> None:
    first = {"workers.busy_threads": 3, "workers.max_threads": 4, "requests.waiting": 5, "sockets.backlog": 2}
    second = {"workers.busy_threads": 1, "sockets.backlog": 1}
    tell((10, {}, {"workers.busy_threads": 1}), (58, {}, first), (59, {"server": "uvicorn"}, second))
    found = tell.answers.overview(START_NS, START_NS + 60 * S)["saturation"]
    assert found == {
        "time": "2024-10-04T00:00:59.000Z",
        "servers": 2,
        "busy": 4,
        "threads": 4,
        "workers": None,
        "workers_total": None,
        "waiting": 6,
        "backlog": 3,
    }
    assert tell.answers.overview(START_NS, START_NS + 200 * S)["saturation"] is None
    assert tell.answers.overview(START_NS, START_NS + 60 * S, "mail")["saturation"] is None


def test_a_server_that_was_told_of_under_another_place_counts_once(tell) -> None:
    at_work = {"workers.busy_threads": 1, "workers.max_threads": 10}
    tell(
        *((at, {"master": "1"}, at_work) for at in (10, 20)),
        *((at, {}, at_work) for at in (25, 30)),
        # Two that are told of at one moment are two.
        *((35, labels, at_work) for labels in ({}, {"master": "1"})),
        *((at, {"service": "pay"}, at_work) for at in (19, 29)),
    )

    def now(to_s: int) -> tuple[int, int]:
        found = tell.answers.overview(START_NS, START_NS + to_s * S)["saturation"]
        return found["servers"], found["threads"]

    assert (now(24), now(31), now(40)) == ((2, 20), (2, 20), (3, 30))


def test_a_long_time_has_steps_that_can_be_drawn(tell) -> None:
    found = tell((0, {}, {"sockets.backlog": 1}), to_s=7 * 86_400)
    assert found["step"] == 7200
    assert tell((0, {}, {"sockets.backlog": 1}), to_s=400 * 86_400)["step"] == 86_400
