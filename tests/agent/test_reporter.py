"""The embedded strategy's reporter, parcel by parcel: what it takes over, keeps, drops and tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from receiving import TOKEN, reply

import fanlight
from fanlight.agent import embedded
from fanlight.agent.agent import AGENT
from fanlight.agent.batch import Packer
from fanlight.agent.destination import parse
from fanlight.agent.embedded import EVENTS, NS, RETRY_AFTER_MAX_S, Reporter
from fanlight.agent.queue import HELD
from fanlight.normalizers import normalize
from fanlight.recording.clock import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from receiving import Door, Request

HELLO = {"client": "c" * 32, "service": "shop", "host": "h", "pid": 1, "release": "", "environment": ""}


class Bench:
    """A reporter, what packs for it, and what came of it."""

    def __init__(self, door: Door, ca_file: str = "", scheme: str = "http") -> None:
        self.said: list[str] = []
        self.dropped: list[tuple[str, int]] = []
        destination = parse(f"{scheme}://{TOKEN}@127.0.0.1:{door.port}")
        destination.ca_file = ca_file
        self.reporter = Reporter(
            destination, lambda: HELLO, self.said.append, lambda *drop: self.dropped.append(drop), {}
        )
        self.packer = Packer(normalize, AGENT.pauses, str)

    def parcel(self, *titles: str) -> Any:
        """Answer a parcel with a trace of each title."""
        for title in titles:
            with fanlight.trace(title):
                pass
        return self.packer.pack(HELD.line)

    def deliver(self, parcel: Any) -> bool:
        return self.reporter.deliver(parcel, self.packer.table, clock() + 20 * NS, bool)

    def settle(self) -> bool:
        return self.reporter.settle(clock() + 20 * NS, bool, everything=True)


@pytest.fixture
def bench(agent, door, monkeypatch) -> Iterator[Callable[..., Bench]]:
    """A function that answers a bench towards a server that answers as it is told."""
    monkeypatch.setattr(HELD, "spawn", bool)
    made: list[Bench] = []

    def make(behave: Any = lambda request, _: request.good(), **more: Any) -> Bench:
        made.append(Bench(door(behave), **more))
        return made[-1]

    yield make
    for each in made:
        each.reporter.close()


def answers(*statuses: int) -> Callable[[Request, Any], bytes]:
    """Answer one status after the other, and then that all is well."""
    left = list(statuses)
    return lambda request, _: reply(left.pop(0)) if left else request.good()


def test_a_parcel_that_comes_again_is_counted_once(bench):
    under_test = bench()
    parcel = under_test.parcel("a", "b")
    assert under_test.deliver(parcel)
    assert under_test.deliver(parcel)
    assert under_test.reporter.pending == 2


def test_a_record_whose_time_has_come_is_posted_though_parcels_never_cease(bench, door):
    posts = []
    under_test = bench(lambda request, _: posts.append(request.traces()) or request.good())
    assert under_test.deliver(under_test.parcel("a"))
    assert posts == []
    under_test.reporter.opened_ns -= 2 * NS
    assert under_test.deliver(under_test.parcel("b"))
    assert posts == [2]


def test_while_nobody_takes_it_a_full_record_keeps_counts_and_at_last_nothing(bench, monkeypatch):
    monkeypatch.setattr(embedded, "DETAIL_BYTES", 1)
    kept = []
    left = [503] * 4

    def behave(request: Request, _: Any) -> bytes:
        if left:
            return reply(left.pop())
        kept.append(request.commit())
        return request.good()

    under_test = bench(behave)
    # The first is sealed at once, since it is full; the second opens the next record and fills it.
    for title in "abc":
        assert under_test.deliver(under_test.parcel(title))
    monkeypatch.setattr(embedded, "CELLS", 1)
    waiting = under_test.parcel("d")
    assert not under_test.deliver(waiting)
    assert under_test.reporter.pending == 3
    left.clear()
    under_test.reporter.again_ns = 0
    assert under_test.deliver(waiting)
    assert under_test.settle()
    assert [sum(each["count_n"]) for each in kept] == [1, 2, 1]
    assert [len(each["trace_start"]) for each in kept] == [1, 1, 1]


def test_many_counts_in_a_record_that_has_room_are_taken(bench, monkeypatch):
    monkeypatch.setattr(embedded, "CELLS", 1)
    under_test = bench()
    for title in "abc":
        assert under_test.deliver(under_test.parcel(title))
    assert under_test.reporter.pending == 3


def test_a_table_that_begins_anew_is_followed(bench):
    kept = []
    under_test = bench(lambda request, _: kept.append(request.commit()) or request.good())
    for titles in (("a", "b"), ("c",)):
        assert under_test.deliver(under_test.parcel(*titles))
        under_test.packer.renew()
    assert under_test.settle()
    assert under_test.dropped == []
    assert sum(kept[0]["count_n"]) == 3


def test_of_too_many_events_the_oldest_go(bench):
    reporter = bench().reporter
    for number in range(EVENTS + 2):
        reporter.keep("shop", number, "", "")
    assert [event[1] for event in reporter.events] == list(range(2, EVENTS + 2))


def test_what_nobody_took_for_too_long_is_dropped_and_told(bench, monkeypatch):
    monkeypatch.setattr(embedded, "GIVE_UP_NS", -1)
    under_test = bench()
    assert under_test.deliver(under_test.parcel("a"))
    assert under_test.settle()
    assert under_test.dropped == [("stale", 1)]
    assert under_test.reporter.pending == 0


def test_each_report_may_be_refused_once_before_it_is_dropped(bench):
    under_test = bench(answers(400, 400, 400))
    for title in "ab":
        assert under_test.deliver(under_test.parcel(title))
        assert not under_test.settle()
        assert under_test.settle()
    assert under_test.dropped == [("refused", 1)]
    assert under_test.reporter.pending == 0


def test_after_a_success_pauses_begin_short_again(bench):
    under_test = bench(answers(503, 503, 503))
    reporter = under_test.reporter
    assert under_test.deliver(under_test.parcel("a"))
    for steps in (1, 2, 3):
        reporter.again_ns = 0  # its time has come
        assert not under_test.settle()
        assert reporter.steps == steps
    reporter.again_ns = 0
    assert under_test.settle()
    assert (reporter.steps, reporter.failures) == (0, 0)


@pytest.mark.parametrize(
    ("after", "at_most_s"), [("7", 7), ("9" * 400, RETRY_AFTER_MAX_S), ("-5", 1), ("soon", 1), ("٣", 1)]
)
def test_patience_is_had_as_long_as_it_makes_sense(bench, after, at_most_s):
    under_test = bench(lambda request, _: None)
    before_ns = clock()
    under_test.reporter.failed(None, after)
    assert under_test.reporter.again_ns <= clock() + at_most_s * NS
    assert under_test.reporter.again_ns >= before_ns + at_most_s * NS or at_most_s == 1


def test_who_asks_for_patience_while_we_wait_gets_it(bench):
    reporter = bench().reporter
    reporter.failed(None)
    first_ns = reporter.again_ns
    reporter.failed(None)
    assert reporter.again_ns == first_ns
    reporter.failed(None, "60")
    assert reporter.again_ns - clock() > 59 * NS


@pytest.mark.parametrize("status", [200, 302, 404, 405])
def test_whoever_is_no_fanlight_is_told_and_not_waited_for(bench, status):
    under_test = bench(lambda request, _: reply(status))
    assert under_test.reporter.may_answer()
    assert under_test.deliver(under_test.parcel("a"))
    assert not under_test.settle()
    assert not under_test.reporter.may_answer()
    assert f"no Fanlight that takes reports (status {status})" in under_test.said[0]


def test_authorities_that_are_not_there_are_told(bench, tmp_path):
    under_test = bench(scheme="https", ca_file=str(tmp_path / "nowhere.pem"))
    assert under_test.deliver(under_test.parcel("a"))
    assert not under_test.settle()
    assert len(under_test.said) == 1
    assert "nowhere.pem is not there" in under_test.said[0]


def test_what_was_dropped_before_is_told_with_the_next_report(bench):
    told = []

    def note(request: Request, _: Any) -> bytes:
        report = request.report()
        told.append(dict(zip(report["dropped_reason"], report["dropped_count"], strict=True)))
        return request.good()

    under_test = bench(note)
    HELD.line.drop("full", 3)
    assert under_test.deliver(under_test.parcel("a"))
    assert under_test.settle()
    HELD.line.dropped.clear()
    assert told == [{"full": 3}]


def test_another_sequence_acknowledges_nothing(bench):
    under_test = bench(lambda request, _: reply(200, json.dumps({"sequence": 0}).encode()))
    assert under_test.deliver(under_test.parcel("a"))
    assert not under_test.settle()
    assert under_test.reporter.pending == 1
