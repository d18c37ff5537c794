"""Listeners are the application's: starting and stopping leaves them as they are."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import fanlight
from fanlight.recording.clock import clock


@pytest.fixture
def heard():
    """What a listener heard that was there before the agent."""
    told: list[Any] = []
    with fanlight.subscribe(None, lambda *what: told.append(what)):
        yield told


def test_a_listener_from_before_the_start_stays_through_start_and_stop(heard, agent, receiver):
    with agent.trace("job"), agent.notify("app.load", {"n": 1}):
        pass
    fanlight.stop(5)
    with fanlight.notify("app.load", {"n": 2}):
        fanlight.publish("cart.emptied")
    fanlight.start("shop", dsn=f"unix://{receiver.path}", instrument=False)
    with fanlight.trace("job"), fanlight.notify("app.load", {"n": 3}):
        pass
    assert [(name, payload) for name, _, _, _, payload in heard] == [
        ("app.load", {"n": 1}),
        ("cart.emptied", {}),
        ("app.load", {"n": 2}),
        ("app.load", {"n": 3}),
    ]
    assert fanlight.flush(30)
    assert [trace.root.find("").notes for trace in receiver.traces] == [{"n": 1}, {"n": 3}]


def test_one_listener_hears_overlapping_threads_each_with_its_own_times(heard, agent, receiver):
    inside = {name: threading.Event() for name in ("first", "second")}
    left = threading.Event()
    looks: dict[str, tuple[int, int]] = {}

    def work(name: str) -> None:
        if name == "second":
            inside["first"].wait(30)
        before_ns = clock()
        with agent.trace(name), agent.notify("app.load", {"who": name}):
            looks[name] = before_ns, clock()
            inside[name].set()
            (inside["second"] if name == "first" else left).wait(30)
        left.set()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    times = {payload["who"]: (start, end, key) for _, start, end, key, payload in heard}
    assert times["first"][0] < times["second"][0] < times["first"][1] < times["second"][1]
    for name, (before_ns, within_ns) in looks.items():
        assert before_ns <= times[name][0] <= within_ns
    assert times["first"][2] != times["second"][2]
    assert agent.flush(30)
    lengths = {trace.endpoint: trace.root.find("").duration for trace in receiver.traces}
    for name, (start, end, _) in times.items():
        # The listener's times lie within the span's.
        assert end - start <= lengths[name]
