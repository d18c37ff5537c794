"""What the hooks for work elsewhere ask before they step in, and what they leave as it was."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as futures

import pytest

from fanlight.recording.blocks import trace
from fanlight.recording.branches import (
    branching_call,
    branching_each,
    branching_second,
    branching_start,
    carry,
    hook_executor,
)
from fanlight.recording.lanes import COLLECTING
from fanlight.recording.recorder import SWITCH, span

pytestmark = pytest.mark.usefixtures("branches")


def work(name: str) -> None:
    with span(name):
        pass


@pytest.mark.parametrize("why", ["not sampled", "another process's", "the garbage collector runs here"])
def test_nor_is_it_where_nothing_is_recorded(caught, monkeypatch, why):
    if why == "not sampled":
        monkeypatch.setattr(SWITCH, "sample", 0.0)
    with trace("root"):
        if why == "another process's":
            monkeypatch.setattr(SWITCH, "epoch", SWITCH.epoch + 1)
        elif why == "the garbage collector runs here":
            monkeypatch.setattr(COLLECTING, "thread", threading.get_ident())
        assert carry(work) is work


def test_hooking_executors_again_hooks_nothing_twice(branches):
    kept, submit = futures._WorkItem.__init__, ThreadPoolExecutor.submit
    hook_executor(futures)
    assert (futures._WorkItem.__init__, ThreadPoolExecutor.submit) == (kept, submit)


@pytest.mark.parametrize("hooked", [branching_call, branching_second, branching_each])
def test_what_cannot_be_called_is_handed_on_as_it_is(caught, hooked):
    """So that whoever asked for it is told at once, by whom he asked."""
    with trace("root"):
        pool = () if hooked is branching_call else (None,)
        assert hooked(lambda *given: given[-1])(*pool, 5) == 5


def test_a_thread_that_was_given_something_to_run_runs_it_and_keeps_it(caught):
    ran = threading.Event()
    thread = threading.Thread()
    thread.run = ran.set
    with trace("root"):
        thread.start()
        thread.join()
    assert ran.is_set()
    assert thread.__dict__["run"] == ran.set


def test_a_hook_looks_like_what_it_stands_for(branches):
    assert list(inspect.signature(threading.Thread.start).parameters) == ["self"]
    assert threading.Thread.start.__doc__ == threading.Thread.start.__wrapped__.__doc__


def test_a_thread_of_a_task_that_recorded_nothing_yet_stands_where_the_task_was_started(caught, shape):
    async def child() -> None:
        thread = threading.Thread(target=work, args=("there",))
        thread.start()
        thread.join()

    async def main() -> None:
        with trace("root"):
            with span("first"):
                task = asyncio.create_task(child())
            with span("second"):
                await task

    asyncio.run(main())
    assert shape() == ("root", [("first", ["there"]), "second"])


def test_a_thread_whose_run_is_taken_for_a_function_of_its_class_runs(caught, monkeypatch):
    """Some who watch errors put their own `run` on a thread when it starts, and hand it to what was there."""
    start, ran = threading.Thread.start, threading.Event()

    def start_watched(self):
        run = getattr(self.run, "__func__", self.run)
        self.run = lambda: run(self)
        start(self)

    thread = threading.Thread(target=ran.set)
    hooked = branching_start(start_watched)
    with trace("root"):
        hooked(thread)
        thread.join()
    assert ran.is_set()
