"""What each subscriber is told of the time since it was told before, whoever else was told meanwhile."""

from __future__ import annotations

import random

import pytest
from looking import WALL_NS, Machine, S, wholes, worker


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


def test_whoever_comes_later_is_told_of_the_time_since(machine: Machine) -> None:
    machine.saturation.waited = {"shop": (10, 10 * S)}.get
    # It was busy for an hour before anybody looked, and is idle since.
    machine.look(worker(busy_ns=3600 * S))
    machine.look(worker(busy_ns=3600 * S))
    assert machine.whole()["workers.utilisation"] == 0
    machine.look(worker(busy=1, busy_ns=3600 * S + S // 10))
    other = machine.saturation.window()
    machine.look(worker(busy_ns=3600 * S + S // 10))
    (theirs,) = wholes(other.take(WALL_NS))
    # Nobody can say how busy it was in no time, nor how long requests waited that came before.
    assert not {"workers.utilisation", "queue.time"} & theirs.values.keys()
    machine.look(worker(busy_ns=3600 * S + S // 5))
    (theirs,) = wholes(other.take(WALL_NS))
    assert theirs.values["workers.utilisation"] == pytest.approx(0.5)
    assert machine.whole()["workers.utilisation"] == pytest.approx(1 / 3)


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
