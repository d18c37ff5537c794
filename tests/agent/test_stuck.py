"""Whatever the sending thread hangs in, the end does not wait for it, and it ends by itself."""

from __future__ import annotations

import os
import threading
import time

import pytest

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.normalizers import NORMALIZERS

NAME = "app.stuck"


def threads() -> int:
    """Answer how many threads this process has, those that only the system knows among them."""
    return len(os.listdir("/proc/self/task"))


def ended(before: int) -> bool:
    """Answer whether the thread is gone, after waiting for it."""
    deadline = time.monotonic() + 30
    while threads() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    return threads() <= before


@pytest.fixture
def hang():
    """A normalizer that hangs until it is told to go on: (it hangs, go on)."""
    hangs, on = threading.Event(), threading.Event()

    def stuck(name, payload):
        hangs.set()
        on.wait(30)
        return name, "", "", None

    NORMALIZERS[NAME] = stuck
    yield hangs, on
    on.set()
    del NORMALIZERS[NAME]


def test_flush_and_stop_do_not_wait_for_a_thread_that_hangs(agent, receiver, hang):
    hangs, on = hang
    before = threads()
    with agent.trace("job"), agent.notify(NAME):
        pass
    assert hangs.wait(30)
    for call, within_s in ((agent.flush, 0.3), (agent.stop, 0.3)):
        began = time.monotonic()
        assert not call(within_s)
        assert time.monotonic() - began < 20, "it would have waited for 30 s"
    # It was left alone, not killed: it goes on when it can, finds itself out of office and ends.
    assert AGENT.task is None
    on.set()
    assert ended(before)
    assert not receiver.errors


def test_after_a_thread_that_hung_another_start_reports(agent, receiver, hang):
    hangs, on = hang
    with agent.trace("first"), agent.notify(NAME):
        pass
    assert hangs.wait(30)
    assert not agent.stop(0.1)
    fanlight.start("shop", dsn=f"unix://{receiver.path}", instrument=False)
    with fanlight.trace("second"):
        pass
    assert fanlight.flush(30)
    assert "second" in [trace.endpoint for trace in receiver.traces]
    on.set()


def test_the_thread_of_a_stopped_agent_ends(agent, receiver):
    before = threads()
    for _ in range(3):
        with fanlight.trace("job"):
            pass
        receiver.wait(lambda r: r.traces)
        assert fanlight.stop(5)
        assert ended(before)
        fanlight.start("shop", dsn=f"unix://{receiver.path}", instrument=False)
