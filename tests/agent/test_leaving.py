"""The one budget of a process's end."""

from __future__ import annotations

import time

import pytest

import fanlight
from fanlight.agent.agent import AGENT, deliver, hand_over
from fanlight.agent.leaving import EXIT_S, FORGOTTEN_NS, STILL_S, Budget
from fanlight.agent.queue import HELD
from fanlight.agent.task import GATHER_NS, GATHER_S, Task
from fanlight.normalizers import normalize
from fanlight.recording.clock import clock


def asked(budget, answer=False, takes_s=0.0, timeout_s=EXIT_S):
    """Spend from a budget; answer what the sender was given."""
    given = []

    def send(timeout_s, still_s):
        given.append((timeout_s, still_s))
        time.sleep(takes_s)  # the time that it takes is what is tested
        return answer

    assert budget.spend(send, timeout_s) is answer
    return given[0]


def test_the_first_has_all_of_it_and_gives_up_sooner_where_nothing_is_taken():
    assert asked(Budget()) == (EXIT_S, STILL_S)
    assert asked(Budget(), timeout_s=0.5) == (0.5, STILL_S)


def test_the_next_has_what_is_left_and_at_last_nothing():
    budget = Budget()
    asked(budget, takes_s=0.1)
    assert budget.spent_ns >= 100_000_000
    spent_s = budget.spent_ns / 1e9
    assert asked(budget) == (max(EXIT_S - spent_s, 0.0), max(STILL_S - spent_s, 0.0))
    budget.spent_ns = int(EXIT_S * 2e9)
    assert asked(budget) == (0.0, 0.0)


def test_what_arrived_took_nothing_from_it():
    budget = Budget()
    asked(budget, answer=True, takes_s=0.05)
    assert asked(budget) == (EXIT_S, STILL_S)


def test_a_process_that_lived_on_has_all_of_it_again():
    budget = Budget()
    asked(budget, takes_s=0.05)
    budget.ended_ns = clock() - FORGOTTEN_NS - 1
    assert asked(budget) == (EXIT_S, STILL_S)


def test_what_a_sender_raises_is_passed_on_and_its_time_is_spent():
    budget = Budget()

    def send(timeout_s, still_s):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        budget.spend(send, EXIT_S)
    assert budget.spent_ns > 0


def test_whoever_takes_nothing_is_given_up_on_sooner(agent, black_hole):
    with fanlight.trace("job"):
        pass
    began_s = time.monotonic()
    assert not deliver(60, 0.5)
    assert time.monotonic() - began_s < 30


class Taker:
    """A way out that acknowledges or not as it is told, parcel by parcel, and takes no time for it.

    Args:
        answers: whether each attempt is acknowledged; one that is not has used its time up.
    """

    pending = refused = 0
    waits = False

    def __init__(self, *answers):
        self.answers = list(answers)
        self.taken = 0
        self.until_ns = []

    def deliver(self, parcel, table, until_ns, yields):
        self.until_ns.append(until_ns)
        answer = self.answers.pop(0)
        self.taken += answer
        return answer

    def settle(self, until_ns, yields, everything):
        return True

    def may_answer(self):
        return True

    def close(self):
        """Nothing is open."""


def sent(taker, monkeypatch, still_s):
    """Flush two parcels through a taker with 60 s, by a task that has no thread; answer if they arrived."""
    monkeypatch.setattr(HELD, "spawn", bool)
    for _ in range(1500):
        with fanlight.trace("job"):
            pass
    task = Task(HELD.line, "", dict, normalize, AGENT.pauses, str)
    task.link = taker
    return task.flush(60, still_s)


def test_an_acknowledgement_gives_what_follows_all_of_the_time(agent, monkeypatch):
    taker = Taker(True, False, True)
    assert sent(taker, monkeypatch, 1.5)
    first, second, third = taker.until_ns
    assert first == second
    assert third - second == 58_500_000_000


def test_the_end_of_a_process_has_two_seconds_and_less_where_nothing_is_taken(agent, monkeypatch):
    monkeypatch.setattr(HELD, "spawn", bool)
    for _ in range(1500):
        with fanlight.trace("job"):
            pass
    AGENT.ready().link = taker = Taker(True, False, True)
    began_ns = clock()
    assert hand_over()
    took_ns = clock() - began_ns
    still_ns, _, all_ns = taker.until_ns
    assert 0 <= still_ns - began_ns - 1_500_000_000 <= took_ns
    assert 0 <= all_ns - began_ns - 2_000_000_000 <= took_ns


def test_without_an_acknowledgement_there_is_no_more_time(agent, monkeypatch):
    taker = Taker(False)
    assert not sent(taker, monkeypatch, 0.0)
    assert len(taker.until_ns) == 1


@pytest.mark.parametrize("lasts_s", [0.0, GATHER_S])
def test_what_came_while_a_parcel_was_long_on_its_way_follows_at_once(agent, monkeypatch, lasts_s):
    monkeypatch.setattr(HELD, "spawn", bool)

    def record() -> None:
        with fanlight.trace("job"):
            pass

    class Slow(Taker):
        def deliver(self, *arguments):
            record()
            time.sleep(lasts_s)
            return super().deliver(*arguments)

    record()
    task = Task(HELD.line, "", dict, normalize, AGENT.pauses, str)
    task.link = Slow(True, False)
    began_ns = clock()
    assert not task.pump(0, bool)
    # A machine that held us up for so long in between made it a long way, too.
    assert len(task.link.until_ns) == (2 if lasts_s or clock() - began_ns > GATHER_NS else 1)
