"""Patterns that are compiled when they are first asked answer what compiled ones do."""

from __future__ import annotations

import re

import pytest

from fanlight.event.lazy import ASKED, lazily


def test_the_first_question_compiles_and_all_are_answered_alike() -> None:
    lazy, eager = lazily(r"(A)b+", re.IGNORECASE), re.compile(r"(A)b+", re.IGNORECASE)
    assert lazy.findall("ab aBB") == eager.findall("ab aBB") == ["a", "a"]
    assert all(hasattr(lazy, name) and hasattr(eager, name) for name in ASKED)
    assert lazy.pattern == eager.pattern
    assert lazy.sub("x", "ab") == "x"
    assert lazy.fullmatch("abc") is None


def test_what_no_pattern_can_be_asked_is_refused() -> None:
    with pytest.raises(AttributeError, match="no 'nothing'"):
        lazily("a").nothing  # type: ignore[attr-defined]  # noqa: B018 asking is the test
