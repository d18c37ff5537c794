"""Patterns about bytes: which of them no number can match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.pipeline.files.needles import needs_letter


@pytest.mark.parametrize("source", ["zzzq+", "ord[0-9]+", "(a|1)b", r"\d+ms", "5xx"])
def test_a_pattern_with_a_letter_of_its_own_matches_no_number(source: str) -> None:
    assert needs_letter(source)


@pytest.mark.parametrize(
    "source", ["a*1", "a?", "(a|1)", "a|1", "[a1]", r"\x31", r"\w", "a{0,2}5", r"\d", "(ab)?"]
)
def test_any_other_may(source: str) -> None:
    assert not needs_letter(source)


@given(source=st.text("ab19-()|*+?.[]{}0,\\dw", max_size=8), number=st.integers(-(10**12), 10**12))
def test_no_number_matches_what_needs_a_letter(source: str, number: int) -> None:
    try:
        found = re.search(source, str(number))
    except (re.error, FutureWarning):
        return
    assert not (found and needs_letter(source))
