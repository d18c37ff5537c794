"""Who reads when and who is told, with the kernel's own listeners as what is read."""

from __future__ import annotations

import json
import os
import socket
from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from fanlight import Query
from fanlight.aggregate.aggregator import Aggregator
from fanlight.aggregate.saturation import Saturation
from fanlight.pipeline.saturation import Kept, chosen, packed
from fanlight.pipeline.schedule import LOOK_S, NS, REST_NS, REST_S, SEARCH_S, Schedule, is_pressed
from fanlight.sources.listeners import Listeners
from fanlight.stores import open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT
from fanlight.wire.readings import Listener, Readings, Snapshot, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

WALL_NS = 1_800_000_000_000_000_000


class Clock:
    """Monotonic seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Told:
    """A source that reads what a test put there last."""

    def __init__(self, *readings: Readings) -> None:
        self.readings = deque(readings or [Readings()])
        self.closed = False

    def read(self, now_ns: int, *, whole: bool = True) -> Readings:
        del now_ns
        return self.readings.popleft() if len(self.readings) > 1 else self.readings[0]

    def close(self) -> None:
        self.closed = True


class Broken(Told):
    """A source that fails."""

    def read(self, now_ns: int, *, whole: bool = True) -> Readings:
        raise ValueError(f"nothing at {now_ns}")


def busy(backlog: int = 0) -> Readings:
    """Answer what a server with one worker reads as."""
    one = Worker("shop", "gunicorn", "sync", 0, 7, 6, 1, inodes=(3,), backlog=backlog)
    return Readings((Listener(3, "tcp4", "127.0.0.1:80", 2, 8),), (one,), ())


def roomy() -> Readings:
    """Answer the same, with a worker that tells that it has room."""
    return Readings(workers=tuple(each._replace(capacity=1) for each in busy().workers))


def schedule(clock: Clock, delay_s: float = 0.0, **sources: Told) -> Schedule:
    return Schedule(sources, Saturation("web-1"), delay_s, clock, lambda: WALL_NS)


def run(made: Schedule, clock: Clock, for_s: float) -> int:
    """Let time pass as a collector does, answer how often something was done."""
    turns, until_s = 0, clock.now_s + for_s
    while made.due() <= until_s:
        clock.now_s = max(clock.now_s, made.due())
        made.turn()
        turns += 1
    clock.now_s = until_s
    return turns


def test_it_looks_ten_times_a_second_while_there_is_a_server_and_once_while_there_is_none() -> None:
    clock = Clock()
    assert run(schedule(clock, slots=Told(busy())), clock, 5.04) == pytest.approx(5 / LOOK_S + 1, abs=1)
    assert run(schedule(clock, slots=Told()), clock, 5.04) == pytest.approx(5 / SEARCH_S + 1, abs=1)


def test_it_rests_where_no_worker_told_anything_new_for_a_minute_until_something_does() -> None:
    clock, calm = Clock(), roomy()
    source = Told(*[calm] * 800)
    made = schedule(clock, slots=source)
    told: list[float] = []
    made.subscribe(lambda _: told.append(round(clock.now_s - 100, 2)), 0.7)
    begun = run(made, clock, REST_NS / NS - 1)
    assert begun == pytest.approx((REST_NS / NS - 1) / LOOK_S, abs=2)
    run(made, clock, 2)
    told.clear()
    resting = run(made, clock, 14)
    # With each telling it looks, too.
    assert 14 / REST_S <= resting <= 14 / REST_S + 14 / 0.7 + 2
    assert [round(later - before, 2) for before, later in pairwise(told)] == [0.7] * (len(told) - 1)
    source.readings = deque([busy(1), calm])
    run(made, clock, REST_S)
    assert run(made, clock, 5) == pytest.approx(5 / LOOK_S, abs=2)


def test_who_comes_while_it_rests_is_told_at_once() -> None:
    clock = Clock()
    made = schedule(clock, slots=Told(roomy()))
    run(made, clock, REST_NS / NS + 5)
    clock.now_s = come_s = made.due() - REST_S / 2
    told: list[float] = []
    made.subscribe(lambda _: told.append(clock.now_s), 5.0)
    run(made, clock, 1)
    assert told == [come_s]


def test_it_rests_whichever_listeners_come_and_go_and_reads_them_as_often_as_ever() -> None:
    clock = Clock()
    listeners = Told(*[Readings((each,)) for each in busy().listeners * 200])
    made = schedule(clock, slots=Told(roomy()), listeners=listeners)
    run(made, clock, 20)
    before = 200 - len(listeners.readings)
    run(made, clock, REST_NS / NS - 10)
    assert made.rests
    begun = len(listeners.readings)
    assert run(made, clock, 20) == 20 / REST_S
    assert begun - len(listeners.readings) == pytest.approx(before, abs=1)


@pytest.mark.parametrize(("worker", "queued"), [(busy, 0), (roomy, 5)])
def test_it_does_not_rest_where_room_is_not_told_of_or_something_waits(worker: Any, queued: int) -> None:
    clock = Clock()
    queue = Readings((Listener(3, "tcp4", "127.0.0.1:80", queued, 8, pids=(7,)),))
    made = schedule(clock, slots=Told(worker()), listeners=Told(queue))
    run(made, clock, REST_NS / NS + 5)
    assert run(made, clock, 5) == pytest.approx(5 / LOOK_S, abs=2)


def test_a_subscriber_is_told_after_the_delay_and_then_by_its_own_period() -> None:
    clock = Clock()
    made = schedule(clock, 2.0, slots=Told(busy()))
    often: list[float] = []
    seldom: list[float] = []
    made.subscribe(lambda _: often.append(round(clock.now_s - 100, 1)), 1.0)
    made.subscribe(lambda _: seldom.append(round(clock.now_s - 100, 1)), 2.5)
    run(made, clock, 8.04)
    assert often == [2, 3, 4, 5, 6, 7, 8]
    assert seldom == [2, 4.5, 7]


def test_both_see_the_most_of_a_spike_that_is_over() -> None:
    clock = Clock()
    made = schedule(clock, slots=Told(busy(), busy(), busy(9), *[busy() for _ in range(60)]))
    told: dict[str, list[int]] = {"one": [], "other": []}
    made.subscribe(lambda each: told["one"].append(each[0].values["queue.backlog_max"]), 1.0)
    made.subscribe(lambda each: told["other"].append(each[0].values["queue.backlog_max"]), 2.0)
    run(made, clock, 4.04)
    assert told == {"one": [0, 9, 0, 0, 0], "other": [0, 9, 0]}


def test_nobody_is_told_of_nothing_but_once_when_it_is_over() -> None:
    clock = Clock()
    source = Told(*[busy() for _ in range(11)], Readings())
    made = schedule(clock, slots=source)
    told: list[int] = []
    made.subscribe(lambda snapshots: told.append(len(snapshots)), 1.0)
    run(made, clock, 30)
    assert set(told[:-1]) == {1}
    assert told[-1] == 0
    assert len(told) < 16


def test_a_source_that_fails_leaves_the_others_be() -> None:
    clock = Clock()
    made = schedule(clock, broken=Broken(), slots=Told(busy()))
    told: list[Snapshot] = []
    made.subscribe(told.extend, 1.0)
    run(made, clock, 3.04)
    assert len(told) == 4
    assert made.failures["broken"] > 20


def test_a_subscriber_that_raises_costs_nobody_else() -> None:
    clock = Clock()
    made = schedule(clock, slots=Told(busy()))
    told: list[Snapshot] = []

    def bad(_: object) -> None:
        raise RuntimeError("no room")

    made.subscribe(bad, 1.0)
    made.subscribe(told.extend, 1.0)
    run(made, clock, 3.04)
    assert len(told) == 4
    assert made.failures == {"telling": 4}


def test_what_is_read_seldom_is_read_whenever_somebody_is_told() -> None:
    clock = Clock()
    told = reads(clock, busy().workers[0])
    # Ten looks a second, of which two read it, and always the last.
    assert all(2 <= after - before <= 3 for before, after in pairwise(told))


class Moody(Told):
    """A source that fails at its tenth read, and tells more from the twentieth on."""

    def __init__(self) -> None:
        super().__init__(busy())
        self.count = 0

    def read(self, now_ns: int, *, whole: bool = True) -> Readings:
        self.count += 1
        if self.count == 10:
            raise OSError("not this time")
        if self.count == 20:
            self.readings = deque([busy(4)])
        return super().read(now_ns, whole=whole)


def test_while_nothing_changes_each_look_reads_once_and_misses_neither_failure_nor_change() -> None:
    clock = Clock()
    source = Moody()
    made = schedule(clock, slots=source, listeners=Told(Readings()))
    window = made.saturation.window()
    turns = run(made, clock, 4.04)
    assert source.count == turns == made.looks
    assert made.failures == {"slots": 1}
    assert window.take(WALL_NS)[0].values["queue.backlog"] == 4


def test_a_source_that_is_read_seldom_is_so_without_another_one_too() -> None:
    clock = Clock()
    source = Told(*[busy() for _ in range(100)])
    run(schedule(clock, listeners=source), clock, 2.04)
    assert 100 - len(source.readings) == pytest.approx(20 / 5, abs=1)


@pytest.mark.parametrize("room", [{"capacity": 3}, {"overdue_ns": 0}], ids=["told", "a loop at rest"])
def test_a_queue_whose_workers_all_tell_of_room_is_read_a_quarter_as_often(room: dict[str, int]) -> None:
    told = reads(Clock(), busy().workers[0]._replace(**room), period_s=4.5)
    # Once in two seconds, and for the telling.
    assert all(3 <= after - before <= 4 for before, after in pairwise(told))


def test_a_loop_that_answers_somebody_may_have_no_room() -> None:
    told = reads(Clock(), busy().workers[0]._replace(overdue_ns=0, busy=1))
    assert all(2 <= after - before <= 3 for before, after in pairwise(told))


@pytest.mark.parametrize("full", [{"capacity": 0}, {"stalled": True}, {"overdue_ns": 50_000_000}])
def test_a_queue_that_nobody_takes_from_is_read_with_every_look(full: dict[str, int]) -> None:
    worker = busy().workers[0]._replace(**full)
    assert [after - before for before, after in pairwise(reads(Clock(), worker))] == [10] * 3
    # Somebody else takes from the same socket.
    other = busy().workers[0]._replace(slot=1, pid=8)
    assert all(after - before <= 3 for before, after in pairwise(reads(Clock(), worker, other)))


def test_a_queue_in_which_something_waits_is_read_with_every_look() -> None:
    assert is_pressed(Readings((Listener(3, "tcp4", "127.0.0.1:80", 1, 8, pids=(7,)),)))
    assert not is_pressed(Readings((Listener(3, "tcp4", "127.0.0.1:80", 0, 8, pids=(7,)),)))
    # What waits at somebody whom nobody asked about may wait for ever.
    assert not is_pressed(Readings((Listener(3, "unix", "/run/x", 1, 8),)))


def reads(clock: Clock, *workers: Worker, period_s: float = 1.0) -> list[int]:
    """Answer how often the sockets were read by each of four tellings, with these workers beside."""
    source = Told(*[Readings((Listener(3, "tcp4", "127.0.0.1:80", n, 8),)) for n in range(200)])
    made = schedule(clock, listeners=source, slots=Told(Readings((), workers)))
    told: list[int] = []
    made.subscribe(lambda each: told.append(each[0].values["sockets.backlog"]), period_s)
    run(made, clock, 3 * period_s + 0.04)
    assert len(told) == 4
    return told


def test_who_cancelled_is_told_no_more() -> None:
    clock = Clock()
    made = schedule(clock, slots=Told(busy()))
    told: list[Snapshot] = []
    subscription = made.subscribe(told.extend, 1.0)
    run(made, clock, 1.54)
    made.cancel(subscription)
    run(made, clock, 3)
    assert len(told) == 2
    assert made.saturation.windows == []


def test_closing_lets_go_of_every_source() -> None:
    source = Told()
    schedule(Clock(), broken=Broken(), slots=source).close()
    assert source.closed


@pytest.fixture
def crowded() -> Iterator[socket.socket]:
    """A listening socket of this process with three connections that nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
        yield server
        for client in clients:
            client.close()


def test_a_real_listener_is_found_in_a_store(crowded: socket.socket) -> None:
    source = Listeners()
    source.holders.roots = lambda: [os.getpid()]
    saturation = Saturation("web-1")
    saturation.service_of = {os.getpid(): "shop"}.get
    record = Aggregator(lambda: 0.5).begin(WALL_NS)

    def keep(*event: object) -> bool:
        record.event(*event)
        return True

    made = Schedule({"listeners": source}, saturation, wall=lambda: WALL_NS)
    made.subscribe(Kept(keep).take, 1.0)
    made.turn()
    made.close()
    store = open_store("memory:")
    store.apply(1, [(1, decode(COMMIT, encode(COMMIT, record.message())))])
    (event,) = store.events(Query("kind:metrics service=shop sockets.backlog:>2"))
    assert [each.name for each in event][:4] == ["time", "service", "host", "server"]
    assert event.time_ns == WALL_NS
    assert event["sockets.backlog"] == 3
    assert "requests.waiting" not in event


def test_where_a_server_runs_is_kept_and_stays_known_between_its_workers() -> None:
    worker = Worker("shop", "gunicorn", "sync", 0, pid=7, master=6, generation=1)
    saturation = Saturation("web-1")
    saturation.environment_of = {7: "production"}.get
    window, kept = saturation.window(), []
    keep = Kept(lambda *event: kept.append(json.loads(event[3])) or True, saturation.environment)
    saturation.look(Readings((), (worker,), ()), 1)
    keep.take(window.take(WALL_NS))
    saturation.look(Readings((), (), ()), 2)
    keep.take(window.take(WALL_NS))
    assert [each[2:6] for each in kept] == [
        ["shop", "web-1", "gunicorn", "sync"],
        ["shop", "web-1", "gunicorn", "production"],
    ]
    assert kept[0][6] == "production"
    assert saturation.environment({"service": "mail", "server": "gunicorn"}) == ""


def test_a_snapshot_is_an_event_with_its_names_in_their_order() -> None:
    values = {"workers.booted": 2, "workers.utilisation": 1, "loop.overdue": 5, "workers.restarts.SIGKILL": 1}
    snapshot = Snapshot(
        WALL_NS, {"service": "shop", "host": "web-1", "server": "uvicorn", "worker": "3"}, values
    )
    shape, told = packed(snapshot)
    record = Aggregator(lambda: 0.5).begin(WALL_NS)
    record.event("shop", WALL_NS, shape, told)
    store = open_store("memory:")
    store.apply(1, [(1, decode(COMMIT, encode(COMMIT, record.message())))])
    (event,) = store.events(Query("kind=metrics"))
    assert [(each.name, each.type, each.value) for each in event][1:] == [
        ("service", "string", "shop"),
        ("host", "string", "web-1"),
        ("server", "string", "uvicorn"),
        ("worker", "int", 3),
        ("workers.booted", "int", 2),
        ("workers.utilisation", "float", 1.0),
        ("loop.overdue", "duration", 5),
        ("workers.restarts.SIGKILL", "int", 1),
    ]


def test_targets_are_given_the_names_that_were_chosen_in_their_order() -> None:
    values = {"workers.booted": 2, "queue.backlog": 1, "workers.restarts": 3, "workers.restarts.SIGKILL": 3}
    (found,) = chosen([Snapshot(1, {}, values)], ["workers.restarts", "sockets.drops", "workers.booted"])
    assert list(found.values.items()) == [
        ("workers.restarts", 3),
        ("workers.restarts.SIGKILL", 3),
        ("workers.booted", 2),
    ]


def test_time_in_which_nothing_changed_is_the_old_workers_and_not_the_new_ones() -> None:
    clock = Clock()
    one = Worker("shop", "gunicorn", "sync", 0, 7, 6, 1, inodes=(3,), max_threads=1)
    idle, more = Readings((), (one,)), Readings((), (one._replace(max_threads=9, busy=1),))
    source = Told(idle)
    made = schedule(clock, slots=source)
    run(made, clock, 0.75)
    source.readings = deque([more])
    run(made, clock, 0.1)
    [master] = made.saturation.masters.values()
    # Seven looks of one thread, and one of nine.
    assert master.slots_ns == pytest.approx(0.7 * NS + 9 * 0.1 * NS, rel=0.01)
