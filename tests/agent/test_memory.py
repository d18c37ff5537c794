"""Memory over a million spans."""

from __future__ import annotations

import pytest

GROWTH = """
import asyncio, gc, os, sys
def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
def requests(traces):
    for number in range(traces):
        with fanlight.trace('job'):
            for _ in range(10):
                with fanlight.span('a', number=number):
                    pass
        if number % 500 == 0:
            assert fanlight.flush(30)
async def tasks(traces):
    async def child():
        with fanlight.span('child'):
            await asyncio.sleep(0)
    for number in range(traces):
        with fanlight.trace('tasks'):
            await asyncio.gather(child(), child())
        if number % 500 == 0:
            assert fanlight.flush(30)
"""


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_million_spans_leave_memory_where_it_was(script, receiver, record_property):
    # What arrives is this test's to forget, or the file descriptors' buffers were measured.
    result = script(
        GROWTH
        + """
requests(10_000)
asyncio.run(tasks(5_000))
gc.collect()
before = resident()
requests(80_000)
asyncio.run(tasks(40_000))
gc.collect()
grown = resident() - before
print(grown)
assert grown < 2 << 20, grown
""",
        timeout_s=800,
    )
    assert result.returncode == 0, result.stderr
    record_property("measured", f"grown by {int(result.stdout) / (1 << 20):.2f} MiB")
    record_property("limit", "2 MiB")
