"""asyncpg on a real PostgreSQL: every statement once, however it is run; literals stay here."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import asyncpg
import pytest

SECRET = "hunter2"


@pytest.fixture
def run(postgres: str, statements: Any) -> Any:
    """Answer a function that runs another on a connection inside a trace and answers its statements."""
    host, _, port = postgres.partition(":")

    async def connected(work: Any) -> None:
        connection = await asyncpg.connect(host=host, port=int(port), user="postgres", database="postgres")
        try:
            await work(connection)
        finally:
            await connection.close()

    return lambda work: statements(lambda: asyncio.run(connected(work)))


def test_every_way_to_execute_is_one_leaf(run: Any, seen: Any) -> None:
    async def work(connection: Any) -> None:
        await connection.execute("CREATE TEMP TABLE t (a text)")
        assert await connection.execute("INSERT INTO t VALUES ($1)", SECRET) == "INSERT 0 1"
        await connection.executemany("INSERT INTO t VALUES ($1)", [("b",), ("c",)])
        assert len(await connection.fetch("SELECT a FROM t")) == 3
        assert (await connection.fetchrow("SELECT a FROM t WHERE a = $1", SECRET))["a"] == SECRET
        assert await connection.fetchval(query=f"SELECT '{SECRET}'") == SECRET
        if hasattr(connection, "fetchmany"):
            assert len(await connection.fetchmany("DELETE FROM t WHERE a = $1 RETURNING a", [("b",)])) == 1

    assert run(work) == [
        "CREATE TEMP TABLE t (a text)",
        "INSERT INTO t VALUES ($1)",
        "INSERT INTO t VALUES ($1)",
        "SELECT a FROM t",
        "SELECT a FROM t WHERE a = $1",
        f"SELECT '{SECRET}'",
        *["DELETE FROM t WHERE a = $1 RETURNING a"] * hasattr(asyncpg.Connection, "fetchmany"),
    ]
    assert seen.titles()[:2] == ["CREATE TABLE t", "INSERT INTO t"]


def test_a_prepared_statement_is_seen_at_each_run(run: Any) -> None:
    async def work(connection: Any) -> None:
        prepared = await connection.prepare("SELECT $1::int")
        assert await prepared.fetchval(1) == 1
        assert [tuple(row) for row in await prepared.fetch(2)] == [(2,)]
        assert tuple(await prepared.fetchrow(3)) == (3,)
        await prepared.executemany([(4,), (5,)])
        if hasattr(prepared, "fetchmany"):
            assert [tuple(row) for row in await prepared.fetchmany([(6,), (7,)])] == [(6,), (7,)]

    many = hasattr(asyncpg.prepared_stmt.PreparedStatement, "fetchmany")
    assert run(work) == ["SELECT $1::int"] * (4 + many)


def test_a_cursor_is_one_statement_however_much_is_fetched(run: Any) -> None:
    async def work(connection: Any) -> None:
        async with connection.transaction():
            rows = [row[0] async for row in connection.cursor("SELECT generate_series(1, 200)", prefetch=50)]
            assert rows == list(range(1, 201))
            cursor = await connection.cursor("SELECT 7 UNION SELECT 8")
            assert await cursor.forward(1) == 1
            assert len(await cursor.fetch(10)) == 1

    begin, first, second, commit = run(work)
    assert (first, second) == ("SELECT generate_series(1, 200)", "SELECT 7 UNION SELECT 8")
    assert (begin, commit) == ("BEGIN;", "COMMIT;")


def test_a_copy_is_one_statement(run: Any) -> None:
    async def work(connection: Any) -> None:
        await connection.execute("CREATE TEMP TABLE t (a text)")
        await connection.copy_records_to_table("t", records=[(SECRET,), ("b",)])
        out = io.BytesIO()
        await connection.copy_from_query("SELECT a FROM t WHERE a = $1", SECRET, output=out)
        assert out.getvalue() == f"{SECRET}\n".encode()

    # Between the two the driver asks how to quote the argument.
    _, copied, *_, selected = run(work)
    assert copied == "COPY t FROM STDIN"
    assert selected.strip() == f"COPY (SELECT a FROM t WHERE a = '{SECRET}') TO STDOUT"


def test_a_failed_statement_is_recorded_and_raised(run: Any) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.fetch("SELECT * FROM nowhere")
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.execute("SELECT * FROM nowhere")
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.prepare("SELECT * FROM nowhere")

    assert run(work) == [("SELECT * FROM nowhere", "UndefinedTableError")] * 3


def test_a_cancelled_statement_is_recorded(run: Any) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.execute("SELECT pg_sleep(60)"), 0.2)

    [(text, error)] = run(work)
    assert (text, error) == ("SELECT pg_sleep(60)", "CancelledError")


def test_a_pools_connections_are_seen_in_every_task(postgres: str, statements: Any) -> None:
    async def main() -> None:
        async with asyncpg.create_pool(
            f"postgres://postgres@{postgres}/postgres", min_size=1, max_size=2
        ) as pool:

            async def one(number: int) -> None:
                async with pool.acquire() as connection:
                    assert await connection.fetchval("SELECT $1::int", number) == number

            await asyncio.gather(*map(one, range(4)))
            assert await pool.fetchval("SELECT 9") == 9

    found = statements(lambda: asyncio.run(main()))
    assert [text for text in found if "UNLISTEN" not in text] == [*["SELECT $1::int"] * 4, "SELECT 9"]


def test_outside_of_a_trace_nothing_is_recorded(postgres: str, seen: Any) -> None:
    async def main() -> None:
        connection = await asyncpg.connect(f"postgres://postgres@{postgres}/postgres")
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()

    asyncio.run(main())
    assert not seen
