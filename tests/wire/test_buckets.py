"""Laws of the latency grid."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from fanlight.wire.buckets import bucket, middle, octave, octave_of, percentile, upper_bound

DURATIONS = st.integers(0, 1 << 53)


@given(DURATIONS)
def test_a_value_read_back_is_within_1_09_percent(duration):
    if duration > 1:
        # Half a nanosecond more, since the answer is a whole number.
        assert abs(middle(bucket(duration)) - duration) <= 0.0109 * duration + 0.5


@given(DURATIONS, DURATIONS)
def test_longer_durations_never_stand_in_lower_buckets(one, other):
    low, high = sorted((one, other))
    assert bucket(low) <= bucket(high)


@given(DURATIONS)
def test_a_bucket_holds_what_lies_between_its_bounds(duration):
    index = bucket(duration)
    assert duration <= upper_bound(index) * (1 + 1e-12)
    if index > 1:
        assert duration > upper_bound(index - 1) * (1 - 1e-12)


@given(st.integers(0, 53))
def test_powers_of_two_are_exact_upper_bounds(exponent):
    assert bucket(1 << exponent) == exponent * 32
    assert bucket((1 << exponent) + 1) > exponent * 32
    assert upper_bound(exponent * 32) == 1 << exponent


@given(DURATIONS)
def test_an_octave_is_the_power_of_two_at_or_above(duration):
    index = octave(duration)
    assert duration <= 1 << index
    if index:
        assert duration > 1 << (index - 1)


@given(DURATIONS)
def test_a_bucket_lies_in_the_octave_of_all_that_it_holds(duration):
    assert octave_of(bucket(duration)) == octave(duration)


@given(st.lists(st.integers(2, 1 << 40), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_the_value_of_that_rank(durations, share):
    counts: dict[int, int] = {}
    for duration in durations:
        counts[bucket(duration)] = counts.get(bucket(duration), 0) + 1
    exact = sorted(durations)[max(1, math.ceil(len(durations) * share)) - 1]
    assert abs(percentile(counts, share) - exact) <= 0.0109 * exact + 0.5


def test_without_values_there_is_no_percentile():
    assert percentile({}, 0.5) == 0
    assert percentile({5: 0}, 0.5) == 0
