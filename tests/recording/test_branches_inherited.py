"""Threads that begin in a context of their own, copied or empty, as from Python 3.14 on; simulated here."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fanlight.recording import branches as hooks
from fanlight.recording.blocks import trace
from fanlight.recording.recorder import LANE, span

pytestmark = pytest.mark.usefixtures("branches", "starting")


@pytest.fixture(params=[True, False], ids=["copied", "empty"])
def starting(request, monkeypatch):
    """Start threads as Python 3.14 does, with `-X thread_inherit_context=1` and without."""
    hooked = threading.Thread.start
    plain = getattr(hooked, "__wrapped__", hooked)

    def start(thread):
        context = contextvars.copy_context() if request.param else contextvars.Context()
        run = thread.run
        thread.run = lambda: context.run(run)
        plain(thread)

    monkeypatch.setattr(hooks, "INHERITS", request.param)
    monkeypatch.setattr(threading.Thread, "start", hooks.branching_start(start))


def work(name, barrier):
    with span(name):
        barrier.wait(60)
        with span(f"{name} sql"):
            barrier.wait(60)


def test_threads_nest_side_by_side_where_they_were_started(caught, shape):
    barrier = threading.Barrier(3)
    with trace("root"), span("view"):
        threads = [threading.Thread(target=work, args=(f"job {number}", barrier)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with span("tail"):
            pass
    (view,) = shape()[1]
    assert sorted(view[1][:3]) == [(f"job {number}", [f"job {number} sql"]) for number in range(3)]
    assert view[1][3] == "tail"


def test_a_pools_thread_that_a_trace_started_belongs_to_nobody(caught, shape):
    with ThreadPoolExecutor(1) as pool:
        with trace("root"), span("view"):
            pool.submit(work, "job", threading.Barrier(1)).result(60)
        assert pool.submit(LANE.get).result(60) is None
    assert shape() == ("root", [("view", [("job", ["job sql"])])])


def test_a_thread_that_outlives_its_trace_records_nothing_of_the_next(caught, shape, reading):
    over, done = threading.Event(), threading.Event()

    def live() -> None:
        over.wait(60)
        with span("late"):
            done.set()

    with trace("first"):
        thread = threading.Thread(target=live)
        thread.start()
    with trace("second"):
        over.set()
        done.wait(60)
        thread.join()
    assert [reading(each).shape() for each in caught] == ["first", "second"]
