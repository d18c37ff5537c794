"""Code that records in the middle of recording: signal handlers, finalizers, the end of the stack."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fanlight.recording.blocks import annotate, instrument, trace
from fanlight.recording.pauses import Pauses
from fanlight.recording.recorder import LANE, clock, current, span


def busy(rounds: int) -> None:
    for number in range(rounds):
        with span("outer", number=number):
            lane = current()
            handle = lane.start("app.handle", title="handle")
            lane.leaf("sql.query", "SELECT 1", clock(), clock())
            with span("inner"):
                annotate(number=number)
            lane.stop(handle)


def depth(shape: Any) -> int:
    return 1 if isinstance(shape, str) else 1 + max(map(depth, shape[1]))


def test_signal_handlers_may_record_between_any_two_instructions(caught, reading):
    heard = []

    def handler(*_: Any) -> None:
        heard.append(1)
        with span("signal"):
            lane = current()
            # None where the trace is just beginning or ending.
            if lane is not None:
                lane.leaf("sql.query", "SELECT 2", clock(), clock())
        with trace("inside another"):
            pass
        # Only now, so that handlers do not pile up on a slow machine.
        signal.setitimer(signal.ITIMER_REAL, 0.0003)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
    try:
        while len(heard) < 50:
            with trace("root"):
                busy(20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    # A signal between two of them made a trace of its own.
    roots = [reading(one) for one in caught if one.endpoint == "root"]
    # However they interrupt each other, nothing is lost and nothing stays open.
    for read in roots:
        assert [read.titles.count(title) for title in ("outer", "handle", "inner")] == [20, 20, 20]
        assert depth(read.shape()) <= 7
    assert 0 < sum(read.titles.count("signal") for read in roots) <= len(heard)


def test_a_handler_that_raises_leaves_what_follows_in_place(caught, shape):
    def handler(*_: Any) -> None:
        raise TimeoutError

    def work() -> None:
        with span("interrupted"):
            signal.setitimer(signal.ITIMER_REAL, 0.005)
            while True:
                with span("round"):
                    pass

    before = signal.signal(signal.SIGALRM, handler)
    try:
        with trace("root"):
            with pytest.raises(TimeoutError):
                work()
            with span("afterwards"):
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    children = [child if isinstance(child, str) else child[0] for child in shape()[1]]
    assert children[0] == "interrupted"
    # Interrupted between its beginning and its body, a span stays open and holds what follows.
    assert children[1:] in ([], ["afterwards"])


class Cyclic:
    """Records when the collector finds it, wherever that is."""

    def __init__(self, found: list[int]) -> None:
        self.me = self
        self.found = found

    def __del__(self) -> None:
        self.found.append(1)
        with span("finalizer"):
            annotate(late=True)
        with trace("its own"):
            pass


def test_finalizers_may_record_wherever_the_collector_runs(caught, reading):
    found: list[int] = []
    threshold = gc.get_threshold()
    pauses = Pauses()
    pauses.watch()
    gc.enable()
    gc.set_threshold(7)
    try:
        for _ in range(50):
            with trace("root"):
                for _ in range(5):
                    with span("outer", cyclic=Cyclic(found)):
                        Cyclic(found)
                        busy(2)
        LANE.set(None)
        gc.collect()
    finally:
        gc.set_threshold(*threshold)
        gc.disable()
        pauses.ignore()
    assert len(found) == 500
    roots = [one for one in caught if one.endpoint == "root"]
    assert len(roots) == 50
    assert sum(reading(one).titles.count("inner") for one in roots) == 500


def test_the_end_of_the_stack_is_the_applications_and_the_trace_goes_on(caught, reading):
    @instrument
    def descend() -> None:
        with span("deeper"):
            descend()

    with trace("root"):
        with pytest.raises(RecursionError):
            descend()
        with span("afterwards"):
            pass
    with trace("second"):
        pass
    first, second = map(reading, caught)
    assert first.titles[-1] == "afterwards"
    assert first.titles.count("deeper") > 100
    assert second.shape() == "second"


@pytest.mark.usefixtures("branches")
def test_hundreds_of_threads_each_have_their_own(caught, reading):
    barrier = threading.Barrier(400)

    def request(number: int) -> None:
        barrier.wait(60)
        with trace(f"request {number}"):
            busy(2)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(busy, 1).result(60)

    stack = threading.stack_size(1 << 18)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=request, args=(number,)) for number in range(400)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        threading.stack_size(stack)
        sys.setswitchinterval(before)
    assert sorted(one.endpoint for one in caught) == sorted(f"request {number}" for number in range(400))
    assert {reading(one).titles.count("inner") for one in caught} == {3}
