"""Tables: what a writer of CSV writes is read back, headings say what the lines below hold."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import parsers
from fanlight.event.times import Time
from fanlight.parsers.parser import LineParser

if TYPE_CHECKING:
    from fanlight.event.event import Event

CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n",; '), max_size=8)


def read(text: str, name: str = "csv") -> list[Event]:
    parser = LineParser(parsers.named(name, "UTC"))
    found = [event for line in text.removesuffix("\n").split("\n") for event in parser.parse(line)]
    return [*found, *parser.close()[:-1]]


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_what_a_writer_writes_is_read_back(rows: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["a(string)", "b(string)", "c(string)"])
    writer.writerows(rows)
    events = read(out.getvalue())
    assert [[event.value(name) for name in "abc"] for event in events] == rows


def test_what_is_not_there_has_no_property_and_what_is_empty_is_empty() -> None:
    (event,) = read('a,b,c,d\n1,,"",\n')
    assert {each.name: each.value for each in event} == {"a": 1, "c": ""}


def test_fewer_cells_are_fewer_properties_and_more_are_left_out() -> None:
    few, many = read("a,b\n1\n1,2,3\n")
    assert [each.name for each in few] == ["a"]
    assert [each.value for each in many] == [1, 2]


def test_a_heading_further_down_changes_what_lines_hold() -> None:
    events = read("# time, a(int)\n01/31/26 12:00:00, 5\n# a remark\n# a(string), b\n5, x\n", "csv-headed")
    assert [[(each.name, each.value) for each in event] for event in events] == [
        [("time", Time(1769860800 * 10**9, 0)), ("a", 5)],
        [("a", "5"), ("b", "x")],
    ]


def test_columns_without_a_name_get_one_and_names_are_unique() -> None:
    (event,) = read(",a,a,size (MB)\n0,1,2,3\n")
    assert {each.name: each.value for each in event} == {"column-01": 0, "a": 1, "a-3": 2, "size (MB)": 3}


def test_a_quote_that_nothing_closes_is_a_fault_that_keeps_its_lines() -> None:
    (fault,) = read('a,b\n1,"x\n2,y\n')
    assert fault.kind == "fault"
    assert fault.value("reason") == "unbalanced quotes at position 2"
    assert fault.raw == '1,"x\n2,y'
    assert fault.value("line") == 2


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("x", "column n: cannot convert 'x' to an int"),
        ("99999999999999999999", "column n: cannot convert '99999999999999999999' to an int of 64 bits"),
    ],
)
def test_a_cell_of_another_type_is_a_fault(cell: str, reason: str) -> None:
    (fault,) = read(f"n(int),b\n{cell},1\n")
    assert fault.value("reason") == reason


@pytest.mark.parametrize(
    "heading", ["# a,,b", "# a(int,b", "# a(nonsense),b", "# a(time:),b", "# a(timeX),b"]
)
def test_a_heading_that_means_nothing_is_a_remark(heading: str) -> None:
    events = read(f"# a(int), b\n1,2\n{heading}\n3,4\n", "csv-headed")
    assert [[each.value for each in event] for event in events] == [[1, 2], [3, 4]]


def test_zeeks_types_are_its_columns() -> None:
    first = "#separator \\x09\n#fields\tts\tn\td\tname\n#types\ttime\tcount\tinterval\tstring\n"
    (event,) = read(first + "1769860800.5\t7\t0.25\t5\n#close\t2026\n", "zeek")
    assert event.time_ns == 1769860800_500000000
    assert [(each.name, each.value) for each in event][1:] == [("n", 7), ("d", 250_000_000), ("name", "5")]


def test_a_file_of_text_with_commas_is_no_table() -> None:
    found, _ = parsers.detect([b"Hello, world", b"this is text, with a comma", b"and, more, of, them"])
    assert found.name == "plain"
