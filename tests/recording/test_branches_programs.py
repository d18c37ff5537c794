"""Programs drawn at random: whatever calls what in whichever thread, a span stands where it was called."""

from __future__ import annotations

import asyncio
import random
from itertools import count
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async

from fanlight.recording.blocks import trace
from fanlight.recording.recorder import span

pytestmark = pytest.mark.usefixtures("branches")

PROGRAMS = 300
ASYNCHRONOUS = (
    *("span", "span", "leaf", "leaf", "sleep", "task", "gather"),
    *("hop", "sensitive", "thread", "submit"),
)
SYNCHRONOUS = ("span", "leaf", "back")
AWAITS = frozenset({"task", "gather", "back"})
"""What holds asynchronous steps, wherever it stands; a span holds what is around it."""


def program(draw: random.Random, depth: int, *, awaits: bool = True) -> list[tuple[str, Any]]:
    """Draw steps: a word and the steps that it holds."""
    steps: list[tuple[str, Any]] = []
    for _ in range(draw.randint(1, 4)):
        word = draw.choice(ASYNCHRONOUS if awaits else SYNCHRONOUS)
        if word in ("leaf", "sleep") or not depth:
            steps.append(("sleep" if word == "sleep" else "leaf", []))
        else:
            inside = word in AWAITS or (word == "span" and awaits)
            steps.append((word, program(draw, depth - 1, awaits=inside)))
    return steps


class Run:
    """Runs one program and notes which span each of its spans is called in."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.parents: dict[str, str] = {}

    def name(self, parent: str) -> str:
        name = str(next(self.numbers))
        self.parents[name] = parent
        return name

    def call(self, steps: list[tuple[str, Any]], parent: str) -> None:
        for word, inside in steps:
            if word == "back":
                async_to_sync(self.whole)(inside, parent)
                continue
            name = self.name(parent)
            with span(name):
                self.call(inside, name)

    async def whole(self, steps: list[tuple[str, Any]], parent: str) -> None:
        """Take the steps, and see the tasks to their end that they started."""
        tasks: list[Any] = []
        await self.take(steps, parent, tasks)
        while tasks:
            await tasks.pop()

    async def take(self, steps: list[tuple[str, Any]], parent: str, tasks: list[Any]) -> None:
        for word, inside in steps:
            if word in ("span", "leaf"):
                name = self.name(parent)
                with span(name):
                    await self.take(inside, name, tasks)
            elif word == "sleep":
                await asyncio.sleep(0)
            elif word == "task":
                tasks.append(asyncio.create_task(self.take(inside, parent, tasks)))
            elif word == "gather":
                await asyncio.gather(*(self.take(inside, parent, tasks) for _ in range(2)))
            elif word == "thread":
                await asyncio.to_thread(self.call, inside, parent)
            elif word == "submit":
                await asyncio.get_running_loop().run_in_executor(None, self.call, inside, parent)
            else:
                await sync_to_async(self.call, thread_sensitive=word == "sensitive")(inside, parent)

    async def main(self, steps: list[tuple[str, Any]], factory: Any) -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        async with ThreadSensitiveContext():
            with trace("root"):
                await self.whole(steps, "root")


def pairs(shape: Any, parent: str) -> list[tuple[str, str]]:
    """Answer each title with its parent's."""
    title, children = shape if isinstance(shape, tuple) else (shape, [])
    return [(title, parent), *(pair for child in children for pair in pairs(child, title))]


def foreign(loop: asyncio.AbstractEventLoop, coro: Any, **keywords: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coro, loop=loop, **keywords)


# Eager tasks came with Python 3.12.
FACTORIES = [None, foreign, *filter(None, [getattr(asyncio, "eager_task_factory", None)])]


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_span_of_a_random_program_stands_where_it_was_called(caught, shape, factory):
    wrong = []
    for seed in range(PROGRAMS):
        steps = program(random.Random(seed), 3)
        run = Run()
        caught.clear()
        asyncio.run(run.main(steps, factory))
        if sorted(pairs(shape(), "")) != sorted([("root", ""), *run.parents.items()]):
            wrong.append((len(str(steps)), seed, steps))
    assert not wrong, f"{len(wrong)} of {PROGRAMS}, the shortest: {min(wrong)}"
