"""What stands beside a trace: its log, and how busy its server was; numbers that a reader can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, Part, Request, commit

from fanlight.aggregate.aggregator import Aggregator
from fanlight.pipeline.saturation import packed
from fanlight.server.answers import Answers
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

S = 1_000_000_000
START = 20_000 * DAY_NS
LOGGED = Part(("log.error", "shop.cart", ""), 0, 2 * S, 1000, (("message", "no cart"), ("error", "KeyError")))


@pytest.fixture(params=sorted(BUILT_IN))
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answers]:
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    record = Aggregator(lambda: 0.5).begin(START)
    for at_s, host, values in (
        (-60, "web-1", {"requests.waiting_max": 99}),
        (-8, "web-1", {"requests.waiting_max": 0}),
        (-3, "web-1", {"requests.waiting_max": 1, "workers.restarts": 7}),
        (2, "web-1", {"requests.waiting_max": 8}),
        (2, "web-2", {"requests.waiting_max": 50}),
        (7, "web-1", {"requests.waiting_max": 2}),
        (12, "web-1", {"requests.waiting_max": 3}),
    ):
        labels = {"service": "shop", "host": host, "server": "gunicorn"}
        snapshot = Snapshot(START + at_s * S, labels, values)
        record.event("shop", snapshot.time_ns, *packed(snapshot))
    request_ = Request(START, 5 * S, 0xABC, ("shop", "/cart", "html"), (LOGGED,), notes=(("cpu.time", S),))
    store.apply(1, [(1, commit([request_])), (2, decode(COMMIT, encode(COMMIT, record.message())))])
    yield Answers(store, dict)
    store.close()


def test_a_trace_tells_how_busy_its_own_server_was_around_it(answers: Answers) -> None:
    found = answers.trace(f"{0xABC:032x}")
    told = [(each["offset"] // S, each["values"]["requests.waiting_max"]) for each in found["server"]]
    assert told == [(-3, 1), (2, 8), (7, 2)]
    assert set(found["server"][0]["values"]) == {"requests.waiting_max"}


def test_a_trace_tells_what_was_logged_and_what_its_thread_did(answers: Answers) -> None:
    found = answers.trace(f"{0xABC:032x}")
    (line,) = found["log"]
    assert (line["level"], line["logger"], line["message"]) == ("error", "shop.cart", "no cart")
    assert (line["offset"], line["exception"], line["span"]) == (2 * S, "KeyError", 1)
    assert found["cpu"] == {"time": S, "own": 5 * S - 1000, "idle": 4 * S - 1000}
    assert {gap["cause"] for gap in found["gaps"]} == {"waiting"}
