"""Readings of one instant to snapshots: sums, one worker at a time, counters that never fall, windows."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.aggregate.saturation import Saturation
from fanlight.aggregate.servers import GONE_NS
from fanlight.config.keys import METRICS
from fanlight.wire.readings import Listener, Readings, Retired, Snapshot, Worker

S = 1_000_000_000
WALL_NS = 1_700_000_000 * S


def worker(slot: int = 0, pid: int = 0, **known: Any) -> Worker:
    """Answer a gunicorn worker of two threads, idle unless something else is said."""
    given = {"total": 2, "spawned_threads": 2, "max_threads": 2, "backlog": 0, "capacity": 2, **known}
    place = {"service": "shop", "server": "gunicorn", "kind": "gthread", "master": 10, "generation": 1}
    return Worker(**{**place, "slot": slot, "pid": pid or 100 + slot, "inodes": (7,), **given})


def listener(inode: int = 7, queued: int = 0, **known: Any) -> Listener:
    return Listener(inode, "tcp4", f"127.0.0.1:{8000 + inode}", queued, 128, **{"drops": 0, **known})


def wholes(snapshots: list[Snapshot]) -> list[Snapshot]:
    """Answer those of whole servers."""
    return [each for each in snapshots if "worker" not in each.labels]


class Machine:
    """A saturation with a clock of its own and one subscriber."""

    def __init__(self) -> None:
        self.saturation = Saturation("web-1")
        self.window = self.saturation.window()
        self.now_ns = 1000 * S

    def look(self, *workers: Worker, passed_s: float = 0.1, **rest: Any) -> None:
        self.now_ns += int(passed_s * S)
        given = {"listeners": (listener(),), **rest}
        self.saturation.look(Readings(workers=workers, **given), self.now_ns)

    def take(self) -> list[Snapshot]:
        return self.window.take(WALL_NS)

    def whole(self) -> dict[str, Any]:
        """Answer the values of the only server."""
        (found,) = wholes(self.take())
        return found.values


@pytest.fixture
def machine() -> Machine:
    return Machine()


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
    assert machine.whole()["workers.booted"] == 0


def test_every_subscriber_sees_the_most_of_its_own_time(machine: Machine) -> None:
    other = machine.saturation.window()
    for backlog in (0, 9, 4):
        machine.look(worker(backlog=backlog, reactor=backlog, overdue_ns=backlog * S))
    assert machine.whole()["queue.backlog_max"] == 9
    machine.look(worker(backlog=1, reactor=1, overdue_ns=0))
    mine, (theirs,) = machine.whole(), wholes(other.take(WALL_NS))
    names = ("queue.backlog_max", "queue.reactor_max", "loop.overdue")
    assert [mine[name] for name in names] == [1, 1, 0]
    assert [theirs.values[name] for name in names] == [9, 9, 9 * S]


def test_the_share_of_time_is_an_integral_not_a_sample(machine: Machine) -> None:
    busy_ns = 0
    machine.look(worker())
    machine.take()
    for step in range(20):
        # Busy with one of two threads for three of ten looks, and idle whenever the last look is.
        busy_ns += S // 10 if step % 10 < 3 else 0
        machine.look(worker(busy=0, busy_ns=busy_ns))
    assert machine.whole()["workers.utilisation"] == pytest.approx(0.15)


def test_requests_in_flight_are_rate_times_duration(machine: Machine) -> None:
    """Little's law, of a simulated minute at about 70 % of four threads."""
    chance = random.Random(5)
    arrivals, at = [], 0.0
    while at < 60:
        at += chance.expovariate(28)
        arrivals.append(at)
    free = [0.0] * 4
    spans = []
    for arrival in arrivals:
        place = min(range(4), key=free.__getitem__)
        begin = max(arrival, free[place])
        free[place] = begin + chance.expovariate(10)
        spans.append((begin, free[place]))
    spent = 0.0
    machine.look(worker(max_threads=4, spawned_threads=4))
    machine.take()
    for step in range(1, 601):
        now = step / 10
        spent = sum(max(0.0, min(end, now) - begin) for begin, end in spans if begin < now)
        done = sum(end <= now for _, end in spans)
        machine.look(worker(max_threads=4, spawned_threads=4, busy_ns=int(spent * S), requests_count=done))
    found = machine.whole()
    done = [(begin, end) for begin, end in spans if end <= 60]
    rate, duration = found["workers.requests_count"] / 60, sum(end - begin for begin, end in done) / len(done)
    in_flight = found["workers.utilisation"] * 4
    assert 0.6 < found["workers.utilisation"] < 0.8
    assert abs(in_flight - rate * duration) <= 0.05 * in_flight


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
