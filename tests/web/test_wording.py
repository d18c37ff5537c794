"""Numbers as people say them, and text that cannot trick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.web import wording


@pytest.mark.parametrize(
    ("ns", "words"),
    [
        (0, "0"),
        (830, "830 ns"),
        (4_200, "4.2 \N{MICRO SIGN}s"),
        (640_000, "640 \N{MICRO SIGN}s"),
        (4_200_000, "4.2 ms"),
        (182_000_000, "182 ms"),
        (2_410_000_000, "2.41 s"),
        (24_100_000_000, "24.1 s"),
        (200_000_000_000, "3 min 20 s"),
        (7_260_000_000_000, "2 h 1 min"),
    ],
)
def test_durations_have_the_digits_that_mean_something(ns, words):
    assert wording.duration(ns) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [(0, "0%"), (0.0001, "<0.1%"), (0.004, "0.4%"), (0.123, "12%"), (0.9999, ">99.9%"), (1, "100%")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(part, words):
    assert wording.share(part) == words


@pytest.mark.parametrize(("part", "words"), [(0, "<1%"), (0.012, "1%"), (0.5, "50%"), (0.998, ">99%")])
def test_a_rank_never_says_that_something_is_slower_than_itself(part, words):
    assert wording.rank(part) == words


def test_sizes_rates_and_plurals():
    assert [wording.size(each) for each in (0, 900, 3 << 20, 1 << 30)] == ["0 B", "900 B", "3 MiB", "1 GiB"]
    assert [wording.rate(each) for each in (0, 0.2, 4.25, 41, 1200)] == ["0", "0.20", "4.2", "41", "1,200"]
    assert [wording.plural(each, "span") for each in (1, 2)] == ["1 span", "2 spans"]
    assert [wording.number(each) for each in (0, 0.01, 0.4, 1204)] == ["0", "<0.1", "0.4", "1,204"]


def test_times_are_cut_from_our_own_format_only():
    assert wording.rfc3339(1_769_868_300_123_456_789) == "2026-01-31T14:05:00.123Z"
    assert wording.clock("2026-01-31T14:05:00.123Z") == "14:05:00"
    assert wording.day_and_clock("<b>") == "<b>"


@given(st.text())
def test_what_is_printed_never_controls_a_browser_or_the_direction_of_writing(text):
    shown = wording.visible(text)
    assert not [letter for letter in shown if ord(letter) in wording.MARKS]
    shown.encode()


def test_layout_survives():
    assert wording.visible("SELECT 1\n\tFROM x") == "SELECT 1\n\tFROM x"
    assert wording.visible(7) == 7


def test_a_mark_of_an_axis_has_no_digits_that_say_nothing():
    told = [wording.level(ns) for ns in (0, 500e6, 1e9, 1.5e9, 20e9, 100e9, 20e6, 100)]
    assert told == ["0", "500 ms", "1 s", "1.5 s", "20 s", "1 min 40 s", "20 ms", "100 ns"]
