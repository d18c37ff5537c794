"""What one second that was traced looks like when it arrives, whatever the clocks do."""

from __future__ import annotations

import gc
import os
import time

import pytest

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.task import GATHER_S
from fanlight.recording.recorder import begin, clock, current, finish

S = 1_000_000_000


@pytest.fixture(autouse=True)
def _no_earlier_pause(agent):
    """Forget the pauses before the test: its traces begin in the past."""
    AGENT.pauses.ring.clear()


def test_one_second_is_one_trace_of_one_span_within_two_seconds(agent, receiver):
    assert GATHER_S < 1, "what is left of the two seconds is for a machine with other work"
    before, begun_ns = time.time_ns(), clock() - S
    trace = begin("app.job", "job", "<unmatched>", begun_ns)
    finish(trace)
    most_ns = clock() - begun_ns
    receiver.wait(lambda r: r.traces)
    (received,) = receiver.traces
    (only,) = received.spans
    assert received.endpoint == "<unmatched>"
    assert only.start == 0
    assert S <= only.duration == received.duration <= most_ns
    # The wall clock is looked at once a batch, a moment from the other one.
    assert before - most_ns <= received.start <= time.time_ns() - S
    assert len(receiver.batches) == 1


def test_a_moment_two_seconds_on_stands_there(agent, receiver):
    begun_ns = clock() - 2 * S
    trace = begin("app.job", "job", "job", begun_ns)
    fanlight.mark("moment")
    most_ns = clock() - begun_ns
    finish(trace)
    assert agent.flush(30)
    moment = receiver.traces[0].root.find("moment")
    assert 2 * S <= moment.start <= most_ns
    assert moment.duration == 0


def test_titles_and_descriptions_stay_with_their_spans(agent, receiver):
    with (
        agent.trace("job"),
        agent.notify("app.outer", {"title": "outer", "description": "around", "n": 1}),
        agent.notify("view.inner", {"title": "inner", "description": "within", "n": 2}),
    ):
        pass
    assert agent.flush(30)
    (_, outer, inner) = receiver.traces[0].spans
    assert (outer.category, outer.title, outer.description) == ("app.outer", "outer", "around")
    assert (inner.category, inner.title, inner.description) == ("view.inner", "inner", "within")
    assert (outer.notes, inner.notes) == ({"n": 1}, {"n": 2})
    assert outer.children == [inner]


def test_started_the_agent_sees_collections_and_stopped_it_does_not(agent, receiver):
    with agent.trace("job"), agent.span("collect"):
        gc.collect()
    assert agent.flush(30)
    (received,) = receiver.traces
    (pause,) = [span for span in received.spans if span.category == "noise.gc"]
    assert 0 < pause.duration < received.duration
    assert pause.start + pause.duration == received.duration
    watching = len(gc.callbacks)
    fanlight.stop(1)
    assert len(gc.callbacks) == watching - 1


@pytest.mark.parametrize("step_s", [-3600, 3600])
def test_a_wall_clock_that_is_set_changes_no_duration(script, receiver, step_s):
    """Each look at the wall clock finds it an hour further on, or back."""
    result = script(
        f"""
        import gc, time
        gc.disable()
        truly, looks = time.time_ns, []
        def set_again():
            looks.append(1)
            return truly() + {step_s} * len(looks) * 1_000_000_000
        time.time_ns = set_again
        time.time = lambda: set_again() / 1e9
        import fanlight
        fanlight.start('shop', dsn='unix://{receiver.path}')
        for _ in range(3):
            with fanlight.trace('job'), fanlight.span('a'), fanlight.span('b'):
                pass
        assert fanlight.flush(30)
        assert len(looks) >= 3
        """,
        start=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 3
    for trace in receiver.traces:
        (root, outer, inner) = trace.spans
        assert 0 == root.start < outer.start <= inner.start
        assert 0 <= inner.duration <= outer.duration <= root.duration < 10 * S
    starts = [trace.start for trace in receiver.traces]
    assert starts == sorted(starts, reverse=step_s < 0)


@pytest.mark.parametrize("step_ns", [1_000_000, S // 2, 3600 * S])
def test_a_clock_that_steps_back_gives_no_negative_and_no_huge_time(agent, receiver, step_ns):
    """As one does that is not as monotonic as it is said to be."""
    trace = begin("app.job", "job", "job", clock() - S)
    with agent.span("before"):
        pass
    back = clock() - step_ns
    current().events += [(clock(), "app.block", "over"), back, (back, "app.block", "behind"), back + 1]
    current().leaf("app.leaf", None, clock(), back)
    with agent.span("after"):
        pass
    finish(trace)
    assert agent.flush(30)
    (received,) = receiver.traces
    assert received.root.shape() == ("job", ["before", "over", "behind", "", "after"])
    for span in received.spans:
        assert 0 <= span.start <= span.start + span.duration <= received.duration


def test_ids_are_never_the_same(agent, receiver):
    for _ in range(500):
        with agent.trace("job"):
            pass
    assert agent.flush(30)
    ids = {(trace.high, trace.low) for trace in receiver.traces}
    assert len(ids) == 500
    assert (0, 0) not in ids
    assert receiver.hellos[0]["pid"] == os.getpid()
