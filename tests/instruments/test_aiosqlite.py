"""aiosqlite: every statement once, in the trace of the task that waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiosqlite
import pytest

from fanlight.recording import branches
from fanlight.recording.recorder import begin, finish


@pytest.fixture(autouse=True)
def _branching() -> None:
    """Threads that a trace starts belong to it, as they do wherever the agent is on."""
    branches.hook()


def test_every_way_to_execute_is_one_leaf(statements: Any) -> None:
    async def main() -> None:
        async with aiosqlite.connect(":memory:") as connection:
            await connection.execute("CREATE TABLE t (a)")
            await connection.executemany("INSERT INTO t VALUES (?)", [("hunter2",), ("b",)])
            async with connection.execute("SELECT a FROM t WHERE a = ?", ("b",)) as cursor:
                assert [row async for row in cursor] == [("b",)]
            cursor = await connection.cursor()
            assert await cursor.execute("UPDATE t SET a = 'c'") is cursor
            await cursor.executescript("DELETE FROM t;")
            assert list(await connection.execute_fetchall("SELECT count(*) FROM t")) == [(0,)]
            await connection.commit()

    assert statements(lambda: asyncio.run(main())) == [
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (?)",
        "SELECT a FROM t WHERE a = ?",
        "UPDATE t SET a = 'c'",
        "DELETE FROM t;",
        "SELECT count(*) FROM t",
    ]


def test_a_connection_outlives_the_trace_that_opened_it(seen: Any) -> None:
    async def main() -> None:
        opened = begin("app.test", "t", "e")
        async with aiosqlite.connect(":memory:") as connection:
            await connection.execute("SELECT 1")
            finish(opened)
            await connection.execute("SELECT 2")
            second = begin("app.test", "t", "e")
            await connection.execute("SELECT 3")
            finish(second)

    asyncio.run(main())
    assert [payload for _, payload in seen.leaves()] == ["SELECT 1", "SELECT 3"]


def test_a_failed_statement_is_recorded_and_raised(statements: Any) -> None:
    async def main() -> None:
        async with aiosqlite.connect(":memory:") as connection:
            with pytest.raises(aiosqlite.OperationalError):
                await connection.execute("SELECT * FROM nowhere")

    assert statements(lambda: asyncio.run(main())) == [("SELECT * FROM nowhere", "OperationalError")]
