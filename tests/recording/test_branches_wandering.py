"""Programs drawn at random that suspend, mute, hand over and fail: a span stands where it was called."""

from __future__ import annotations

import contextvars
import functools
import random
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.recording.blocks import instrument, mute, trace, unmute
from fanlight.recording.clock import clock
from fanlight.recording.recorder import LANE, current, span

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("branches")

PROGRAMS = 300
AGAIN = [6166] * 40
"""A program that went wrong one time in ten, when a thread got the identity of one that had ended."""
Steps = list[tuple[str, "Steps", int]]

PLAIN = ("span", "leaf", "leaf")
HERE = ("stack", "handles", "mute", "unmute", "copy", "partial", "inner", "fails", "over")
AWAY = ("thread", "timer", "submit", "map", "handed")
FEEDS = ("feed", "feed", "next", "next", "next", "end")
SYNCHRONOUS = (*PLAIN, *HERE, *AWAY, *FEEDS)
ALONE = ("leaf", "next", "end")
"""What holds no steps."""
MUTED = "~"
"""Before the name of the span that is open around a block that is not recorded."""


class MeantError(KeyError):
    """What a program raises on purpose."""


def program(draw: random.Random, words: tuple[str, ...], depth: int) -> Steps:
    """Draw steps: a word, the steps that it holds, and a number to decide further by."""
    return [
        (
            word,
            program(draw, words, depth - 1) if depth and word not in ALONE else [],
            draw.randrange(1000),
        )
        for word in draw.choices(words, k=draw.randint(1, 4))
    ]


class Span:
    """A span as it ought to be.

    Attributes:
        parents: one of which it stands under.
        window: (not before, not after) of its start, and of its end, by `clock()`.
    """

    def __init__(self, parents: set[str]) -> None:
        self.parents = parents
        self.window = [0, 0, 0, 0]


class Feed:
    """A generator that somebody may go on with, wherever.

    Attributes:
        place: name of its span, where its steps stand.
        follows: whether they stand where whoever asks for an item stands: its own call is no span.
    """

    def __init__(self, place: str, follows: bool = False) -> None:
        self.place = place
        self.follows = follows
        self.items: Any = None


class Run:
    """Runs one program and notes where each of its spans is to stand."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.spans: dict[str, Span] = {}
        self.feeds: deque[Feed] = deque()
        self.threads: deque[Any] = deque()
        self.pools: deque[ThreadPoolExecutor] = deque()
        self.errors: list[BaseException] = []

    def pool(self, workers: int) -> ThreadPoolExecutor:
        """Answer a pool that lasts as long as the program, so that no thread takes on another's identity."""
        self.pools.append(ThreadPoolExecutor(workers))
        return self.pools[-1]

    def name(self, place: str) -> str:
        """Answer the name of a new span, or of what it would have been called where nothing is recorded."""
        if place.startswith(MUTED):
            return place
        name = str(next(self.numbers))
        self.spans[name] = Span({place})
        return name

    @contextmanager
    def opening(self, name: str) -> Iterator[None]:
        window = self.spans[name].window if name in self.spans else [0] * 4
        window[0] = clock()
        with ExitStack() as stack:
            stack.callback(self.closed, window)
            stack.enter_context(span(name))
            window[1] = clock()
            stack.callback(self.closing, window)
            yield

    @staticmethod
    def closing(window: list[int]) -> None:
        window[2] = clock()

    @staticmethod
    def closed(window: list[int]) -> None:
        window[3] = clock()

    def call(self, steps: Steps, place: str) -> None:
        """Take the steps one after the other, in `place`."""
        for word, inside, number in steps:
            getattr(self, word)(inside, place, number)

    def span(self, inside: Steps, place: str, _: int) -> None:
        name = self.name(place)
        with self.opening(name):
            self.call(inside, name)

    leaf = span

    def stack(self, inside: Steps, place: str, number: int) -> None:
        with ExitStack() as stack:
            for _ in range(number % 3 + 1):
                place = self.name(place)
                stack.enter_context(self.opening(place))
            with stack.pop_all() if number % 2 else stack:
                self.call(inside, place)

    def handles(self, inside: Steps, place: str, number: int) -> None:
        """Open two with handles, and close them in whatever order."""
        lane = current()
        if lane is None:
            self.call(inside, place)
            return
        outer, inner = self.name(place), ""
        first = lane.start("app.step", title=outer)
        inner = self.name(outer)
        second = lane.start("app.step", title=inner)
        self.call(inside, inner)
        order = (first, second) if number % 2 else (second, first)
        for handle in order:
            lane.stop(handle)

    def mute(self, inside: Steps, place: str, _: int) -> None:
        with mute():
            self.call(inside, place if place.startswith(MUTED) else MUTED + place)

    def unmute(self, inside: Steps, place: str, _: int) -> None:
        with unmute():
            self.call(inside, place.removeprefix(MUTED))

    def copy(self, inside: Steps, place: str, _: int) -> None:
        contextvars.copy_context().run(self.call, inside, place)

    def partial(self, inside: Steps, place: str, number: int) -> None:
        call = functools.partial(functools.partial(self.call, inside), place)
        if number % 2:
            call = functools.partial(contextvars.copy_context().run, call)
        self.pool(1).submit(call).result(30)

    def inner(self, inside: Steps, place: str, _: int) -> None:
        with trace("inner"):
            self.call(inside, place)

    def fails(self, inside: Steps, place: str, _: int) -> None:
        name = self.name(place)
        with suppress(MeantError), self.opening(name):
            self.call(inside, name)
            raise MeantError

    def over(self, inside: Steps, place: str, number: int) -> None:
        """Go through a plain generator with a span over its yields, and end it in order."""

        def items() -> Iterator[str]:
            name = self.name(place)
            with self.opening(name):
                yield name
                yield name

        going = items()
        for name in going:
            self.call(inside, name)
            if number % 2:
                break
        going.close()

    def thread(self, inside: Steps, place: str, number: int) -> None:
        thread = threading.Thread(target=self.apart, args=(inside, place))
        thread.start()
        self.joined(thread, number)

    def timer(self, inside: Steps, place: str, number: int) -> None:
        thread = threading.Timer(0, self.apart, (inside, place))
        thread.start()
        self.joined(thread, number)

    def joined(self, thread: Any, number: int) -> None:
        """Wait for a thread, or leave that to the end."""
        if number % 2:
            self.threads.append(thread)
        else:
            thread.join(30)

    def apart(self, inside: Steps, place: str) -> None:
        try:
            self.call(inside, place)
        except BaseException as error:
            self.errors.append(error)

    def submit(self, inside: Steps, place: str, number: int) -> None:
        if number % 2:
            self.pool(1).submit(self.call, inside, place).result(30)
        else:
            context = contextvars.copy_context()
            self.pool(1).submit(context.run, self.call, inside, place).result(30)

    def map(self, inside: Steps, place: str, _: int) -> None:
        def each(name: str) -> None:
            with self.opening(name):
                self.pool(1).submit(self.call, inside, name).result(30)

        list(self.pool(2).map(each, [self.name(place) for _ in range(2)]))

    def handed(self, inside: Steps, place: str, _: int) -> None:
        """Open a span that another thread closes."""
        name = self.name(place)
        block = self.opening(name)
        block.__enter__()

        def work() -> None:
            self.call(inside, name)
            block.__exit__(None, None, None)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(30)

    def produce(self, feed: Feed, steps: Steps) -> Iterator[int]:
        """Take a step an item."""
        try:
            for step in steps:
                kind = 0 if feed.follows else step[2] % 4
                if kind == 1:
                    name = self.name(feed.place)
                    with self.opening(name):
                        yield 1
                        self.call([step], name)
                elif kind == 2:
                    # Its number is one on, so that it is of another kind.
                    yield from self.nested(feed, [(*step[:2], step[2] + 1)])
                elif kind == 3:
                    with mute():
                        yield 3
                        self.call([step], MUTED + feed.place)
                else:
                    self.call([step], feed.place)
                    with suppress(MeantError):
                        yield 0
        finally:
            self.call([("leaf", [], 0)], feed.place)

    def nested(self, outer: Feed, steps: Steps) -> Iterator[int]:
        inner = Feed(self.name(outer.place))
        yield from instrument(title=inner.place)(self.produce)(inner, steps)

    def feed(self, inside: Steps, place: str, _: int) -> None:
        """Ask a generator for its first item."""
        feed = Feed(self.name(place), follows=place.startswith(MUTED))
        feed.items = instrument(title=feed.place)(self.produce)(feed, inside)
        self.advance(feed, place)

    def advance(self, feed: Feed, place: str) -> None:
        if feed.follows:
            feed.place = place
        if next(feed.items, None) is not None:
            self.feeds.append(feed)

    def next(self, _: Steps, place: str, number: int) -> None:
        """Ask whichever generator is suspended for its next item."""
        if (feed := self.picked(number)) is not None:
            self.advance(feed, place)

    def picked(self, number: int) -> Feed | None:
        try:
            self.feeds.rotate(number)
            return self.feeds.popleft()
        except IndexError:
            return None

    def end(self, _: Steps, place: str, number: int) -> None:
        """End whichever generator is suspended, before its time."""
        if (feed := self.picked(number)) is None:
            return
        if feed.follows:
            feed.place = place
        if number % 3 == 0:
            feed.items.close()
        elif number % 3 == 1:
            with suppress(MeantError, StopIteration):
                feed.items.throw(MeantError())
                self.feeds.append(feed)
        else:
            feed.items = None

    def settle(self) -> None:
        """Wait for the threads that go on, and end the generators that nobody goes on with."""
        while self.threads:
            self.threads.popleft().join(30)
        while self.feeds:
            feed = self.feeds.popleft()
            if feed.follows:
                feed.place = "root"
            feed.items.close()

    def main(self, steps: Steps) -> None:
        with trace("root"):
            self.call(steps, "root")
            self.settle()
        while self.pools:
            self.pools.popleft().shutdown()

    def wrong(self, read: Any) -> list[str]:
        """Answer what is recorded otherwise than it ought to be."""
        spans, titles = read.spans, read.titles
        said = [f"{error!r}" for error in self.errors]
        said += [f"{title} twice" for title in set(titles) if titles.count(title) > 1]
        said += [f"{title} lost" for title in self.spans.keys() - set(titles)]
        for place, title in enumerate(titles[1:], 1):
            if title not in self.spans:
                said.append(f"{title} too much")
                continue
            expected, parent = self.spans[title], titles[spans.parents[place]]
            if parent not in expected.parents:
                said.append(f"{title} under {parent}, not {expected.parents}")
            start, started, end, ended = expected.window
            if ended and not (start <= spans.starts[place] <= started and end <= spans.ends[place] <= ended):
                said.append(f"{title} at another time")
        return said


def test_whatever_suspends_mutes_and_hands_over_every_span_stands_where_it_was_called(caught, reading):
    wrong = []
    for seed in (*range(PROGRAMS), *AGAIN):
        steps = program(random.Random(seed), SYNCHRONOUS, 3)
        run = Run()
        caught.clear()
        run.main(steps)
        (finished,) = caught
        assert LANE.get() is None
        if said := run.wrong(reading(finished)):
            wrong.append((len(str(steps)), seed, said, steps))
    assert not wrong, f"{len(wrong)} of {PROGRAMS}, the shortest: {min(wrong)}"
