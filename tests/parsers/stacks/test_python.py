"""What the interpreter itself writes of exceptions is read back as the exceptions they were."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.parsers import stacks

if TYPE_CHECKING:
    from fanlight.event.event import Event

ONES = st.builds(
    lambda kind, text: kind(text),
    st.sampled_from([ValueError, KeyError, OSError, RuntimeError]),
    st.sampled_from(["", "no route", "two\nlines", "Traceback, not one", "a: b"]),
)


def grouped(inner: st.SearchStrategy[BaseException]) -> st.SearchStrategy[BaseException]:
    return st.builds(lambda some: ExceptionGroup("many", some), st.lists(inner, min_size=1, max_size=3))


def linked(error: BaseException, before: BaseException, is_cause: bool) -> BaseException:
    if error is not before and not isinstance(before, BaseExceptionGroup) and error.__context__ is None:
        if is_cause:
            error.__cause__ = before
        error.__context__ = before
    return raised(error)


def raised(error: BaseException) -> BaseException:
    """Answer an exception with a traceback of its own."""
    context = error.__context__
    try:
        throw(error)
    except BaseException as caught:
        caught.__context__ = context
    return error


def throw(error: BaseException) -> None:
    raise error


EXCEPTIONS = st.recursive(
    ONES,
    lambda inner: st.one_of(
        grouped(inner),
        st.builds(linked, inner, inner, st.booleans()),
    ),
    max_leaves=6,
)


def shape(error: BaseException) -> dict[str, Any]:
    """Answer what there is to be known of an exception, as its event tells it."""
    found: dict[str, Any] = {"exception": type(error).__name__}
    if isinstance(error, BaseExceptionGroup):
        found["parts"] = [shape(part) for part in error.exceptions]
    if error.__cause__ is not None:
        found["cause"] = shape(error.__cause__)
    elif error.__context__ is not None:
        found["context"] = shape(error.__context__)
    return found


def told(event: Event) -> dict[str, Any]:
    """Answer the same of an event."""
    found: dict[str, Any] = {"exception": event.value("exception")}
    for name in ("cause", "context"):
        if name in event:
            found[name] = told(event[name])
    if "parts" in event:
        found["parts"] = [told(part) for part in event["parts"]]
    return found


@given(error=EXCEPTIONS)
def test_what_the_interpreter_writes_is_read_back(error: BaseException) -> None:
    text = "it broke\n" + "".join(traceback.format_exception(raised(error))).rstrip("\n")
    found = stacks.begin(text.encode())
    assert found is not None
    place, language = found
    # One that was never raised has no traceback; the first of a chain then looks like text.
    if place == len("it broke"):
        assert told(stacks.read(text.encode()[place:], language, b"")) == shape(error)


def test_an_exception_that_another_was_raised_from_far_too_often_is_read() -> None:
    one = "Traceback (most recent call last):\nValueError: 1\n\n"
    chain = "The above exception was the direct cause of the following exception:\n\n"
    text = ("\n" + (one + chain) * 5000 + one).encode()
    found = stacks.begin(text)
    assert found is not None
    event = stacks.read(text, found[1], b"")
    assert 10 < sum(1 for _ in event.walk()) < 100


@pytest.mark.parametrize("depth", [5, 500])
def test_groups_in_groups_are_read_to_a_depth(depth: int) -> None:
    lines = ["  + Exception Group Traceback (most recent call last):", "  | ExceptionGroup: 0"]
    for level in range(1, depth):
        margin = "  " * level
        lines += [f"{margin}+-+---------------- 1 ----------------", f"{margin}  | ExceptionGroup: {level}"]
    text = ("\n" + "\n".join(lines)).encode()
    found = stacks.begin(text)
    assert found is not None
    event = stacks.read(text, found[1], b"")
    assert sum(1 for _ in event.walk()) == min(depth, 17)
