"""Django's database layer: every statement once, failed ones too, and nothing else changes."""

from __future__ import annotations

import sqlite3
import sys
from typing import TYPE_CHECKING, Any

import pymysql
import pymysql.converters
import pytest
from django.db import connection, connections, models
from django.db.backends.utils import CursorDebugWrapper
from django.db.utils import ConnectionHandler, OperationalError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Product(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return self.name


@pytest.fixture
def trace(statements: Any) -> Iterator[Any]:
    """Answer what `statements` does, on a database of the test's own."""
    connection.ensure_connection()
    yield statements
    connection.close()


def test_every_way_to_execute_is_one_leaf(trace: Any) -> None:
    def work() -> None:
        with connection.schema_editor() as editor:
            editor.create_model(Product)
        Product.objects.create(name="a")
        Product.objects.bulk_create([Product(name="b"), Product(name="c")])
        assert list(Product.objects.filter(name="b").values_list("name", flat=True)) == ["b"]
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE shop_product SET name = %s WHERE id = %s", [("x", 1), ("y", 2)])
        assert [each.name for each in Product.objects.raw("SELECT * FROM shop_product")] == ["x", "y", "c"]
        assert Product.objects.filter(name="x").iterator().__next__().name == "x"

    found = [each for each in trace(work) if "shop_product" in each]
    assert [each.split()[0] for each in found] == [
        *("CREATE", "INSERT", "INSERT", "SELECT", "UPDATE", "SELECT", "SELECT")
    ]
    assert not any("'" in each for each in found)


def test_a_failed_statement_is_recorded_and_raised(trace: Any) -> None:
    def work() -> None:
        with connection.cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT * FROM nowhere")

    assert trace(work) == [("SELECT * FROM nowhere", "OperationalError")]


def test_a_statement_that_the_driver_records_counts_once(trace: Any) -> None:
    class Recording(sqlite3.Cursor):
        fanlight_records = True

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.cursor = Recording(connection.connection)
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)

    assert trace(work) == []


@pytest.mark.parametrize("driver", ["psycopg", "pymysql"])
def test_a_statement_through_a_real_driver_counts_once(
    driver: str, trace: Any, request: Any, monkeypatch: Any
) -> None:
    """The drivers record by themselves."""
    if driver == "psycopg":
        host, _, port = request.getfixturevalue("postgres").partition(":")
        place = {"ENGINE": "django.db.backends.postgresql", "HOST": host, "PORT": port, "USER": "postgres"}
        place["NAME"] = "postgres"
    else:
        # Django asks for another driver's name and version; this one can stand in for it.
        monkeypatch.setattr(pymysql, "version_info", (2, 2, 8, "final", 0))
        monkeypatch.setattr(pymysql, "__version__", "2.2.8")
        for name in ("MySQLdb", "MySQLdb.constants", "MySQLdb.converters"):
            monkeypatch.setitem(sys.modules, name, sys.modules[name.replace("MySQLdb", "pymysql")])
        port = str(request.getfixturevalue("mariadb"))
        place = {"ENGINE": "django.db.backends.mysql", "HOST": "127.0.0.1", "PORT": port, "USER": "root"}
        place["NAME"] = "mysql"
    made = ConnectionHandler({"default": place})["default"]
    made.ensure_connection()

    def work() -> None:
        with made.cursor() as cursor:
            cursor.execute("SELECT %s", ["hunter2"])
            assert cursor.fetchall() in ([("hunter2",)], (("hunter2",),))
            cursor.execute("SELECT 2")

    assert trace(work) == ["SELECT %s", "SELECT 2"]
    made.close()


def test_with_debugging_on_a_statement_counts_once(trace: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)

    def work() -> None:
        with connection.cursor() as cursor:
            assert isinstance(cursor, CursorDebugWrapper)
            cursor.execute("SELECT 1", None)

    assert trace(work) == ["SELECT 1"]


def test_what_django_asks_to_show_a_statement_under_debug_is_left_out(trace: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
    connection.queries_log.clear()

    def work() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, %s", [1, "a"])

    assert trace(work) == ["SELECT %s, %s"]
    assert connection.queries_log[0]["sql"] == "SELECT 1, 'a'"


def test_a_composed_statement_is_recorded_as_its_text(trace: Any) -> None:
    class Composed:
        def as_string(self, context: Any) -> str:
            assert context is connection.connection
            return "SELECT 2"

    class Wordless:
        pass

    def work() -> None:
        with connection.cursor() as cursor:
            for statement in (Composed(), Wordless()):
                with pytest.raises(TypeError):
                    cursor.execute(statement)

    assert trace(work) == [("SELECT 2", "TypeError"), ("", "TypeError")]


def test_outside_of_a_trace_nothing_is_recorded(seen: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    connection.close()
    assert not seen
