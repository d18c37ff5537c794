"""psycopg on a real PostgreSQL: every statement once, whoever else sees it; literals stay here."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.ext.asyncio import create_async_engine

from fanlight.recording.bus import subscribe

SECRET = "hunter2"


@pytest.fixture
def dsn(postgres: str) -> str:
    host, _, port = postgres.partition(":")
    return f"host={host} port={port} user=postgres dbname=postgres"


def test_every_way_to_execute_is_one_leaf(dsn: str, statements: Any) -> None:
    def work() -> None:
        with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
            assert cursor.execute("CREATE TEMP TABLE t (a text)") is cursor
            cursor.executemany("INSERT INTO t VALUES (%s)", [(SECRET,), ("b",)])
            assert connection.execute("SELECT a FROM t WHERE a = %s", (SECRET,)).fetchone() == (SECRET,)
            assert cursor.execute(b"SELECT count(*) FROM t").fetchone() == (2,)
            cursor.execute(query="DELETE FROM t WHERE a = 'b'")

    assert statements(work) == [
        "CREATE TEMP TABLE t (a text)",
        "INSERT INTO t VALUES (%s)",
        "SELECT a FROM t WHERE a = %s",
        "SELECT count(*) FROM t",
        "DELETE FROM t WHERE a = 'b'",
    ]


@pytest.mark.parametrize("kind", [psycopg.ClientCursor, psycopg.RawCursor, psycopg.Cursor])
def test_cursors_of_other_kinds_are_seen(kind: Any, dsn: str, statements: Any) -> None:
    def work() -> None:
        with psycopg.connect(dsn, cursor_factory=kind) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            with connection.cursor("kept") as kept:
                assert kept.execute("SELECT 2").fetchall() == [(2,)]

    assert statements(work) == ["SELECT 1", "SELECT 2"]


def test_a_composed_statement_has_its_text_and_a_broken_one_its_own_error(dsn: str, statements: Any) -> None:
    def work() -> None:
        with psycopg.connect(dsn) as connection:
            query = sql.SQL("SELECT {} AS {}").format(sql.Literal(SECRET), sql.Identifier("a"))
            assert connection.execute(query).fetchone() == (SECRET,)
            with pytest.raises(psycopg.ProgrammingError, match="cannot adapt"):
                connection.execute(sql.Composed([sql.SQL("SELECT "), sql.Literal(object())]))
            with pytest.raises(TypeError):
                connection.execute(7)

    assert statements(work) == [
        f"SELECT '{SECRET}' AS \"a\"",
        ("", "ProgrammingError"),
        ("", "TypeError"),
    ]


def test_a_failed_statement_is_recorded_and_raised(dsn: str, statements: Any) -> None:
    def work() -> None:
        with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM nowhere")

    assert statements(work) == [("SELECT * FROM nowhere", "UndefinedTable")]


def test_a_copy_is_a_span_around_what_is_done_within(dsn: str, seen: Any, statements: Any) -> None:
    def work() -> None:
        with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE t (a text)")
            with cursor.copy("COPY t FROM STDIN") as copy:
                copy.write_row([SECRET])
            with cursor.copy("COPY t TO STDOUT") as copy:
                assert list(copy.rows()) == [(SECRET,)]
            with pytest.raises(ZeroDivisionError), cursor.copy("COPY t TO STDOUT"):
                raise ZeroDivisionError

    assert statements(work) == ["CREATE TEMP TABLE t (a text)"]
    assert [payload for _, payload in seen.handled()] == [
        "COPY t FROM STDIN",
        "COPY t TO STDOUT",
        "COPY t TO STDOUT",
    ]
    [(events, _, _)] = seen[0].records
    assert {"error": "ZeroDivisionError"} in events


def test_an_asynchronous_connection_is_seen(dsn: str, seen: Any, statements: Any) -> None:
    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            async with connection.cursor() as cursor:
                await cursor.execute("CREATE TEMP TABLE t (a text)")
                await cursor.executemany("INSERT INTO t VALUES (%s)", [("a",), ("b",)])
                async with cursor.copy("COPY t TO STDOUT") as copy:
                    assert [row async for row in copy.rows()] == [("a",), ("b",)]
                with pytest.raises(psycopg.errors.UndefinedTable):
                    await cursor.execute("SELECT * FROM nowhere")
            await connection.rollback()
            async with connection.cursor("kept") as kept:
                await kept.execute("SELECT 2")
                assert await kept.fetchall() == [(2,)]

    assert statements(lambda: asyncio.run(main())) == [
        "CREATE TEMP TABLE t (a text)",
        "INSERT INTO t VALUES (%s)",
        ("SELECT * FROM nowhere", "UndefinedTable"),
        "SELECT 2",
    ]
    assert [payload for _, payload in seen.handled()] == ["COPY t TO STDOUT"]


def test_a_cancelled_statement_is_recorded(dsn: str, statements: Any) -> None:
    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connection.execute("SELECT pg_sleep(60)"), 0.2)

    [(text, error)] = statements(lambda: asyncio.run(main()))
    assert text == "SELECT pg_sleep(60)"
    # The driver may tell the server first, and raise what that answers.
    assert error in ("CancelledError", "QueryCanceled")


def test_a_statement_of_sqlalchemy_counts_once(postgres: str, statements: Any) -> None:
    address = f"postgresql+psycopg://postgres@{postgres}/postgres"
    engine = sa.create_engine(address)

    async def main() -> None:
        later = create_async_engine(address)
        async with later.connect() as connection:
            work = "SELECT 2 WHERE 'a' = :a"
            assert (await connection.execute(sa.text(work), {"a": "a"})).all() == [(2,)]
        await later.dispose()

    def work() -> None:
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1 WHERE 'a' = :a"), {"a": "a"}).all() == [(1,)]
        asyncio.run(main())

    with engine.connect():
        pass  # what the dialect asks once, when it connects first
    found = [payload for payload in statements(work) if "WHERE 'a'" in payload]
    engine.dispose()
    assert found == [
        "SELECT 1 WHERE 'a' = %(a)s",
        "SELECT 2 WHERE 'a' = %(a)s",
    ]


def test_listeners_hear_of_statements_and_copies(dsn: str, statements: Any) -> None:
    heard: list[Any] = []

    def work() -> None:
        with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            with cursor.copy("COPY (SELECT 1) TO STDOUT") as copy:
                assert list(copy.rows()) == [("1",)]

    with subscribe("sql.query", lambda *what: heard.append(what[4])):
        statements(work)
    assert heard == [{"sql": "SELECT 1"}, {"sql": "COPY (SELECT 1) TO STDOUT"}]


def test_outside_of_a_trace_nothing_is_recorded(dsn: str, seen: Any) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with cursor.copy("COPY (SELECT 1) TO STDOUT") as copy:
            assert list(copy.rows()) == [("1",)]
    assert not seen
