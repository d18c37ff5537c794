"""What every formatter of snapshots promises, run over the room's second table."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from fanlight.formatters import SNAPSHOTS, snapshot_formatter, snapshot_part
from fanlight.targets.lines import text_of
from fanlight.wire.readings import Snapshot

words = st.text("abcdefghij._", min_size=1, max_size=12).filter(lambda word: word[0] != ".")
labels = st.dictionaries(st.sampled_from(["service", "host", "worker"]), st.text(max_size=8))
numbers = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats())
snapshots = st.builds(Snapshot, st.integers(0, 2**60), labels, st.dictionaries(words, numbers, max_size=6))
LINES = [name for name in SNAPSHOTS if name != "prometheus"]


@pytest.mark.parametrize("name", LINES)
@given(told=st.lists(snapshots, max_size=4))
def test_each_snapshot_is_one_message_of_one_line(name, told):
    messages = snapshot_formatter(name)(told)
    assert len(messages) == len(told)
    assert not any("\n" in text_of(each) for each in messages)


@pytest.mark.parametrize("name", list(SNAPSHOTS))
@given(told=st.lists(snapshots, max_size=4))
def test_the_same_snapshots_are_written_the_same(name, told):
    made = snapshot_formatter(name)
    assert [text_of(each) for each in made(told)] == [text_of(each) for each in made(told)]


@given(snapshot=snapshots)
def test_json_is_read_back_in_order_without_what_is_unknown(snapshot):
    known = {
        name: value
        for name, value in snapshot.values.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }
    (text,) = snapshot_formatter("json")([snapshot])
    assert list(json.loads(text).items()) == list(known.items())
    assert "null" not in text


@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if snapshot_part(name).OPTIONS])
def test_a_value_of_another_kind_is_refused_when_it_is_made(name):
    for option in snapshot_part(name).OPTIONS:
        with pytest.raises(ConfigError, match=f"is no value of '{option}' of formatter '{name}'; expected"):
            snapshot_formatter(name, {option: 7})


@pytest.mark.parametrize("name", list(SNAPSHOTS))
def test_an_unknown_option_is_refused_when_it_is_made(name):
    with pytest.raises(ConfigError, match=f"option of formatter '{name}' 'lables'"):
        snapshot_formatter(name, {"lables": []})


def test_an_unknown_formatter_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"'logmft'; did you mean 'logfmt'\?"):
        snapshot_formatter("logmft")
