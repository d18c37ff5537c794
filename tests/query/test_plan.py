"""The prefilter never rejects what the predicate selects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import Event, Property, Query
from fanlight.query.plan import Literal

WORDS = [
    "red",
    "Blue",
    "GET",
    "/api",
    "500",
    "503",
    "größe",
    "K",
    "busy",
    "a.b",
    "x y",
    "true",
    "12:00",
    "1..5",
]
words = st.sampled_from(WORDS)
values = st.lists(st.sampled_from([*WORDS, "\u212a", "bu\u017fy"]), min_size=1, max_size=3).map(" ".join)
terms = st.one_of(
    words.map(lambda word: f'"{word}"'),
    words.map(lambda word: f"/{word.replace('/', '.')}/"),
    st.builds(
        '{}{}"{}"'.format, st.sampled_from(["a", "b"]), st.sampled_from([":", "=", "~", "!=", ">"]), words
    ),
    st.builds('a in ("{}", "{}")'.format, words, words),
    st.just("exists(a)"),
)
queries = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' OR '.join(parts)})"),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=5,
)


def number_or_text(text: str) -> int | str:
    return int(text) if text.isdigit() else text


@given(queries, values, values, st.sampled_from(["", "--case-sensitive ", "--case-insensitive "]))
def test_prefilter_and_predicate_select_what_the_predicate_selects(
    text: str, one: str, two: str, flag: str
) -> None:
    query = Query(flag + text)
    event = Event([Property("a", number_or_text(one)), Property("b", two)])
    event.append_raw_line(f"{one}\t{two}")
    needed = query.literals()
    if query.matches(event):
        assert needed is None or needed.passes((event.raw or "").encode())


@pytest.mark.parametrize(
    ("text", "conjuncts"),
    [
        ("", None),
        ("red blue", [["red", "blue"]]),
        ("Red level:WARN", [["red"], ["=WARN"]]),
        ("url:'^/api/.*' AND status:5xx", [["=/api/"]]),
        ("status:500", None),
        ("NOT red", None),
        ("red OR status>500", None),
        ("(red x:y) OR blue", [["red", "blue"]]),
        ("grün", [["gr"]]),
        ("x:a.*bcd?", [["=bc"]]),
        ("x:a|b", None),
        ("x in (red, blue)", [["=red", "=blue"]]),
        ("x in (red, 5)", None),
        (r"/order \d+ lost/", None),
        ("/order [0-9]+ lost/", [["order "]]),
        ("last:1h", None),
        ("/basket/", [["ba"]]),
        ("/K/", None),
        ("--case-insensitive x~busy y:sky z=sk", [["bu"], ["y"], ["sk"]]),
        ("--case-sensitive /basket/ x:busy", [["=basket"], ["=busy"]]),
    ],
)
def test_what_a_raw_line_must_hold(text: str, conjuncts: list[list[str]] | None) -> None:
    def literal(word: str) -> Literal:
        return Literal(word.removeprefix("="), fold=not word.startswith("="))

    needed = Query(text).literals()
    told = None if needed is None else list(needed.conjuncts)
    assert told == (None if conjuncts is None else [tuple(map(literal, some)) for some in conjuncts])


def test_a_format_with_escapes_lets_lines_with_one_pass() -> None:
    needed = Query("naïve").literals()
    assert needed is not None
    assert not needed.passes(b'{"a": "n\\u0061ive"}')
    assert needed.passes(b'{"a": "n\\u0061\\u00efve"}', b"\\")
    assert [[one.plain for one in some] for some in needed.conjuncts] == [[True]]
