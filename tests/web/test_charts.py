"""Geometry holds for any numbers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.web import charts
from fanlight.wire import buckets


def test_a_sparkline_shows_even_one_request_among_thousands():
    assert charts.sparkline([0, 5000, 1]) == "M0 16h2V0h2V15h2V16z"


def test_a_sparkline_of_nothing_draws_nothing():
    assert charts.sparkline([0] * 60) == ""
    assert charts.sparkline([]) == ""


@given(st.lists(st.integers(0, 10**9), max_size=60))
def test_a_sparkline_is_digits_and_commands_alone_and_ends_at_its_width(values):
    path = charts.sparkline(values)
    assert re.fullmatch(r"[MhVz0-9 ]*", path)
    if path:
        assert sum(int(run) for run in re.findall(r"h(\d+)", path)) == 2 * len(values)


def test_a_gap_breaks_the_line_and_a_lonely_point_is_a_dash():
    assert (
        charts.line([(0, 5), (10, 10), (20, None), (30, 0)], 10, 10) == "M0.0 50.0L10.0 0.0M25.0 100.0h10.0"
    )


def test_a_lonely_octave_gets_neighbours():
    (low, high) = (2.0**26, 2.0**26.5)
    cells = charts.cells([(low, high, 7)], 2)
    assert {cell.octave for cell in cells} == {25, 26, 27, 28, 29}
    assert [cell.number for cell in cells if cell.number] == [7]


@given(st.floats(1, 1e13))
def test_the_top_of_an_axis_is_near_and_above(value):
    top = charts.ceiling(value)
    assert value * 0.999 <= top <= value * 2.01


@given(
    st.dictionaries(st.integers(1, 1500), st.integers(1, 10**6), min_size=1), st.sampled_from([1, 2, 4, 8])
)
def test_every_request_of_a_histogram_is_in_one_cell_of_its_own_octave(histogram, per_octave):
    raw = [(buckets.upper_bound(index - 1), buckets.upper_bound(index), n) for index, n in histogram.items()]
    cells = charts.cells(raw, per_octave)
    assert sum(cell.number for cell in cells) == sum(histogram.values())
    by_octave = {}
    for cell in cells:
        by_octave[cell.octave] = by_octave.get(cell.octave, 0) + cell.number
    for index, number in histogram.items():
        assert by_octave[-(-index // buckets.SCALE)] >= number


@given(st.integers(0, 10**12), st.integers(1, 10**13))
def test_the_time_axis_of_a_trace_has_few_round_marks_from_where_the_request_began(lead, length):
    marks = charts.axis(lead, length)
    assert 1 <= len(marks) <= 5
    assert marks[0].time_ns == 0
    assert all(mark.time_ns == place * marks[1].time_ns for place, mark in enumerate(marks[1:], 1))
    assert len(marks) == 1 or marks[1].time_ns in charts.STEPS_NS
    for mark in marks:
        assert mark.percent == pytest.approx((lead + mark.time_ns) / (lead + length) * 100, abs=0.01)
        assert mark.time_ns <= length


def test_the_marks_of_an_axis_lie_far_enough_apart_for_their_words():
    told = [[mark.time_ns / 1e6 for mark in charts.axis(0, ms * 1e6)] for ms in (100, 136, 330, 1100)]
    assert told == [[0, 50, 100], [0, 50, 100], [0, 100, 200, 300], [0, 500, 1000]]
    assert [mark.anchor for mark in charts.axis(0, 100e6)] == ["start", "middle", "end"]
    assert charts.axis(50e6, 50e6)[0].percent == 50
