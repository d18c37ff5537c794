"""What comes after a trace has ended, and traces that nobody ends or that last for long."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref

import pytest

from fanlight.recording.blocks import annotate, trace
from fanlight.recording.clock import clock
from fanlight.recording.lanes import RECORDS
from fanlight.recording.recorder import begin, current, finish, span

DAY_NS = 24 * 3_600 * 1_000_000_000


@pytest.mark.usefixtures("branches")
def test_what_is_recorded_after_the_end_is_no_part_and_no_trace_of_its_own(caught, reading):
    async def job(go_on: asyncio.Event) -> None:
        with span("held"):
            lane = current()
            handle = lane.start("app.step", title="step")
            await go_on.wait()
            lane.leaf("sql.query", "SELECT 1", 1, 2)
            lane.stop(handle)
            annotate(after=1)
            with span("after"):
                pass
        with span("long after"):
            pass

    async def main() -> None:
        go_on = asyncio.Event()
        with trace("request"):
            task = asyncio.create_task(job(go_on))
            await asyncio.sleep(0)
        before = [list(events) for events, _, _ in caught[0].records]
        go_on.set()
        await task
        assert [events for events, _, _ in caught[0].records] == before

    asyncio.run(main())
    assert len(caught) == 1
    read = reading(caught[0])
    assert read.shape() == ("request", [("held", ["step"])])
    assert read.interval("step")[1] == caught[0].end_ns
    assert caught[0].lost == 0


def test_a_trace_that_nobody_ends_goes_with_its_context(caught):
    def abandon() -> weakref.ref[object]:
        opened = begin("app.job", "abandoned", "abandoned")
        with span("never sent"):
            pass
        return weakref.ref(opened)

    held = [contextvars.copy_context().run(abandon) for _ in range(10)]
    gc.collect()
    assert [each() for each in held] == [None] * 10
    with trace("next"):
        pass
    assert [each.title for each in caught] == ["next"]


def test_a_trace_that_nobody_ends_keeps_no_more_than_any_other(caught):
    opened = begin("app.job", "endless", "endless")
    for _ in range(RECORDS + 1_000):
        with span("step"):
            pass
    assert len(opened.lanes) == 1
    assert len(opened.lanes[0].events) <= 2 * RECORDS
    assert opened.lost == 1_000
    finish(opened)
    assert caught == [opened]


def test_a_trace_that_lasts_for_days_is_one_with_all_that_is_in_it(caught, reading):
    opened = begin("app.job", "stream", "stream", clock() - 3 * DAY_NS)
    with span("first"):
        pass
    with span("last"):
        pass
    finish(opened)
    read = reading(caught[0])
    assert read.shape() == ("stream", ["first", "last"])
    assert caught[0].end_ns - caught[0].start_ns >= 3 * DAY_NS
