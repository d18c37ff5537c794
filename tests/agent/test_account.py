"""The account of a process's traces is true at any moment at which the process may be killed."""

from __future__ import annotations

import os
from array import array

import pytest

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.batch import Parcel
from fanlight.agent.queue import BYTES, HELD, Line, push
from fanlight.agent.task import arrived, sent
from fanlight.recording import recorder
from fanlight.recording.recorder import SWITCH, Trace, fresh_trace
from fanlight.recording.slots.slot import Slot
from fanlight.wire import account
from fanlight.wire import slots as layout


class Words(array):
    """Words that remember how they were after each write."""

    def __new__(cls, words):
        made = super().__new__(cls, "q", words)
        made.moments = []
        return made

    def __setitem__(self, place, value):
        super().__setitem__(place, value)
        self.moments.append(list(self))


@pytest.fixture
def line(monkeypatch):
    """A line whose task never starts."""
    held = Line()
    held.fresh.acquire()
    monkeypatch.setattr(HELD, "line", held)
    return held


@pytest.fixture
def words(monkeypatch):
    kept = Words(account.opened())
    monkeypatch.setattr(SWITCH, "account", kept)
    monkeypatch.setattr(SWITCH, "finished", 0)
    return kept


def finished() -> Trace:
    trace = fresh_trace("app.job", "t", "t", 1)
    trace.epoch = SWITCH.epoch
    trace.records = [([], -1, 0)]
    return trace


def test_at_any_moment_it_tells_what_was_not_sent(line, words):
    on_disk = 0
    for sequence, (traces, dropped) in enumerate([(3, 0), (1, 2), (5, 2), (2, 7)], 1):
        for _ in range(traces + 4):
            push(finished())
        told = words[account.TOLD]
        lost_without = account.unsent(words, on_disk)
        parcel = Parcel(sequence, b"", traces, dropped)
        # On its way: whatever of its words stand there, nobody has it, so all of it is lost.
        words.moments.clear()
        sent(parcel)
        assert [account.unsent(each, on_disk) for each in words.moments] == [lost_without] * 2
        # On disk, whether the process has heard of it or not: its traces and what it tells are not lost.
        on_disk = sequence
        gone = lost_without - traces - (dropped - told)
        assert account.unsent(words, on_disk) == gone
        words.moments.clear()
        arrived(parcel)
        assert [account.unsent(each, on_disk) for each in words.moments] == [gone] * 2


def test_what_a_full_queue_refuses_is_lost_until_it_is_told(line, words):
    push(finished())
    line.bytes = BYTES
    assert [push(finished()) for _ in range(4)] == [None] * 4
    assert account.unsent(words, 0) == 5
    parcel = Parcel(1, b"", 1, sum(line.dropped.values()))
    sent(parcel)
    arrived(parcel)
    assert account.unsent(words, 1) == 0


def test_what_arrives_is_settled_and_what_does_not_is_in_the_slot(agent, receiver, words):
    for _ in range(3):
        with fanlight.trace("before"):
            pass
    fanlight.flush(5)
    slot = Slot()
    SWITCH.whereabouts, before = (lambda: ("shop", "")), SWITCH.whereabouts
    try:
        slot.claim("test")
    finally:
        SWITCH.whereabouts = before
    words = slot.cells[layout.ACCOUNT]
    assert len(words) == account.WORDS
    assert account.names(words[account.CLIENT], AGENT.client)
    assert (words[account.FINISHED], account.unsent(words, 0)) == (3, 0)


def test_a_forked_child_opens_an_account_of_its_own(agent, receiver, words):
    with fanlight.trace("of the parent"):
        pass
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, bytes(list(SWITCH.account[: account.WORDS])))
        push(finished())
        os.write(writer, bytes([SWITCH.account[account.FINISHED]]))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        assert told.read() == bytes(account.WORDS) + b"\1"
    assert SWITCH.account[account.FINISHED] >= 1


def test_a_fault_at_the_end_of_a_trace_counts_in_one_row_with_the_others(line, words, monkeypatch):
    push(finished())
    monkeypatch.setattr(SWITCH, "sink", str.upper)
    monkeypatch.setattr(SWITCH, "faults", 0)
    monkeypatch.setattr(SWITCH, "lost", 0)
    recorder.finish(recorder.begin("app.job", "t", "t"))
    push(finished())
    assert (SWITCH.faults, words[account.FINISHED]) == (1, 3)
