"""One dialect: both engines find the same, and what only one of them reads is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import QueryError
from fanlight.query import regex
from fanlight.query.plan import held
from fanlight.query.regex import Reading, plain, searcher

re2 = pytest.importorskip("re2")

ALPHABET = list("ab01_ .-\n\t\rß\x0b\x1c[]{}()$^*+?|")
subjects = st.text(st.sampled_from(ALPHABET), max_size=12)
atoms = st.sampled_from(
    [
        *("a", "b", "0", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\b", r"\B", ".", "ß", r"\.", r"\x61"),
        *(
            r"\n",
            "[ab]",
            "[^a]",
            r"[\d_]",
            r"[^\W0]",
            "[]a]",
            "[a&&b]",
            "[[a]",
            "[a-b|]",
            "[!--]",
            "[--b]",
            "[_-]",
            r"\[",
            "{",
            "{,2}",
        ),
        *("]", "_", " ", r"\x{df}", r"\z", r"\A", "^", "$", "(?i:B)", "(?P<n>a)"),
    ]
)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{0,}"])).map("".join),
        inner.map(lambda part: f"(?:{part})"),
    ),
    max_leaves=6,
)


@given(patterns, subjects, st.booleans())
def test_both_engines_find_the_same(pattern: str, subject: str, fold: bool) -> None:
    try:
        reading = Reading(pattern)
        standard = re.compile(reading.run(), re.IGNORECASE if fold else 0)
    except (QueryError, re.error):
        return
    if reading.nested is not None:
        return
    assert bool(standard.search(subject)) == bool(searcher(pattern, fold=fold)(subject)), reading.run()


@given(patterns, subjects)
def test_what_a_pattern_is_said_to_hold_is_held(pattern: str, subject: str) -> None:
    try:
        found = searcher(pattern)(subject)
    except QueryError:
        return
    if found:
        assert held(pattern) in subject


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("abc", "abc"), (r"a\.b", "a.b"), (r"a\d", None), ("a.b", None), (r"a\\b", "a\\b"), ("", "")],
)
def test_a_pattern_without_anything_special_is_a_text(pattern: str, text: str | None) -> None:
    assert plain(pattern) == text


def test_without_the_engine_the_standard_library_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "re2", None)
    regex.searcher.cache_clear()
    try:
        assert searcher(r"^\d+$")("66")
        assert not searcher(r"^\d+$")("66\n")
        with pytest.raises(QueryError, match=r"install fanlight\[server\]") as caught:
            searcher("(a+)+b")
        assert caught.value.column == 5
    finally:
        regex.searcher.cache_clear()


def test_with_the_engine_a_repetition_of_a_repetition_ends() -> None:
    assert not searcher("(a+)+b")("a" * 10_000)


def test_lone_surrogates_are_searched() -> None:
    assert searcher("x.y")(b"\xffx\xfey".decode("utf-8", "surrogateescape"))


@given(
    text=st.text(st.sampled_from("ab./^é\n\\"), min_size=1, max_size=4),
    marks=st.sampled_from([("", ""), ("^", ""), ("", "$"), ("^", "$")]),
    subject=st.text(st.sampled_from("ab./^é\n\\"), max_size=8),
)
def test_texts_are_compared_as_engines_find_them(text: str, marks: tuple[str, str], subject: str) -> None:
    pattern = marks[0] + re.escape(text).replace("\\\n", "\n") + marks[1]
    quick = regex.comparing(pattern)
    if quick is not None:
        assert bool(quick(subject)) == bool(re2.search(pattern.replace("$", r"\z"), subject))
    assert regex.comparing("a|b") is None
    assert regex.comparing("a\\$") is None


def test_a_pattern_with_bytes_that_are_no_text_finds_them() -> None:
    assert searcher("caf\udce9+$")("x caf\udce9")
    assert not searcher("caf\udce9+$")("x café")
    with pytest.raises(QueryError, match="for ever"):
        searcher("(a+)+\udce9")
