"""Readings of one instant to snapshots: sums, one worker at a time, counters that never fall."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from looking import WALL_NS, Machine, S, listener, wholes, worker

from fanlight.aggregate.servers import GONE_NS
from fanlight.config.keys import METRICS
from fanlight.wire.readings import Retired, Worker


def test_what_a_servers_workers_say_is_added_up(machine: Machine) -> None:
    machine.look(
        worker(
            0, busy=2, capacity=0, backlog=6, reactor=3, requests_count=40, oldest_start_ns=machine.now_ns - S
        ),
        worker(1, busy=1, capacity=1, backlog=0, reactor=1, requests_count=2),
        listeners=(listener(queued=5, drops=3),),
    )
    assert machine.whole() == {
        "workers.booted": 2,
        "workers.total": 2,
        "workers.spawned_threads": 4,
        "workers.max_threads": 4,
        "workers.requests_count": 42,
        "queue.backlog": 6,
        "queue.backlog_max": 6,
        "queue.reactor_max": 4,
        "queue.capacity": 1,
        "sockets.backlog": 5,
        "requests.waiting": 11,
        "workers.busy_threads": 3,
        "sockets.backlog_limit": 128,
        "sockets.drops": 3,
        "oldest.in_flight": S + S // 10,
        "workers.restarts": 0,
        "workers.stalled": 0,
        "requests.waiting_max": 11,
        "workers.skewed": 0,
    }


def test_names_come_in_their_order_and_labels_say_whose(machine: Machine) -> None:
    machine.look(worker(0, overdue_ns=5), worker(1))
    machine.look(
        worker(0, overdue_ns=5),
        worker(1),
        retired=(Retired("shop", "gunicorn", 10, 1, 0, 0, {"SIGKILL": 2}),),
    )
    snapshots = machine.take()
    names = list(snapshots[0].values)
    assert names[-1] == "workers.restarts.SIGKILL"
    assert names[:-1] == [name for name in METRICS if name in names]
    whose = {"service": "shop", "host": "web-1", "server": "gunicorn", "worker_class": "gthread"}
    assert [each.labels for each in snapshots] == [whose, whose | {"worker": "0"}, whose | {"worker": "1"}]
    assert {each.time_ns for each in snapshots} == {WALL_NS}


def test_what_nobody_knows_is_not_there_and_zero_is(machine: Machine) -> None:
    unknown = {"max_threads": None, "spawned_threads": None, "backlog": None, "capacity": None, "total": None}
    machine.look(worker(**unknown), listeners=())
    found = machine.whole()
    absent = set(METRICS) - set(found)
    assert absent == {
        *(
            "workers.total",
            "workers.spawned_threads",
            "workers.max_threads",
            "queue.backlog",
            "queue.capacity",
        ),
        *("queue.backlog_max", "queue.reactor_max", "sockets.backlog", "requests.waiting", "queue.time"),
        *(
            "requests.waiting_max",
            "sockets.backlog_limit",
            "sockets.drops",
            "workers.utilisation",
            "loop.overdue",
            "workers.skewed",
            "sockets.abandoned",
        ),
    }
    assert found["workers.busy_threads"] == 0
    assert found["oldest.in_flight"] == 0


def test_of_workers_whose_requests_nobody_tells_none_is_told_busy_waiting_or_done(machine: Machine) -> None:
    silent = {"tells": False, "backlog": None, "capacity": None, "max_threads": None, "spawned_threads": None}
    mute = worker(0, **silent), worker(1, **silent)
    of_requests = {
        *("workers.requests_count", "workers.busy_threads", "oldest.in_flight"),
        *("requests.waiting", "requests.waiting_max"),
    }
    machine.look(*mute, listeners=(listener(queued=3),))
    whole, *each = machine.take()
    assert len(each) == 2
    assert [of_requests & found.values.keys() for found in (whole, *each)] == [set()] * 3
    assert (whole.values["workers.booted"], whole.values["sockets.backlog"]) == (2, 3)
    # Between its workers it is the same server.
    machine.look(listeners=(listener(queued=3),))
    assert not of_requests & machine.whole().keys() - {"requests.waiting", "requests.waiting_max"}
    machine.look(worker(0, **silent), worker(1, requests_count=2, busy=1), listeners=(listener(queued=3),))
    assert (machine.whole()["workers.requests_count"], machine.whole()["workers.busy_threads"]) == (2, 1)


def test_what_waits_needs_the_kernels_queue_and_takes_all_the_others(machine: Machine) -> None:
    machine.look(worker(backlog=None, not_begun=9), listeners=(listener(queued=2),))
    assert machine.whole()["requests.waiting"] == 11
    machine.look(worker(backlog=None, not_begun=9), listeners=())
    assert "requests.waiting" not in machine.whole()


def test_counters_stay_when_a_worker_is_replaced(machine: Machine) -> None:
    machine.look(worker(0, requests_count=5), worker(1, requests_count=7))
    # Without a word about the dead one, what was last seen of it counts on.
    machine.look(worker(0, requests_count=5))
    assert machine.whole()["workers.requests_count"] == 12
    machine.look(worker(0, requests_count=6), worker(1, pid=900, requests_count=1))
    snapshots = machine.take()
    assert [each.values["workers.requests_count"] for each in snapshots] == [14, 6, 8]


def test_what_a_dead_worker_left_counts_once(machine: Machine) -> None:
    left = Retired("shop", "gunicorn", 10, 1, 9, 4 * S, {"SIGKILL": 1}, slot=1)
    machine.look(worker(0, requests_count=5), worker(1, requests_count=7))
    machine.look(worker(0, requests_count=5), retired=(left,))
    found = machine.whole()
    assert (found["workers.requests_count"], found["workers.restarts"]) == (14, 1)
    assert found["workers.restarts.SIGKILL"] == 1
    machine.look(worker(0, requests_count=5), worker(1, pid=900, requests_count=2), retired=(left,))
    assert machine.whole()["workers.requests_count"] == 16


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["serve", "die", "boot", "forget"])), max_size=60
    ),
    tells=st.booleans(),
)
def test_counters_never_fall_whatever_happens(steps: list[tuple[int, str]], tells: bool) -> None:
    machine = Machine()
    living: dict[int, Worker] = {0: worker(0)}
    left: dict[int, Retired] = {}
    before, served = 0, 0
    for number, (slot, act) in enumerate(steps):
        if act == "serve" and slot in living:
            one = living[slot]
            living[slot] = one._replace(requests_count=one.requests_count + 3, busy_ns=one.busy_ns + S)
            served += 3
        elif act == "die" and slot in living:
            gone = living.pop(slot)
            was = left.get(slot) or Retired("shop", "gunicorn", 10, 1, 0, 0, {}, slot)
            left[slot] = was._replace(requests_count=was.requests_count + gone.requests_count)
        elif act == "boot" and slot not in living:
            living[slot] = worker(slot, pid=1000 + number)
        elif act == "forget":
            machine.look(*living.values(), passed_s=30, retired=tuple(left.values()) if tells else ())
        machine.look(*living.values(), retired=tuple(left.values()) if tells else ())
        found = machine.take()
        now = found[0].values["workers.requests_count"] if found else before
        assert now >= before
        if tells and found:
            assert now == served
        before = now


def test_two_masters_are_told_apart_and_share_no_socket(machine: Machine) -> None:
    old, young = worker(0), worker(0, pid=200)._replace(master=20, generation=2)
    machine.look(old, listeners=(listener(queued=3),))
    machine.look(old, young, listeners=(listener(queued=3),))
    first, second = wholes(machine.take())
    assert first.labels.get("master") is None
    assert second.labels["master"] == "1"
    assert "sockets.backlog" not in first.values
    assert second.values["sockets.backlog"] == 3
    workers = [each for each in machine.take() if "worker" in each.labels]
    assert [each.values.get("sockets.backlog") for each in workers] == [None, 3]
    # The old one leaves; the young one is who it was.
    machine.look(young, passed_s=GONE_NS / S + 1)
    assert [each.labels.get("master") for each in wholes(machine.take())] == ["1"]


def test_a_master_that_is_gone_leaves_its_requests_to_the_next(machine: Machine) -> None:
    machine.look(worker(0, requests_count=50))
    machine.look(passed_s=GONE_NS / S + 1)
    assert [each.labels["service"] for each in machine.take()] == []
    machine.look(worker(0, pid=300, requests_count=1)._replace(master=30, generation=3))
    assert machine.whole()["workers.requests_count"] == 51


def test_a_server_that_is_started_again_is_told_of_as_the_same_and_once(machine: Machine) -> None:
    machine.look(worker(0, requests_count=50))
    young = worker(0, pid=300, requests_count=1)._replace(master=30, generation=3)
    machine.look(young, retired=(Retired("shop", "gunicorn", 10, 1, 53, 0, {}, 0),))
    assert machine.whole()["workers.requests_count"] == 54
    machine.look(young, worker(0, pid=101))  # The old one was between its workers.
    assert [each.labels.get("master") for each in wholes(machine.take())] == [None, "1"]


def test_a_server_whose_only_worker_died_is_told_of_while_the_next_one_comes(machine: Machine) -> None:
    machine.look(worker(0))
    machine.look(passed_s=1)
    found = machine.whole()
    # Whoever is woken when fewer are booted than configured is woken now.
    assert (found["workers.booted"], found["workers.total"]) == (0, 2)
    machine.look(passed_s=1, listeners=())
    assert "workers.total" not in machine.whole()


def test_a_listener_that_no_worker_serves_stands_under_its_program(machine: Machine) -> None:
    machine.saturation.service_of = {55: "api"}.get
    stray = (
        listener(8, queued=4, pids=(54,), program="node"),
        listener(9, queued=1, pids=(55,), program="ruby"),
    )
    # The last one is of a process that nobody asked about.
    there = (listener(), *stray, listener(11, queued=9))

    def told() -> list[tuple[Any, ...]]:
        found = wholes(machine.take())
        return [
            (each.labels["service"], each.labels["server"], each.values["sockets.backlog"]) for each in found
        ]

    machine.look(worker(), listeners=there)
    # What nobody knows may be a server whose workers are starting.
    assert told() == [("shop", "gunicorn", 0), ("api", "ruby", 1)]
    machine.look(worker(), listeners=there, passed_s=10)
    assert told() == [("shop", "gunicorn", 0), ("api", "ruby", 1), ("node", "node", 4)]


def test_a_socket_that_a_server_has_besides_those_it_serves_is_no_server(machine: Machine) -> None:
    machine.look(worker(), listeners=(listener(), listener(8, pids=(worker().master,), program="gunicorn")))
    assert [each.labels["service"] for each in wholes(machine.take())] == ["shop"]


def test_what_a_listener_holds_back_is_not_told_as_refused(machine: Machine) -> None:
    both = (listener(7, drops=4), listener(8, drops=2))
    machine.look(worker(inodes=(7, 8), deferring=(7,)), listeners=both)
    assert machine.whole()["sockets.drops"] == 2


def test_where_all_listeners_hold_back_refusals_are_unknown(machine: Machine) -> None:
    machine.look(worker(deferring=(7,)), listeners=(listener(drops=4),))
    assert "sockets.drops" not in machine.whole()


def test_refusals_stay_when_a_listener_goes(machine: Machine) -> None:
    machine.look(worker(), listeners=(listener(drops=4),))
    assert machine.whole()["sockets.drops"] == 4
    machine.look(worker(inodes=(8,)), listeners=(listener(8, drops=1),))
    assert machine.whole()["sockets.drops"] == 5


def test_who_left_while_waiting_is_added_up_where_it_is_known(machine: Machine) -> None:
    one, other = listener(7, queued=3, abandoned=2), listener(8, queued=1, abandoned=1)
    machine.look(worker(inodes=(7, 8)), listeners=(one, other))
    assert machine.whole()["sockets.abandoned"] == 3
    machine.look(worker(inodes=(7, 8)), listeners=(one, listener(8, queued=1)))
    assert machine.whole()["sockets.abandoned"] == 2


def test_a_worker_with_a_socket_of_its_own_has_its_queue(machine: Machine) -> None:
    machine.look(
        worker(0, inodes=(7,)),
        worker(1, inodes=(8,)),
        listeners=(listener(7, queued=2), listener(8, queued=5)),
    )
    assert [each.values["sockets.backlog"] for each in machine.take()] == [7, 2, 5]


def test_a_worker_that_says_nothing_is_counted(machine: Machine) -> None:
    machine.look(worker(0, stalled=True), worker(1))
    assert [each.values["workers.stalled"] for each in machine.take()] == [1, 1, 0]


@pytest.mark.parametrize(
    ("other", "skewed"),
    [
        ({}, 1),
        ({"busy": 2, "capacity": 0}, 0),
        ({"busy": 1, "capacity": 1}, 1),
        ({"backlog": 1, "busy": 2, "capacity": 0}, 0),
        ({"stalled": True}, 0),
        ({"booted": False}, 0),
        ({"capacity": None, "max_threads": None, "busy": 1}, 0),
    ],
    ids=["idle", "busy", "with room", "queued too", "stopped", "booting", "of unknown room"],
)
def test_a_worker_with_room_while_another_has_a_queue_is_told_once_it_lasts(
    other: dict[str, Any], skewed: int, machine: Machine
) -> None:
    crowded = worker(0, busy=2, capacity=0, backlog=6)
    machine.look(crowded, worker(1, **other))
    assert machine.whole()["workers.skewed"] == 0
    machine.look(crowded, worker(1, **other), passed_s=0.3)
    assert machine.whole()["workers.skewed"] == skewed
    machine.look(worker(0), worker(1), passed_s=0.3)
    assert machine.whole()["workers.skewed"] == 0


def test_a_single_worker_is_never_uneven(machine: Machine) -> None:
    machine.look(worker(0, backlog=6))
    assert "workers.skewed" not in machine.whole()


def test_what_was_over_before_the_first_look_does_not_count(machine: Machine) -> None:
    long_gone = Retired("shop", "gunicorn", 5, 0, 1000, 0, {"SIGKILL": 9}, slot=0)
    machine.look(worker(0, requests_count=2), retired=(long_gone,))
    found = machine.whole()
    assert (found["workers.requests_count"], found["workers.restarts"]) == (2, 0)


def test_what_a_known_server_has_open_besides_is_not_told_of(machine: Machine) -> None:
    control = listener(8, pids=(10,), program="gunicorn")
    machine.look(worker(), listeners=(listener(pids=(10, 100), program="gunicorn"), control))
    assert [each.labels["service"] for each in wholes(machine.take())] == ["shop"]


def test_how_long_requests_waited_is_the_mean_of_those_that_came_meanwhile(machine: Machine) -> None:
    known = {"shop": (4, 40)}
    machine.saturation.waited = known.get
    other = machine.saturation.window()
    machine.look(worker(), worker(1)._replace(master=20, generation=2))
    assert [each.values["queue.time"] for each in wholes(machine.take())] == [10, 10]
    machine.look(worker())
    assert "queue.time" not in machine.take()[0].values
    known["shop"] = (6, 140)
    machine.look(worker())
    assert machine.take()[0].values["queue.time"] == 50
    assert other.take(WALL_NS)[0].values["queue.time"] == 23


def test_a_further_socket_of_a_servers_own_is_no_program_of_its_own(machine: Machine) -> None:
    control = listener(8, program="gunicorn", pids=(10, 100))
    other = listener(9, program="nginx", pids=(500,))
    for _ in range(2):
        machine.look(worker(), listeners=(listener(), control, other), passed_s=20)
    assert [each.labels["server"] for each in wholes(machine.take())] == ["gunicorn", "nginx"]


def test_a_queue_that_workers_share_is_none_of_them_and_one_of_its_own_is(machine: Machine) -> None:
    machine.look(worker(0), worker(1, inodes=(7, 8)), listeners=(listener(queued=3), listener(8, queued=2)))
    rows = {each.labels["worker"]: each.values for each in machine.take() if "worker" in each.labels}
    assert [rows[number].get("sockets.backlog") for number in ("0", "1")] == [None, 2]
