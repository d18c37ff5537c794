"""Queries are read, print themselves, and select what the tables say."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import Event, Property, Query
from fanlight.errors import QueryError
from fanlight.event.control import EndOfStream, Fault, Shutdown
from fanlight.event.event import UNTIMED
from fanlight.event.times import Time
from fanlight.event.units import parse_quantity
from fanlight.query import lexer
from fanlight.query.moments import moment

HERE = Path(__file__).parent
NOON_NS = 1_767_268_800_000_000_000
"""2026-01-01 12:00 UTC."""


def cases(name: str) -> list[dict[str, Any]]:
    return tomllib.loads((HERE / f"{name}.toml").read_text())["case"]


def read(text: str) -> Query:
    return Query(text, now_ns=NOON_NS, zone=UTC)


def event_of(given: dict[str, Any]) -> Event:
    when: Any = UNTIMED
    properties = []
    for name, value in given.items():
        if name == "time":
            ns = moment(value, NOON_NS, UTC)
            assert ns is not None
            when = Time(ns)
        elif name == "duration":
            properties.append(Property(name, parse_quantity(value)[0], "duration"))
        elif isinstance(value, dict) and "event" in value:
            properties.append(Property(name, event_of(value["event"])))
        else:
            properties.append(Property(name, value))
    return Event(properties, time=when)


piece = st.sampled_from(
    [
        *[
            "status",
            "größe",
            "#1",
            "@x",
            "from",
            "exists(",
            "(",
            ")",
            '"',
            "'",
            "/re/",
            "//",
            "NOT",
            "-",
            "!",
            "and",
            "OR",
            "|",
            "--x",
        ],
        *[
            ":",
            ":",
            ":",
            "=",
            "!~",
            ">",
            "<=",
            "5xx",
            ">1s",
            "-5",
            ".5",
            "1..5",
            "^/api",
            "a[0]",
            "[g]",
            "\\(",
            "{",
            "٣",
        ],
        *(" ", " ", "\t", "\x1c", "\u00a0", " in ("),
    ]
)


@given(text=st.lists(piece, max_size=8).map("".join))
def test_a_usual_comparison_is_read_as_any_other(text: str) -> None:
    def tokens() -> Any:
        try:
            return [(*token, getattr(token[1], "at", None)) for token in lexer.lex(text)]
        except QueryError as error:
            return str(error)

    with pytest.MonkeyPatch.context() as patch:
        found = tokens()
        patch.setattr(lexer, "USUAL", re.compile("(?!)"))
        assert found == tokens()


@pytest.mark.parametrize("case", cases("grammar"), ids=lambda case: case["name"])
def test_a_text_is_read_as_the_table_says(case: dict[str, Any]) -> None:
    query = Query.from_args(case["args"]) if "args" in case else Query(case["text"])
    assert str(query) == case["is"]
    assert str(Query(case["is"])) == case["is"]


@pytest.mark.parametrize("case", cases("errors"), ids=lambda case: case["text"])
def test_an_error_has_a_code_a_column_and_a_caret(case: dict[str, Any]) -> None:
    with pytest.raises(QueryError) as caught:
        read(case["text"])
    error = caught.value
    assert (error.code, error.column) == (case["code"], case["column"])
    assert case["says"] in str(error)
    assert error.caret == f"{case['text']}\n{' ' * (case['column'] - 1)}^"


def test_an_argument_that_begins_with_a_quote_has_to_end_with_it() -> None:
    for argument, column in (('"refused', 1), ("path='/api", 6), ('level:"warn', 7), ("x~'a", 3)):
        with pytest.raises(QueryError) as caught:
            Query.from_args([argument])
        assert (caught.value.code, caught.value.column) == ("unbalanced-quote", column)
    assert str(Query.from_args(["it's", '5"'])) == '"it\'s" OR "5\\""'


@pytest.mark.parametrize("case", cases("meaning"), ids=lambda case: f"{case['query']} {case['event']}")
def test_a_query_selects_what_the_table_says(case: dict[str, Any]) -> None:
    assert read(case["query"]).matches(event_of(case["event"])) is case["selected"]


def test_keywords_beside_one_another_are_told() -> None:
    assert read("red blue").keywords_united
    assert read("a:1 (red blue)").keywords_united
    assert not read("red OR blue").keywords_united
    assert not read("red a:1 -blue").keywords_united


def test_control_events_are_always_selected() -> None:
    for event in (EndOfStream(), Shutdown(), Fault("no such month")):
        for text in ("a:b AND red from:-1m", "NOT month", "NOT exists(raw)", "kind=trace", "/^$/ -fault"):
            assert read(text).matches(event), text


def test_bounds_are_inclusive_and_narrow_each_other() -> None:
    query = read("from:-2h from:-1h to:now until:-30m x")
    assert query.bounds() == (NOON_NS - 3600 * 10**9, NOON_NS - 1800 * 10**9)
    assert query.selects(NOON_NS - 3600 * 10**9)
    assert not query.selects(Time(NOON_NS - 3600 * 10**9 - 1))
    assert query.selects(None)
    assert read("x").bounds() == (None, None)


def test_names_that_are_looked_up() -> None:
    query = read("red status:5xx NOT (span.title=x OR exists(user)) | stats p95(duration) by path | sort -n")
    assert query.fields() == {"status", "span", "span.title", "user", "duration", "path", "n"}
    assert read('status-code:1 "elapsed":2 headers.Host:x').fields() == {
        *("status-code", "status", "elapsed", "headers", "headers.Host")
    }


def test_a_lazy_event_is_not_read_for_a_keyword_that_its_raw_line_has() -> None:
    class Unreadable:
        def fill(self, event: Event) -> None:
            raise AssertionError

    line = b"a Red line"
    assert read("red").matches(Event.lazy(Unreadable(), line, 1))
    with pytest.raises(AssertionError):
        read("blue").matches(Event.lazy(Unreadable(), line, 1))


texts = st.text(
    st.sampled_from(list("abAB12 .:-_/()|\"'\\=<>!~#,*+[]{}^$ß\u0130\u017f\u212a\t\n"))
    | st.characters(codec="utf-8"),
    min_size=1,
    max_size=12,
)
names = st.sampled_from(["status", "a.b", "from", "größe", "a b", 'q"t', "#1", "span.title", "x"]) | texts
numbers = st.sampled_from(["5xx", "1..5", "250ms", "4KiB", "-3", "1e5", "12:00", "true", ">5", "now-2h"])


@st.composite
def terms(draw: st.DrawFn) -> str:
    from fanlight.query.nodes import quoted

    sort = draw(st.integers(0, 5))
    if sort == 0:
        return quoted(draw(texts))
    name = draw(names)
    simple = name in ("status", "a.b", "größe", "#1", "span.title", "x")
    path = name if simple and draw(st.booleans()) else quoted(name)
    if sort == 1:
        return f"exists({path})"
    value = quoted(draw(numbers | texts.filter(str.isalnum)))
    if sort == 2:
        return f"{path} in ({value}, {value})"
    return f"{path}{draw(st.sampled_from([':', '=', '!=', '~', '!~', '>', '>=', '<', '<=']))}{value}"


queries = st.recursive(
    terms(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" AND ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=6,
)


def read_or_error(text: str) -> Query | QueryError:
    try:
        return read(text)
    except QueryError as error:
        return error


@given(queries)
def test_a_printed_query_reads_as_the_same_query(text: str) -> None:
    query = read_or_error(text)
    if isinstance(query, QueryError):
        assert query.code == "bad-regex"
        return
    assert read(str(query)) == query
    assert str(read(str(query))) == str(query)


@given(st.text(st.sampled_from(list("abfrom1259 .:-_/()|\"'\\=<>!~#,*?+[]{}^$\n")), max_size=40))
def test_any_text_is_a_query_or_an_error_with_a_column(text: str) -> None:
    query = read_or_error(text)
    if isinstance(query, QueryError):
        assert 1 <= query.column <= len(text) + 1
        return
    assert read(str(query)) == query


@given(st.lists(texts, max_size=4))
def test_any_arguments_are_a_query_or_an_error(args: list[str]) -> None:
    try:
        query = Query.from_args(args, now_ns=NOON_NS)
    except QueryError:
        return
    assert read(str(query)) == query


def test_a_query_is_read_and_compiled_in_few_calls(calls: Any) -> None:
    """`make bench` has the microseconds, in its part `files`."""

    def compile_one() -> None:
        Query("status:5xx duration:>1s", now_ns=NOON_NS)

    compile_one()  # what is imported or kept the first time is over
    assert calls(compile_one) <= 150
