"""Tasks show the lane of whoever started them until they record something, if they ever do."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from fanlight.recording.blocks import annotate, trace
from fanlight.recording.recorder import LANE, begin, current, finish, span

pytestmark = pytest.mark.usefixtures("branches")


async def job(name: str) -> None:
    with span(name):
        await asyncio.sleep(0.002)
        with span(f"{name} sql"):
            pass


JOBS = [(f"job {number}", [f"job {number} sql"]) for number in range(3)]


def test_tasks_and_calls_that_record_nothing_get_no_lane(caught):
    async def quiet() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        with trace("root"):
            before = LANE.get()
            await asyncio.gather(*(asyncio.create_task(quiet()) for _ in range(3)), asyncio.to_thread(int))
            assert LANE.get() is before

    asyncio.run(main())
    assert len(caught[0].records) == 1


def test_tasks_stand_where_they_were_started_however_late_they_record(caught, shape, reading):
    async def late(number: int) -> None:
        await asyncio.sleep(0.002)
        await job(f"job {number}")

    async def main() -> None:
        with trace("root"), span("view"):
            with span("open"):
                tasks = [asyncio.create_task(late(0))]
            tasks.append(asyncio.create_task(late(1)))
            with span("again"):
                tasks.append(asyncio.create_task(late(2)))
                await asyncio.gather(*tasks)
            with span("tail"):
                pass

    asyncio.run(main())
    assert shape() == ("root", [("view", [("open", [JOBS[0]]), ("again", [JOBS[2]]), JOBS[1], "tail"])])
    assert reading(caught[0]).interval("open")[1] < reading(caught[0]).interval("job 0")[0]


def test_a_span_held_across_the_start_of_a_task_ends_in_its_place(caught, shape, reading):
    async def main() -> None:
        with trace("root"):
            lane = current()
            handle = lane.start("app.held", title="held")
            with span("block"):
                task = asyncio.create_task(job("job 0"))
                with span("inside"):
                    annotate(number=1)
                await task
            lane.stop(handle)
            with span("tail"):
                pass

    asyncio.run(main())
    assert shape() == ("root", [("held", [("block", ["inside", JOBS[0]])]), "tail"])
    assert reading(caught[0]).notes("inside") == {"number": 1}


def test_a_task_in_another_context_of_its_own_records_on_one_lane(caught, shape):
    def within(name: str) -> None:
        with span(name):
            pass

    async def main() -> None:
        with trace("root"):
            task = asyncio.create_task(job("job 0"))
            contextvars.copy_context().run(within, "copy")
            within("here")
            contextvars.copy_context().run(within, "copy again")
            await task

    asyncio.run(main())
    assert shape() == ("root", ["copy", "here", "copy again", JOBS[0]])


def test_what_a_task_holds_after_the_trace_goes_nowhere(caught):
    async def main() -> None:
        opened = begin("app.job", "root", "root")
        with span("open"):
            task = asyncio.create_task(job("job 0"))
            held = LANE.get()
            with span("moved on"):
                finish(opened)
        await task
        assert held.trace is held.after is None

    asyncio.run(main())
    assert [event for event in caught[0].records[0][0] if event.__class__ is int] == []
