"""Who looks after the log is warned of a full queue, of refusals and of a limit below what was configured."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.aggregate.saturation import Saturation
from fanlight.collector.notices import Notices
from fanlight.pipeline.alarms import Alarms
from fanlight.wire.readings import Listener, Readings, Worker

S = 1_000_000_000


class Guard:
    """A server with one listener, its alarms, and a clock of the test's own."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.lines: list[str] = []
        self.saturation = Saturation("web-1")
        self.window = self.saturation.window()
        self.alarms = Alarms(self.saturation, Notices(lambda: self.now_s, self.lines.append))

    def see(
        self, queued: int = 0, passed_s: float = 5.0, asked: int | None = None, beside: int = 0, **known: Any
    ) -> list[str]:
        """Look, and answer the lines that came of it; `beside` is the limit of a second listener."""
        self.now_s += passed_s
        listener = Listener(3, "tcp4", "127.0.0.1:80", queued, **{"limit": 5, "drops": 0, **known})
        one = Worker("shop", "gunicorn", "sync", 0, 7, 6, 1, inodes=(3, 4), asked=asked)
        other = [listener._replace(inode=4, queued=0, limit=beside)] if beside else []
        self.saturation.look(Readings((listener, *other), (one,), ()), int(self.now_s * S))
        before = len(self.lines)
        self.alarms.take(self.window.take(int(self.now_s * S)))
        return self.lines[before:]


@pytest.fixture
def guard() -> Guard:
    return Guard()


def test_a_full_queue_is_said_once_and_when_it_is_over(guard: Guard) -> None:
    assert guard.see(4) == []
    (line,) = guard.see(6)
    assert line.startswith("shop: 6 connections wait to be accepted by gunicorn, whose limit is 5")
    assert guard.see(6) == []
    assert guard.see(0) == ["shop: the queue of gunicorn has room again."]
    # Within the minute nothing more is said, however often it is full.
    assert guard.see(6) == []
    assert guard.see(0) == []
    assert len(guard.see(5, passed_s=60)) == 1


def test_refusals_are_said_as_they_rise_and_those_of_before_are_not(guard: Guard) -> None:
    assert guard.see(drops=9) == []
    assert guard.see(drops=12) == ["shop: the queue of gunicorn was full, and 3 connections were refused"]
    assert guard.see(drops=20) == []
    assert guard.see(drops=20) == ["shop: gunicorn refuses no more connections."]


def test_a_limit_below_what_was_configured_is_said(guard: Guard) -> None:
    assert guard.see(asked=5) == []
    (line,) = guard.see(asked=2048)
    assert "told to let 2048 connections wait, and its limit is 5: below what is configured" in line
    assert guard.see(asked=2048) == []
    assert guard.see(asked=None) == ["shop: the limit of gunicorn's queue is as configured."]


def test_of_several_listeners_the_one_with_the_least_room_is_warned_of(guard: Guard) -> None:
    (line,) = guard.see(asked=2048, limit=2048, beside=100)
    assert "its limit is 100" in line


def test_what_nobody_knows_warns_of_nothing(guard: Guard) -> None:
    assert guard.see(6, limit=0, drops=None) == []
