"""A target's queue, thread, timeout and breaker: what it does stays in there."""

from __future__ import annotations

import threading
import time

import pytest

from fanlight.collector.notices import Notices
from fanlight.collector.outlet import ROOM, Outlet
from fanlight.wire.readings import Snapshot

TOLD = [Snapshot(0, {"service": "shop"}, {"queue.backlog": 7})]


class Clock:
    """Monotonic seconds that pass when they are told to."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def until(condition):
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@pytest.fixture
def make():
    """Make outlets that are stopped in the end."""
    made = []

    def build(deliver, clock=time.monotonic, **options):
        said = []
        outlet = Outlet("sink", deliver, clock=clock, notices=Notices(clock, said.append), **options)
        outlet.said = said
        made.append(outlet)
        return outlet

    yield build
    for outlet in made:
        outlet.stop(outlet.clock() + 0.0)


def test_what_it_takes_is_delivered_in_order(make):
    got = []
    outlet = make(got.append)
    for number in range(5):
        outlet.take([number])
    until(lambda: outlet.delivered == 5)
    assert got == [[number] for number in range(5)]
    assert outlet.state() == {
        "target": "sink",
        "state": "ok",
        "delivered": 5,
        "errors": 0,
        "dropped": 0,
        "waiting": 0,
        "error": None,
    }


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit("bye"), KeyboardInterrupt(), ValueError()])
def test_whatever_it_raises_is_counted_and_told_once(make, error):
    clock = Clock()

    def raises(_):
        raise error

    outlet = make(raises, clock)
    for number in range(1, 3):
        outlet.take(TOLD)
        until(lambda number=number: outlet.errors == number)
    assert outlet.state()["state"] == "failing"
    assert outlet.dropped == 2
    assert outlet.said == [f"target sink: {outlet.error}"]
    assert type(error).__name__ in outlet.error


def test_after_some_failures_it_is_left_alone_for_a_while_and_then_tried_once(make):
    clock, broken, tried = Clock(), [True], []

    def fails(_):
        tried.append(clock())
        if broken:
            raise OSError("gone")

    outlet = make(fails, clock)
    for number in range(1, 4):
        outlet.take(TOLD)
        until(lambda number=number: outlet.errors == number)
    assert outlet.state()["state"] == "resting"
    outlet.take(TOLD)
    assert len(tried) == 3
    clock.now_s += 2
    outlet.take(TOLD)
    until(lambda: outlet.errors == 4)
    clock.now_s += 2
    outlet.take(TOLD)
    assert len(tried) == 4
    broken.clear()
    clock.now_s += 2
    outlet.take(TOLD)
    until(lambda: outlet.delivered == 1)
    assert outlet.state()["state"] == "ok"
    assert outlet.dropped == 6
    assert outlet.said[1:] == ["target sink takes what it is given again"]


def test_a_pause_never_lasts_longer_than_a_minute(make):
    clock = Clock()

    def fails(_):
        raise OSError("gone")

    outlet = make(fails, clock)
    for number in range(1, 20):
        clock.now_s += 60
        outlet.take(TOLD)
        until(lambda number=number: outlet.errors == number)
    assert outlet.again_s - clock.now_s == 60


def test_a_target_that_is_down_for_an_hour_is_told_at_most_once_a_minute(make):
    clock, broken = Clock(), []

    def flaps(_):
        broken.append(1)
        if len(broken) % 2:
            raise OSError("gone")

    outlet = make(flaps, clock)
    for number in range(1, 721):
        clock.now_s += 5
        outlet.take(TOLD)
        until(lambda number=number: outlet.errors + outlet.delivered == number)
    assert len([line for line in outlet.said if "gone" in line]) <= 60


def test_one_that_hangs_makes_nobody_wait_and_counts_as_one_error(make):
    clock, free, over = Clock(), threading.Event(), []
    outlet = make(lambda _: over.append(free.wait(120)), clock, timeout_s=5.0)
    outlet.take(TOLD)
    until(lambda: outlet.begun_s is not None)
    outlet.take(TOLD)
    assert outlet.state()["state"] == "ok"
    clock.now_s += 6
    for _ in range(100):
        outlet.take(TOLD)
    assert over == []
    found = outlet.state()
    assert (found["state"], found["errors"], found["dropped"]) == ("hanging", 1, 101)
    assert outlet.said == ["target sink: has not taken a delivery for 5 s"]
    free.set()
    until(lambda: outlet.begun_s is None)
    outlet.take(TOLD)
    until(lambda: outlet.delivered == 2)
    assert outlet.state()["state"] == "ok"


def test_what_waits_is_bounded_and_the_oldest_goes(make):
    free, got = threading.Event(), []

    def slow(snapshots):
        free.wait(30)
        got.append(snapshots)

    outlet = make(slow)
    outlet.take(["first"])
    until(lambda: outlet.begun_s is not None)
    for number in range(ROOM + 10):
        outlet.take([number])
    assert outlet.state()["waiting"] == ROOM
    assert outlet.dropped == 10
    free.set()
    until(lambda: len(got) == ROOM + 1)
    assert got[1] == [10]


def test_stopping_delivers_what_waits_and_closes_the_target(make):
    got, closed = [], []
    outlet = make(got.append, close=lambda: closed.append(1))
    outlet.take([1])
    outlet.take([2])
    outlet.stop(time.monotonic() + 10)
    assert got == [[1], [2]]
    assert closed == [1]
    outlet.take([3])
    assert outlet.dropped == 1


def test_stopping_leaves_behind_what_hangs(make):
    free, over = threading.Event(), []
    outlet = make(lambda _: over.append(free.wait(120)))
    outlet.take(TOLD)
    until(lambda: outlet.begun_s is not None)
    outlet.stop(time.monotonic() + 0.1)
    assert over == []
    free.set()


def test_a_target_that_cannot_be_closed_is_told():
    def fails():
        raise OSError("stuck")

    said = []
    outlet = Outlet("sink", lambda _: None, fails, notices=Notices(time.monotonic, said.append))
    outlet.stop(time.monotonic())
    assert said == ["target sink cannot be closed: stuck"]
