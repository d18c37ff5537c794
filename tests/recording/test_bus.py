"""The notifications bus: who hears what, when, and what it costs the others."""

from __future__ import annotations

import asyncio
import contextvars
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.recording import bus
from fanlight.recording.recorder import SWITCH, begin, finish

if TYPE_CHECKING:
    from collections.abc import Iterator


class Heard(list[Any]):
    """A timed listener that remembers what it was called with."""

    def __call__(self, *what: Any) -> None:
        self.append(what)


class Evented:
    """A listener that is told of start, finish and moments."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, name: str, key: str, payload: Any) -> None:
        self.told.append(("start", name, key, dict(payload)))

    def finish(self, name: str, key: str, payload: Any) -> None:
        self.told.append(("finish", name, key, dict(payload)))

    def publish(self, name: str, key: str, payload: Any) -> None:
        self.told.append(("publish", name, key, payload))


@pytest.fixture(autouse=True)
def _nobody_left() -> Iterator[None]:
    spans, faults, refused = bus.BUS.spans, bus.BUS.faults, bus.BUS.refused
    yield
    for subscription in list(bus.BUS.subscriptions):
        subscription.cancel()
    bus.record(spans)
    bus.BUS.faults, bus.BUS.refused = faults, refused


@pytest.fixture
def traces() -> Iterator[list[Any]]:
    before, found = SWITCH.sink, []
    SWITCH.sink = found.append
    yield found
    SWITCH.sink = before


def test_a_timed_listener_is_called_once_at_the_end() -> None:
    heard = Heard()
    bus.subscribe("cart.load", heard)
    with bus.notify("cart.load", {"items": 3}) as payload:
        payload["found"] = 2
        assert not heard
    [(name, start_ns, end_ns, key, told)] = heard
    assert (name, told) == ("cart.load", {"items": 3, "found": 2})
    assert start_ns <= end_ns
    assert len(key) == 20


def test_an_evented_listener_hears_start_and_finish() -> None:
    listener = Evented()
    bus.subscribe("cart.load", listener)
    with bus.notify("cart.load") as payload:
        payload["n"] = 1
    assert [(what, told) for what, _, _, told in listener.told] == [("start", {}), ("finish", {"n": 1})]


def test_an_exception_is_put_into_the_payload_and_goes_on() -> None:
    heard = Heard()
    bus.subscribe(None, heard)
    with pytest.raises(ValueError, match="x"), bus.notify("cart.load"):
        raise ValueError("x")
    assert heard[0][4] == {"exception": ("ValueError", "x")}


@pytest.mark.parametrize(
    ("pattern", "hears"),
    [
        (None, ["a.b", "a", "b.a"]),
        ("a", ["a"]),
        (re.compile(r"^a\."), ["a.b"]),
        (re.compile("a$"), ["a", "b.a"]),
    ],
)
def test_a_pattern_tells_which_names_are_heard(pattern: Any, hears: list[str]) -> None:
    heard = Heard()
    bus.subscribe(pattern, heard)
    for name in ("a.b", "a", "b.a"):
        bus.publish(name)
    assert [what[0] for what in heard] == hears


def test_a_cancelled_subscription_hears_nothing_and_a_block_cancels() -> None:
    heard = Heard()
    with bus.subscribe("a", heard) as subscription:
        bus.publish("a")
    bus.publish("a")
    subscription.cancel()
    assert len(heard) == 1


def test_the_same_listener_twice_is_two_subscriptions() -> None:
    heard = Heard()
    first = bus.subscribe("a", heard)
    bus.subscribe("a", heard)
    first.cancel()
    bus.publish("a")
    assert len(heard) == 1


def test_moments_reach_those_who_want_them() -> None:
    listener, heard = Evented(), Heard()

    class Blocks:
        def start(self, *what: Any) -> None:
            raise AssertionError

        finish = start

    for each in (listener, heard, Blocks()):
        bus.subscribe("a", each)
    bus.publish("a", {"n": 1})
    assert [told[0] for told in listener.told] == ["publish"]
    assert heard[0][1] == heard[0][2]
    assert bus.BUS.faults == 0


def test_a_listener_that_fails_is_counted_and_harms_nobody() -> None:
    heard = Heard()

    def bad(*what: Any) -> None:
        raise ZeroDivisionError

    bus.subscribe("a", bad)
    bus.subscribe("a", heard)
    before = bus.BUS.faults
    with bus.notify("a"):
        pass
    bus.publish("a")
    assert bus.BUS.faults == before + 2
    assert len(heard) == 2


def test_nobody_listening_yields_the_payload_and_keeps_nothing() -> None:
    mine: dict[str, int] = {}
    with bus.notify("nobody", mine) as payload:
        payload["n"] = 1
    assert mine == {"n": 1}
    with bus.notify("nobody") as payload:
        payload["n"] = 1
        payload.update(m=2)
        assert payload.setdefault("k", 3) == 3
    with bus.notify("nobody") as payload:
        assert payload == {}
    assert bus.notify("nobody") is bus.QUIET


def test_threads_and_tasks_have_ids_of_their_own() -> None:
    heard = Heard()
    bus.subscribe("a", heard)
    bus.publish("a")
    bus.publish("a")
    thread = threading.Thread(target=bus.publish, args=("a",))
    thread.start()
    thread.join()

    async def child() -> None:
        bus.publish("a")

    async def main() -> None:
        bus.publish("a")
        await asyncio.gather(child(), child())
        bus.publish("a")

    asyncio.run(main())
    keys = [what[3] for what in heard]
    assert keys[0] == keys[1]
    assert keys[3] == keys[6]
    assert len(set(keys)) == 5


def test_a_copied_context_brings_no_id_along() -> None:
    here = bus.context_id()
    context = contextvars.copy_context()
    assert context.run(bus.context_id) == here
    found: list[str] = []
    thread = threading.Thread(target=context.run, args=(lambda: found.append(bus.context_id()),))
    thread.start()
    thread.join()
    assert found != [here]
    assert bus.context_id() == here


def test_overlapping_blocks_keep_their_own_start() -> None:
    heard = Heard()
    bus.subscribe("a", heard)
    outer, inner = bus.notify("a", {"n": "outer"}), bus.notify("a", {"n": "inner"})
    outer.__enter__()
    inner.__enter__()
    outer.__exit__(None, None, None)
    inner.__exit__(None, None, None)
    starts = {what[4]["n"]: what[1] for what in heard}
    assert starts["outer"] <= starts["inner"]


def test_names_in_a_tier_and_known_names_are_spans(traces: list[Any]) -> None:
    bus.record(["cart.load"])
    trace = begin("app.test", "t", "e")
    for name in ("cart.load", "app.block", "application.lul", "unknown"):
        with bus.notify(name, {"n": 1}):
            pass
    bus.publish("cache.hit", {"key": object()})
    finish(trace)
    events = traces[0].records[0][0]
    assert [event[1] for event in events if isinstance(event, tuple) and len(event) == 6] == [
        "cart.load",
        "app.block",
    ]
    [leaf] = [event for event in events if isinstance(event, tuple) and len(event) == 5]
    assert leaf[2] == "cache.hit"
    assert isinstance(leaf[3]["key"], str)


def test_the_payload_of_a_span_is_plain_once_the_trace_is_over(traces: list[Any]) -> None:
    class Cart:
        def __repr__(self) -> str:
            raise AssertionError("nobody asks")

    trace = begin("app.test", "t", "e")
    with bus.notify("app.cart", {"n": 1, "ok": True}) as payload:
        payload["cart"] = Cart()
        payload["many"] = list(range(10_000))
    finish(trace)
    [start] = [event for event in traces[0].records[0][0] if isinstance(event, tuple) and len(event) == 6]
    assert start[3]["n"] == 1
    assert start[3]["ok"] is True
    assert all(isinstance(value, str | int | float | bool) for value in start[3].values())
    assert len(start[3]["many"]) < 500


def test_a_block_that_outlives_its_trace_does_no_harm(traces: list[Any]) -> None:
    trace = begin("app.test", "t", "e")
    block = bus.notify("app.cart", {})
    block.__enter__()
    finish(trace)
    block.__exit__(None, None, None)
    assert len(traces) == 1


def test_ever_new_names_do_not_pile_up() -> None:
    for number in range(bus.PLANS_MAX + 100):
        bus.publish(f"made.up.{number}")
    assert len(bus.BUS.plans) <= bus.PLANS_MAX
    bus.record(bus.BUS.spans)


def test_instruments_report_to_both_kinds_of_listeners() -> None:
    listener, heard = Evented(), Heard()
    bus.subscribe("sql.query", listener)
    bus.subscribe("sql.query", heard)
    bus.BUS.report("sql.query", {"sql": "SELECT 1"}, 3, 5)
    bus.BUS.report("other.name", {}, 3, 5)
    assert [told[0] for told in listener.told] == ["start", "finish"]
    assert heard[0][:3] == ("sql.query", 3, 5)


@pytest.mark.parametrize("heard", [False, True])
def test_a_name_that_is_no_text_is_told_once_and_the_block_runs(
    heard: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    bus.BUS.refused = False
    listener = Heard()
    if heard:
        bus.subscribe(None, listener)
        bus.subscribe(re.compile("cart"), listener)
    ran = []
    for name in (None, 7, b"cart.load", ["cart"]):
        wrong: Any = name
        with bus.notify(wrong, {"items": 3}) as payload:
            ran.append(payload)
        bus.publish(wrong)
    assert ran == [{"items": 3}] * 4
    assert listener == []
    told = capfd.readouterr().err
    assert told.count("fanlight:") == 1
    assert "is a text, such as 'cart.load', not NoneType: " in told
    assert "test_bus.py:" in told
