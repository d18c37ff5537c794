"""The bar of where the time went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.server.split import PARTS, split
from fanlight.web import wording
from fanlight.web.pages.division import division

owns = st.lists(
    st.tuples(
        st.sampled_from(["app.view", "db.sql", "api.http", "cache.get", "view.render", "noise.gc", "x"]),
        st.integers(1, 10**10),
    ),
    min_size=1,
    max_size=12,
)


@given(owns, st.integers(1, 10**10), st.none() | st.integers(1, 10**10))
def test_parts_stand_side_by_side_in_their_order_and_fill_the_bar(owns, duration_ns, waited_ns):
    told = split(owns, duration_ns, waited_ns)
    parts = division(told)
    assert len(parts) == sum(1 for each in told if each["time"]), "a part that took any time is there"
    order = [each["part"] for each in told]
    assert order == [part for part in PARTS if part in order]
    at = 0.0
    for each, part in zip((each for each in told if each["time"]), parts, strict=True):
        assert part["x"] == pytest.approx(at, abs=0.06)
        at += each["share"] * 1000
        assert part["x"] + part["width"] <= max(at, part["x"] + 0.5) + 0.11
    assert at == pytest.approx(1000)


@given(owns, st.integers(1, 10**10), st.none() | st.integers(1, 10**10))
def test_the_percents_that_are_read_add_up(owns, duration_ns, waited_ns):
    told = [each["share"] for each in division(split(owns, duration_ns, waited_ns))]
    assert sum(int(share[:-1]) for share in told if share != "<1%") == 100


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([0.0294, 0.0052, 0.9654], ["3%", "<1%", "97%"]),
        ([1 / 3, 1 / 3, 1 / 3], ["34%", "33%", "33%"]),
        ([1.0], ["100%"]),
        ([0.0, 1.0], ["0%", "100%"]),
        ([], []),
    ],
)
def test_a_part_that_is_there_never_reads_as_nothing(parts, words):
    assert wording.shares(parts) == words
