"""What is recorded, what it costs in calls, and where it ends."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack

import pytest

from fanlight.recording import lanes
from fanlight.recording.blocks import annotate, endpoint, trace
from fanlight.recording.recorder import (
    LANE,
    NOTHING,
    SWITCH,
    begin,
    clock,
    current,
    finish,
    release,
    resume,
    span,
)


def test_blocks_nest_as_they_are_written(caught, shape):
    with trace("root"):
        with span("a"), span("b"):
            pass
        with span("c"):
            pass
    assert shape() == ("root", [("a", ["b"]), "c"])


def test_a_span_with_an_attribute_takes_at_most_eight_python_calls(caught):
    calls = []
    with trace("root"):
        sys.setprofile(
            lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None
        )
        with span("a", n=1):
            pass
        sys.setprofile(None)
    assert 0 < len(calls) <= 8, calls


def test_outside_a_trace_a_span_is_one_call_and_one_shared_object():
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name) if event == "call" else None)
    with span("a", n=1):
        pass
    sys.setprofile(None)
    assert calls == ["span"]
    assert span("a") is NOTHING


def test_outside_a_trace_exceptions_pass():
    with pytest.raises(KeyError), span("a"):
        raise KeyError("{0}")


def test_inside_a_span_exceptions_pass_and_close_it(caught, reading):
    def work() -> None:
        with pytest.raises(ValueError, match="x"), span("a"), span("b"):
            raise ValueError("x")
        with span("c"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), trace("root"):
        work()
    (finished,) = caught
    read = reading(finished)
    assert read.shape() == ("root", [("a", ["b"]), "c"])
    assert read.notes("b") == read.notes("a") == {"error": "ValueError"}
    assert finished.error == ("ZeroDivisionError", "")


def test_handles_close_their_own_span(caught, shape):
    with trace("root"):
        lane = current()
        outer = lane.start("outer")
        inner = lane.start("inner")
        lane.stop(inner)
        lane.leaf("leaf", None, clock(), clock())
        lane.stop(outer)
        lane.stop(outer)
        lane.stop(99)
        with span("after"):
            pass
    assert shape() == ("root", [("outer", ["inner", "leaf"]), "after"])


def test_open_spans_are_closed_at_the_end(caught, reading):
    opened = begin("app.job", "root", "root")
    current().start("a")
    span("b")
    finish(opened)
    read = reading(caught[0])
    assert read.shape() == ("root", [("a", ["b"])])
    assert set(read.spans.ends) == {opened.end_ns}


def test_finishing_twice_hands_over_once(caught):
    opened = begin("app.job", "root", "root")
    finish(opened)
    finish(opened, ValueError("late"))
    assert caught == [opened]
    assert opened.error is None


def test_a_finished_trace_takes_nothing_more(caught, reading):
    opened = begin("app.job", "root", "root")
    lane = current()
    late = span("late")
    finish(opened)
    late.__exit__(None, None, None)
    lane.leaf("leaf", None, 1, 2)
    lane.annotate(a=1)
    assert current() is None
    assert span("x") is NOTHING
    assert reading(opened).shape() == ("root", ["late"])


def test_what_is_only_a_root_shares_its_records_and_nothing_gets_into_them(caught, reading):
    for _ in range(2):
        begun = begin("app.job", "job", "job")
        lane = current()
        assert begun is not None
        assert lane is not None
        finish(begun)
        lane.leaf("sql.query", "SELECT 1", 1, 2)
    assert caught[0].records is caught[1].records
    assert [reading(each).shape() for each in caught] == ["job", "job"]


def test_another_thread_may_finish_what_this_one_began(caught, shape):
    opened = begin("app.job", "root", "root")
    with span("a"):
        pass
    other = threading.Thread(target=finish, args=(opened,))
    other.start()
    other.join()
    assert len(caught) == 1
    assert current() is None
    assert LANE.get() is None
    assert begin("app.job", "next", "next") is not None
    assert shape() == ("root", ["a"])


def test_released_a_trace_leaves_its_context_and_comes_back(caught, shape):
    opened = begin("app.job", "root", "root")
    release(opened)
    assert current() is None
    assert begin("app.job", "other", "other") is not None
    finish(LANE.get().trace)
    caught.clear()
    resume(opened)
    with span("streamed"):
        pass
    finish(opened)
    resume(opened)
    assert current() is None
    assert shape() == ("root", ["streamed"])


def test_releasing_another_trace_changes_nothing(caught):
    other = begin("app.job", "other", "other")
    finish(other)
    opened = begin("app.job", "root", "root")
    release(other)
    assert current() is not None
    finish(opened)


def test_a_start_in_the_past_moves_the_wall_anchor_too(caught):
    now = clock()
    opened = begin("app.job", "root", "root", start_ns=now - 1_000_000_000)
    finish(opened)
    later = begin("app.job", "root", "root")
    finish(later)
    assert later.wall_ns - opened.wall_ns == pytest.approx(later.start_ns - opened.start_ns, abs=500_000_000)
    assert opened.end_ns - opened.start_ns >= 1_000_000_000


def test_a_trace_keeps_one_hundred_thousand_spans_and_counts_the_others(caught):
    with trace("root"):
        for _ in range(lanes.RECORDS + 7):
            with span("a"):
                pass
    (finished,) = caught
    assert finished.lost == 7
    starts = sum(event.__class__ is tuple for event in finished.records[0][0])
    assert starts == lanes.RECORDS


def test_leaves_and_annotations_are_bounded_too(caught):
    with trace("root"):
        for number in range(lanes.RECORDS):
            annotate(number=number)
        for _ in range(5):
            if current() is not None:
                current().leaf("leaf", None, 1, 2)
    (finished,) = caught
    assert len(finished.records[0][0]) <= lanes.RECORDS
    assert finished.lost >= 5


def test_many_lanes_share_one_bound(caught, branches):
    def work() -> None:
        for _ in range(30_000):
            with span("a"):
                pass

    with trace("root"):
        for _ in range(4):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    (finished,) = caught
    kept = sum(event.__class__ is tuple for events, _, _ in finished.records for event in events)
    assert kept == lanes.RECORDS
    assert kept + finished.lost == 120_000


def test_nothing_is_recorded_while_the_agent_is_off():
    assert SWITCH.sink is None
    assert begin("app.job", "root", "root") is None
    assert current() is None


def test_a_sink_that_fails_costs_the_application_nothing(caught):
    def fail(_: object) -> None:
        raise OSError

    SWITCH.sink = fail
    faults = SWITCH.faults
    with trace("root"):
        pass
    assert SWITCH.faults == faults + 1
    SWITCH.faults = faults
    SWITCH.lost -= 1


def test_endpoint_names_the_open_trace(caught):
    endpoint("nobody's")
    with trace("root") as opened:
        endpoint("better")
        opened.set_endpoint("/route", 2)
    assert caught[0].endpoint == "better"


def test_a_statements_fifth_time_carries_its_place(caught, reading):
    with trace("root"):
        for _ in range(7):
            current().leaf("db.sql.query", "select 1", clock(), clock())
            line = sys._getframe().f_lineno - 1
    read = reading(caught[0])
    places = [(owner, notes["location"]) for owner, notes in read.spans.notes]
    assert places == [(5, f"tests/recording/test_recorder.py:{line}")]


def test_statements_that_differ_in_a_literal_only_carry_a_place_too(caught, reading):
    with trace("root"):
        for number in range(7):
            text = f"select * from product where id = {number}"
            current().leaf("db.sql.query", text, clock(), clock())
    read = reading(caught[0])
    assert [owner for owner, _ in read.spans.notes] == [5]


def test_a_leaf_over_ten_milliseconds_carries_its_place(caught, reading):
    with trace("root"):
        now = clock()
        current().leaf("api.http.get", ("GET", "host"), now - 10_000_001, now)
        current().leaf("api.http.get", ("GET", "host"), now - 9_000_000, now)
    read = reading(caught[0])
    assert [list(notes) for _, notes in read.spans.notes] == [["location"]]


def test_many_small_lanes_lose_nothing(caught, reading, branches):
    def work() -> None:
        with span("a"):
            pass

    with trace("root"):
        for _ in range(300):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
    assert caught[0].lost == 0
    assert len(reading(caught[0])) == 301


def test_a_title_that_is_no_text_becomes_one_at_once(caught, shape):
    class Lazy:
        def __str__(self) -> str:
            raise AssertionError("nobody may ask")

    with trace("root"), span(Lazy()), span(5):
        pass
    _, ((lazy, inner),) = shape()
    assert lazy.endswith("Lazy>")
    assert inner == ["5"]


def test_a_stack_of_contexts_enters_spans_and_leaves_them_in_turn(caught, shape):
    with trace("root"):
        with ExitStack() as stack:
            stack.enter_context(span("first"))
            stack.enter_context(span("second")).annotate(number=2)
            annotate(text="second")
        with span("tail"):
            pass
    assert shape() == ("root", [("first", ["second"]), "tail"])


def test_outside_a_trace_it_enters_what_records_nothing(caught):
    with ExitStack() as stack:
        stack.enter_context(span("nobody")).annotate(number=1)
    assert caught == []
