"""PyMySQL on a real MariaDB: every statement once, without what was put into it."""

from __future__ import annotations

from typing import Any

import pymysql
import pymysql.cursors
import pytest
import sqlalchemy as sa

from fanlight.normalizers import normalize

SECRET = "hunter2"


def connect(port: int, **options: Any) -> Any:
    return pymysql.connect(host="127.0.0.1", port=port, user="root", **options)


def test_every_way_to_execute_is_one_leaf(mariadb: int, statements: Any, seen: Any) -> None:
    def work() -> None:
        with connect(mariadb) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
            cursor.execute("CREATE TEMPORARY TABLE shop.t (a text)")
            assert cursor.executemany("INSERT INTO shop.t (a) VALUES (%s)", [(SECRET,), ("b",)]) == 2
            assert cursor.executemany("UPDATE shop.t SET a = %s WHERE a = %s", [("c", "b"), ("d", "x")]) == 1
            assert cursor.execute("SELECT a FROM shop.t WHERE a = %s", (SECRET,)) == 1
            assert cursor.fetchone() == (SECRET,)
            cursor.execute(query="SELECT %(a)s", args={"a": SECRET})
            cursor.execute(b"SELECT 7")

    assert statements(work) == [
        "CREATE DATABASE IF NOT EXISTS shop",
        "CREATE TEMPORARY TABLE shop.t (a text)",
        "INSERT INTO shop.t (a) VALUES (%s)",
        "UPDATE shop.t SET a = %s WHERE a = %s",
        "SELECT a FROM shop.t WHERE a = %s",
        "SELECT %(a)s",
        "SELECT 7",
    ]
    assert seen.titles()[2:5] == ["INSERT INTO shop.t", "UPDATE shop.t", "SELECT FROM shop.t"]


@pytest.mark.parametrize(
    "kind", [pymysql.cursors.DictCursor, pymysql.cursors.SSCursor, pymysql.cursors.SSDictCursor]
)
def test_cursors_of_other_kinds_are_seen(kind: Any, mariadb: int, statements: Any) -> None:
    def work() -> None:
        with connect(mariadb, cursorclass=kind) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 AS one")
            assert cursor.fetchall() in ([{"one": 1}], [(1,)])

    assert statements(work) == ["SELECT 1 AS one"]


def test_a_procedure_is_seen_by_its_name(mariadb: int, statements: Any, seen: Any) -> None:
    def work() -> None:
        with connect(mariadb) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
            connection.select_db("shop")
            cursor.execute("CREATE OR REPLACE PROCEDURE pay(IN a text) SELECT 7")
            assert cursor.callproc("pay", (SECRET,)) == (SECRET,)
            assert cursor.fetchone() == (7,)

    assert statements(work)[2:] == ["CALL pay()"]
    assert seen.titles()[2:] == ["CALL pay"]


def test_failed_statements_are_recorded_and_raised(mariadb: int, statements: Any) -> None:
    def work() -> None:
        with connect(mariadb) as connection, connection.cursor() as cursor:
            with pytest.raises(pymysql.err.ProgrammingError):
                cursor.execute("SELECT * FROM mysql.nowhere")
            with pytest.raises(pymysql.err.ProgrammingError):
                cursor.executemany("INSERT INTO mysql.nowhere VALUES (%s)", [(SECRET,)])
            cursor.execute("SELECT 1")

    assert statements(work) == [
        ("SELECT * FROM mysql.nowhere", "ProgrammingError"),
        ("INSERT INTO mysql.nowhere VALUES (%s)", "ProgrammingError"),
        "SELECT 1",
    ]


@pytest.mark.parametrize("through", ["the driver", "sqlalchemy"])
def test_what_this_server_takes_for_a_string_stays_here(
    mariadb: int, statements: Any, seen: Any, through: str
) -> None:
    engine = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{mariadb}/mysql")
    text = f'SELECT "{SECRET}", "a" WHERE "{SECRET}" = "{SECRET}"'

    def work() -> None:
        if through == "sqlalchemy":
            with engine.connect() as connection:
                assert connection.execute(sa.text(text)).all() == [(SECRET, "a")]
            return
        with connect(mariadb) as connection, connection.cursor() as cursor:
            cursor.execute(text)
            assert cursor.fetchone() == (SECRET, "a")

    assert statements(work)[-1] == text
    assert normalize(*seen.leaves("sql.query")[-1])[2] == "SELECT ?, ? WHERE ? = ?"
    engine.dispose()


def test_a_statement_of_sqlalchemy_counts_once(mariadb: int, statements: Any) -> None:
    engine = sa.create_engine(f"mysql+pymysql://root@127.0.0.1:{mariadb}/mysql")

    def work() -> None:
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1 WHERE 'a' = :a"), {"a": "a"}).all() == [(1,)]

    with engine.connect():
        pass  # what the dialect asks once, when it connects first
    assert statements(work) == ["SELECT 1 WHERE 'a' = %(a)s"]
    engine.dispose()


def test_outside_of_a_trace_nothing_is_recorded(mariadb: int, seen: Any) -> None:
    with connect(mariadb) as connection, connection.cursor() as cursor:
        assert cursor.execute("SELECT 1") == 1
    assert not seen
