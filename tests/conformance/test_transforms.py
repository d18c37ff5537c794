"""What every transform promises, run over the room's table."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from fanlight.transforms import TABLE, part, transform
from fanlight.wire.readings import Snapshot

words = st.text("abcdefghij.-_", min_size=1, max_size=12)
snapshots = st.builds(
    Snapshot,
    st.integers(0, 2**62),
    st.dictionaries(st.sampled_from(["service", "host", "server", "worker", "kind"]), st.text(max_size=8)),
    st.dictionaries(words, st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False)), max_size=6),
)


@pytest.mark.parametrize("name", list(TABLE))
@given(told=st.lists(snapshots, max_size=4))
def test_what_came_in_stays_as_it_is_for_others_read_it_too(name, told):
    changed = transform(name)
    before = copy.deepcopy(told)
    for snapshot in told:
        changed(snapshot)
    assert told == before


@pytest.mark.parametrize("name", list(TABLE))
@given(snapshot=snapshots)
def test_time_stays_and_no_number_is_invented(name, snapshot):
    changed = transform(name)(snapshot)
    assert changed.time_ns == snapshot.time_ns
    numbers = [value for value in changed.values.values() if not isinstance(value, str)]
    assert len(numbers) <= len(snapshot.values)
    assert all(value in snapshot.values.values() for value in numbers)


@pytest.mark.parametrize("name", list(TABLE))
@given(snapshot=snapshots)
def test_values_stay_in_their_order(name, snapshot):
    kept = [value for value in transform(name)(snapshot).values.values() if not isinstance(value, str)]
    remaining = iter(snapshot.values.values())
    assert all(any(value == other for other in remaining) for value in kept)


@pytest.mark.parametrize("name", list(TABLE))
def test_an_unknown_option_is_refused_when_it_is_made(name):
    with pytest.raises(ConfigError, match=f"option of transform '{name}' 'tiped'"):
        transform(name, {"tiped": True})


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in TABLE for option in part(name).OPTIONS]
)
def test_a_value_of_another_kind_is_refused_when_it_is_made(name, option):
    with pytest.raises(ConfigError, match=f"is no value of '{option}' of transform '{name}'; expected"):
        transform(name, {option: 7})


def test_an_unknown_transform_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown transform 'l2meet'; did you mean 'l2met'\?"):
        transform("l2meet")
