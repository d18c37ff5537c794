"""What an application writes itself."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest

from fanlight.recording.blocks import annotate, instrument, trace
from fanlight.recording.recorder import begin, current, finish, span


class Cart:
    @instrument
    def add(self, item: str, count: int = 1) -> tuple[str, int]:
        """Put something in."""
        return item, count

    @instrument
    @classmethod
    def empty(cls) -> type:
        return cls

    @staticmethod
    @instrument(title="fixed", category="app.cart")
    def price(cents: int) -> int:
        return cents

    @instrument
    async def load(self, number: int) -> int:
        with span("inside"):
            await asyncio.sleep(0)
        return number

    @instrument
    def rows(self, count: int) -> Any:
        for number in range(count):
            with span("produce"):
                pass
            got = yield number
            if got is not None:
                yield got
        return "end"

    @instrument
    async def stream(self, count: int) -> Any:
        for number in range(count):
            with span("produce"):
                await asyncio.sleep(0)
            yield number


def test_a_decorated_method_is_a_span_and_answers_as_before(caught, reading):
    with trace("root"):
        assert Cart().add("pen", count=2) == ("pen", 2)
        assert Cart.empty() is Cart
        assert Cart.price(5) == 5
    (finished,) = caught
    assert reading(finished).shape() == ("root", ["Cart.add", "Cart.empty", "fixed"])
    assert [event[1] for event in finished.records[0][0] if event.__class__ is tuple] == [
        *("app.method", "app.method", "app.cart")
    ]


def test_outside_a_trace_it_answers_as_before():
    assert Cart().add("pen") == ("pen", 1)
    assert Cart.empty() is Cart
    assert Cart.price(5) == 5
    assert asyncio.run(Cart().load(3)) == 3
    assert list(Cart().rows(3)) == [0, 1, 2]

    async def collect() -> list[int]:
        return [number async for number in Cart().stream(3)]

    assert asyncio.run(collect()) == [0, 1, 2]


def test_name_documentation_signature_and_kind_stay():
    assert Cart.add.__name__ == "add"
    assert Cart.add.__qualname__ == "Cart.add"
    assert Cart.add.__doc__ == "Put something in."
    assert Cart.add.__module__ == __name__
    assert str(inspect.signature(Cart.add)) == "(self, item: 'str', count: 'int' = 1) -> 'tuple[str, int]'"
    assert inspect.iscoroutinefunction(Cart.load)
    assert inspect.isasyncgenfunction(Cart.stream)
    assert isinstance(inspect.getattr_static(Cart, "empty"), classmethod)
    assert isinstance(inspect.getattr_static(Cart, "price"), staticmethod)


def test_a_functions_title_leaves_its_surroundings_out(caught, shape):
    @instrument
    def local() -> None:
        pass

    with trace("root"):
        local()
    assert shape() == ("root", ["local"])


def test_a_decorated_function_that_fails_fails_as_before(caught, reading):
    @instrument
    def fail() -> None:
        raise LookupError("x")

    with trace("root"):
        with pytest.raises(LookupError):
            fail()
        with span("after"):
            pass
    read = reading(caught[0])
    assert read.shape() == ("root", ["fail", "after"])
    assert read.notes("fail") == {"error": "LookupError"}


def test_coroutines_are_spans_while_they_run(caught, reading, branches):
    async def fail() -> None:
        raise KeyError

    failing = instrument(fail)

    async def main() -> None:
        with trace("root"):
            await asyncio.gather(Cart().load(1), Cart().load(2))
            with pytest.raises(KeyError):
                await failing()

    asyncio.run(main())
    read = reading(caught[0])
    assert read.shape() == ("root", [*[("Cart.load", ["inside"])] * 2, "fail"])
    assert read.notes("fail") == {"error": "KeyError"}


def test_a_coroutine_thrown_away_closes_its_own_span_only(caught, shape):
    with trace("root"):
        with span("a"):
            coroutine = Cart().load(1)
            coroutine.send(None)
            with span("b"):
                coroutine.close()
                with span("c"):
                    pass
        with span("d"):
            pass
    assert shape()[1][-1] == "d"


def test_a_generators_span_holds_what_it_does_and_not_what_its_consumer_does(caught, shape):
    with trace("root"), span("view"):
        for _ in Cart().rows(2):
            with span("consume"):
                pass
    assert shape() == ("root", [("view", [("Cart.rows", ["produce", "produce"]), "consume", "consume"])])


def test_a_generator_keeps_its_protocol(caught):
    with trace("root"):
        rows = Cart().rows(2)
        assert next(rows) == 0
        assert rows.send("sent") == "sent"
        assert next(rows) == 1
        with pytest.raises(StopIteration) as stopped:
            next(rows)
        assert stopped.value.value == "end"

        closed = []

        @instrument
        def careful() -> Any:
            try:
                yield 1
            except KeyError:
                yield 2
            finally:
                closed.append(True)

        generator = careful()
        next(generator)
        assert generator.throw(KeyError()) == 2
        generator.close()
        assert closed == [True]


def test_a_generator_that_is_dropped_half_way_leaves_the_others_in_place(caught, shape):
    with trace("root"):
        rows = Cart().rows(5)
        with span("a"):
            next(rows)
        with span("b"):
            del rows
            with span("c"):
                pass
    assert shape() == ("root", [("a", [("Cart.rows", ["produce"])]), ("b", ["c"])])


def test_asynchronous_generators_do_as_generators_do(caught, shape, branches):
    async def main() -> None:
        with trace("root"):
            async for _ in Cart().stream(2):
                with span("consume"):
                    await asyncio.sleep(0)

    asyncio.run(main())
    assert shape() == ("root", [("Cart.stream", ["produce", "produce"]), "consume", "consume"])


def test_a_generator_that_outlives_its_trace_goes_on(caught):
    with trace("root"):
        rows = Cart().rows(3)
        next(rows)
    assert list(rows) == [1, 2]
    assert current() is None


def test_annotations_go_to_the_innermost_span(caught, reading):
    annotate(nobody=1)
    with trace("root"), span("a"):
        with span("b") as inner:
            inner.annotate(b=1)
        annotate(a=1)
    read = reading(caught[0])
    assert (read.notes("a"), read.notes("b")) == ({"a": 1}, {"b": 1})


def test_a_trace_whose_block_fails_says_so_and_lets_the_exception_pass(caught):
    with pytest.raises(OSError, match="gone"), trace("root"):
        raise OSError("gone")
    assert caught[0].error == ("OSError", "gone")


def test_an_explicit_trace_is_not_renamed_by_a_route(caught):
    with trace("import") as opened:
        opened.set_endpoint("/route", 2)
    assert caught[0].endpoint == "import"


def test_a_trace_begun_elsewhere_is_the_outer_one(caught):
    opened = begin("app.wsgi.request", "GET", "/x")
    with trace("inner") as inner:
        assert inner is opened
    assert opened.lanes is not None
    finish(opened)
    assert caught == [opened]


def test_a_traced_function_is_a_trace_a_call_whoever_calls_it(caught, branches):
    @trace("resize image", title="resize")
    def resize(path: str, *, width: int = 1) -> str:
        """Make it fit."""
        return f"{path} {width}"

    with ThreadPoolExecutor(2) as executor:
        assert list(executor.map(resize, "ab")) == ["a 1", "b 1"]
    thread = threading.Thread(target=trace("refresh prices")(lambda: None))
    thread.start()
    thread.join()
    assert [each.endpoint for each in caught] == ["resize image", "resize image", "refresh prices"]
    assert caught[0].title == "resize"
    assert (resize.__name__, resize.__doc__) == ("resize", "Make it fit.")
    assert list(inspect.signature(resize).parameters) == ["path", "width"]


def test_a_traced_coroutine_function_is_a_trace_a_call(caught):
    @trace("fetch")
    async def fetch(number):
        await asyncio.sleep(0)
        if number:
            raise ValueError(number)
        return "done"

    async def main():
        return await asyncio.gather(fetch(0), fetch(1), return_exceptions=True)

    done, failed = asyncio.run(main())
    assert done == "done"
    assert isinstance(failed, ValueError)
    assert sorted(each.error or ("", "") for each in caught) == [("", ""), ("ValueError", "1")]


def test_a_traced_function_within_a_trace_belongs_to_it(caught, shape):
    with trace("root"):

        @trace("inner")
        def inner():
            with span("step"):
                pass

        inner()
    assert [each.endpoint for each in caught] == ["root"]
    assert shape() == ("root", ["step"])


def test_a_stream_dropped_in_the_midst_of_a_step_leaves_who_drops_it_his_lane(caught, reading):
    async def consume() -> None:
        with span("consumer"):
            async for _ in Cart().stream(1):
                pass

    coroutine = consume()
    with trace("one"):
        copy_context().run(coroutine.send, None)
    with trace("two"):
        coroutine.close()
        with span("mine"):
            pass
    assert [reading(finished).titles for finished in caught] == [
        ["one", "consumer", "Cart.stream", "produce"],
        ["two", "mine"],
    ]
