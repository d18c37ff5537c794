"""A connection's tables grow in step with its client, within bounds."""

from __future__ import annotations

from array import array

import pytest

from fanlight.aggregate import tables
from fanlight.aggregate.tables import LOCATION, Table
from fanlight.errors import WireError


def message(first_string=1, strings=(), first_kind=0, kinds=(), generation=1):
    columns = zip(*kinds, strict=True) if kinds else ((), (), ())
    names = ("kind_category", "kind_title", "kind_description")
    filled = {name: array("I", column) for name, column in zip(names, columns, strict=True)}
    return {
        "generation": generation,
        "first_string": first_string,
        "strings": list(strings),
        "first_kind": first_kind,
        **filled,
    }


def test_entries_are_appended_and_kinds_may_name_new_strings():
    table = Table().extended(message(strings=["db", "SELECT"], kinds=[(1, 2, 0)]))
    same = table.extended(message(first_string=3, strings=["location"], first_kind=1, kinds=[(1, 2, 3)]))
    assert same is table
    assert table.strings == ["", "db", "SELECT", "location"]
    assert table.kinds == [(1, 2, 0), (1, 2, 3)]
    assert table.keys == {LOCATION: 3}


def test_a_table_without_strings_need_not_say_where_they_begin():
    table = Table().extended(message(strings=["db"]))
    assert table.extended(message(first_string=0, first_kind=0, kinds=[(1, 1, 1)])).kinds == [(1, 1, 1)]


def test_a_new_generation_or_a_resent_table_starts_anew():
    table = Table().extended(message(strings=["old"]))
    assert table.extended(message(strings=["new"], generation=2)).strings == ["", "new"]
    assert table.extended(message(strings=["again"])).strings == ["", "again"]
    assert table.strings == ["", "old"]


@pytest.mark.parametrize(
    "wrong",
    [
        message(first_string=2, strings=["gap"]),
        message(first_kind=1, kinds=[(0, 0, 0)]),
        message(kinds=[(0, 0, 1)]),
        {**message(), "kind_title": array("I", [0])},
        message(strings=["x"] * tables.MAX_STRINGS),
        message(strings=["x" * 4096] * 1025),
        message(kinds=[(0, 0, 0)] * (tables.MAX_KINDS + 1)),
    ],
)
def test_a_gap_a_stray_index_or_a_flood_is_refused(wrong):
    with pytest.raises(WireError):
        Table().extended(wrong)


def test_an_overlong_string_is_cut():
    table = Table().extended(message(strings=["x" * 5000]))
    assert len(table.strings[1]) == tables.MAX_LENGTH
    assert table.strings[1].endswith("…")
