"""sqlite3 and SQLAlchemy: every statement once, failed ones too, and nothing else changes."""

from __future__ import annotations

import asyncio
import sqlite3
import sqlite3.dbapi2
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from fanlight.recording.recorder import begin, finish


@pytest.mark.parametrize("module", [sqlite3, sqlite3.dbapi2])
def test_every_way_to_execute_is_one_leaf(module: Any, statements: Any) -> None:
    connection = module.connect(":memory:")

    def work() -> None:
        cursor = connection.cursor()
        assert cursor.execute("CREATE TABLE t (a)") is cursor
        cursor.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
        cursor.executescript("DELETE FROM t WHERE a = 1;")
        assert connection.execute("SELECT a FROM t WHERE a = ?", (2,)).fetchall() == [(2,)]
        connection.executemany("INSERT INTO t VALUES (:a)", [{"a": 5}])
        connection.executescript("SELECT 1;")

    assert statements(work) == [
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (?)",
        "DELETE FROM t WHERE a = 1;",
        "SELECT a FROM t WHERE a = ?",
        "INSERT INTO t VALUES (:a)",
        "SELECT 1;",
    ]
    connection.close()


def test_a_failed_statement_is_a_leaf_with_the_error(statements: Any) -> None:
    connection = sqlite3.connect(":memory:")

    def work() -> None:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            connection.execute("SELECT * FROM nowhere")

    assert statements(work) == [("SELECT * FROM nowhere", "OperationalError")]
    connection.close()


# From Python 3.13 on.
POSITIONS = pytest.mark.filterwarnings("ignore:Passing more than 1 positional:DeprecationWarning")


@POSITIONS
def test_connections_behave_as_without(tmp_path: Any, seen: Any) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", 5.0, isolation_level=None)
    assert isinstance(connection, sqlite3.Connection)
    assert connection.isolation_level is None
    connection.row_factory = sqlite3.Row
    row = connection.execute("SELECT 1 AS one").fetchone()
    assert row["one"] == 1
    assert isinstance(connection.cursor(), sqlite3.Cursor)
    with connection as entered:
        assert entered is connection
    with pytest.raises(TypeError):
        connection.execute()
    with pytest.raises(TypeError):
        connection.cursor().execute(3)
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


def test_connections_and_cursors_show_themselves_as_without(seen: Any) -> None:
    connection = sqlite3.connect(":memory:")
    own = sqlite3.connect(":memory:", factory=sqlite3.Connection)
    for ours, plain in ((connection, own), (connection.cursor(), own.cursor())):
        assert repr(ours).partition(" at ")[0] == repr(plain).partition(" at ")[0]
        assert ours.__doc__ == plain.__doc__
    connection.close()
    own.close()


class OwnCursor(sqlite3.Cursor):
    pass


class OwnConnection(sqlite3.Connection):
    pass


@POSITIONS
def test_a_factory_of_ones_own_is_left_alone(statements: Any) -> None:
    own = sqlite3.connect(":memory:", factory=OwnConnection)
    positional = sqlite3.connect(":memory:", 5.0, 0, None, True, OwnConnection)
    plain = sqlite3.connect(":memory:")
    assert type(own) is OwnConnection
    assert type(positional) is OwnConnection
    assert type(plain.cursor(OwnCursor)) is OwnCursor
    assert type(plain.cursor(factory=OwnCursor)) is OwnCursor
    for connection in (own, positional, plain):
        connection.close()


def engine(**options: Any) -> sa.Engine:
    return sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, **options)


@pytest.mark.parametrize(
    "options", [{}, {"connect_args": {"factory": OwnConnection}}], ids=["driver", "dialect"]
)
def test_a_statement_seen_by_library_and_driver_counts_once(options: Any, statements: Any) -> None:
    database = engine(**options)

    def work() -> None:
        with database.begin() as connection:
            connection.execute(sa.text("CREATE TABLE t (a INTEGER)"))
            connection.execute(sa.text("INSERT INTO t VALUES (:a)"), [{"a": 1}, {"a": 2}])
            connection.exec_driver_sql("DELETE FROM t WHERE a = 9")
            assert connection.execute(sa.text("SELECT a FROM t WHERE a = :a"), {"a": 1}).all() == [(1,)]

    with database.connect():
        pass  # what the dialect asks once, when it connects first
    assert statements(work) == [
        "CREATE TABLE t (a INTEGER)",
        "INSERT INTO t VALUES (?)",
        "DELETE FROM t WHERE a = 9",
        "SELECT a FROM t WHERE a = ?",
    ]
    database.dispose()


def test_a_cursor_taken_off_a_connection_records_and_the_librarys_own_are_plain(statements: Any) -> None:
    database = engine()
    kinds: list[type] = []
    sa.event.listen(database, "before_cursor_execute", lambda _, cursor, *rest: kinds.append(type(cursor)))

    def work() -> None:
        with database.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
            raw = connection.connection
            assert raw.cursor().execute("SELECT 2").fetchall() == [(2,)]
            assert raw.execute("SELECT 3").fetchall() == [(3,)]
        other = database.raw_connection()
        other.cursor().execute("SELECT 4")
        other.close()

    with database.connect():
        pass
    assert statements(work) == ["SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4"]
    assert kinds == [sqlite3.Cursor]
    database.dispose()


def test_statements_without_parameters_are_seen(statements: Any) -> None:
    database = engine(connect_args={"factory": OwnConnection})
    with database.connect() as connection:
        work = connection.execution_options(no_parameters=True)
        assert statements(lambda: work.exec_driver_sql("SELECT 1").all()) == ["SELECT 1"]
    database.dispose()


@pytest.mark.parametrize(
    "options", [{}, {"connect_args": {"factory": OwnConnection}}], ids=["driver", "dialect"]
)
def test_a_failed_statement_is_recorded_and_raised(options: Any, statements: Any) -> None:
    database = engine(**options)

    def work() -> None:
        with database.connect() as connection, pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT * FROM nowhere"))

    with database.connect():
        pass
    assert statements(work) == [("SELECT * FROM nowhere", "OperationalError")]
    database.dispose()


def test_an_engine_that_was_connected_before_the_hooks_is_seen(statements: Any) -> None:
    database = engine(connect_args={"factory": OwnConnection})
    with database.connect():
        pass
    # As if the engine had been made, and used, before anything was hooked.
    for name in (
        "do_execute",
        "do_executemany",
        "do_execute_no_params",
        "fanlight_records",
        "execution_ctx_cls",
    ):
        del database.dialect.__dict__[name]

    def work() -> None:
        with database.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    assert statements(work) == ["SELECT 1"]
    database.dispose()


def test_the_orm_and_options_of_an_engine_are_seen_once(statements: Any) -> None:
    class Table(orm.DeclarativeBase):
        pass

    class Product(Table):
        __tablename__ = "product"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)

    database = engine(connect_args={"factory": OwnConnection})
    Table.metadata.create_all(database)

    def work() -> None:
        with orm.Session(database.execution_options(logging_token="x")) as session:
            session.add(Product(id=1))
            session.commit()
            assert session.get(Product, 1) is not None

    payloads = statements(work)
    assert [payload.split()[0] for payload in payloads] == ["INSERT", "SELECT"]
    database.dispose()


def test_engines_for_asyncio_go_the_same_way(seen: Any) -> None:
    """The adapter that asynchronous drivers have, over a connection that is none."""
    database = engine(connect_args={"factory": OwnConnection})

    async def main() -> None:
        opened = begin("app.test", "t", "e")

        def query() -> None:
            with database.connect() as connection:
                connection.execute(sa.text("SELECT 1"))

        await sa.util.greenlet_spawn(query)
        finish(opened)

    asyncio.run(main())
    assert ("sql.query.sqlite", "SELECT 1") in seen.leaves()
    database.dispose()


def test_outside_of_a_trace_nothing_is_recorded(seen: Any) -> None:
    connection = sqlite3.connect(":memory:")
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()
    assert not seen
