"""What every target promises, run over the room's table."""

from __future__ import annotations

import sys
import threading

import pytest

from fanlight.errors import ConfigError
from fanlight.formatters import SNAPSHOTS, snapshot_formatter
from fanlight.targets import TABLE, Place, part, target
from fanlight.transforms import TABLE as TRANSFORMS
from fanlight.transforms import transform
from fanlight.wire.readings import Snapshot

PLACE = Place({}, 0.5)
NEEDED = {"http": {"url": "http://127.0.0.1:1/"}, "prometheus": {"address": "127.0.0.1:0"}}
NOBODY = {
    **NEEDED,
    "dogstatsd": {"address": "unix:/nowhere/at/all.sock"},
    "statsd": {"address": "unix:/nowhere/at/all.sock"},
}
TOLD = [Snapshot(0, {"service": "shop", "host": "vm"}, {"queue.backlog": 7, "queue.time": 5})]


def messages(name):
    found = part(name)
    changed = transform(found.HABITS.transform)
    return snapshot_formatter(found.HABITS.formatter)([changed(each) for each in TOLD])


@pytest.mark.parametrize("name", list(TABLE))
def test_it_goes_with_a_transform_and_a_formatter_that_exist(name):
    assert part(name).HABITS.transform in TRANSFORMS
    assert part(name).HABITS.formatter in SNAPSHOTS


@pytest.mark.parametrize("name", list(TABLE))
def test_making_one_opens_nothing_and_closing_it_twice_is_fine(name):
    before = threading.active_count()
    made = target(name, PLACE, NEEDED.get(name))
    assert threading.active_count() == before
    made.close()
    made.close()


@pytest.mark.parametrize("name", [name for name in TABLE if name != "prometheus"])
def test_without_anybody_to_take_it_it_raises_and_may_be_asked_again(name):
    made = target(name, PLACE, NOBODY.get(name))
    for _ in range(2):
        with pytest.raises(OSError, match=r"\w"):
            made.send(messages(name))
    made.close()


@pytest.mark.parametrize("name", list(TABLE))
def test_an_unknown_option_is_refused_with_the_nearest_when_it_is_made(name):
    option = next(iter(part(name).OPTIONS))
    with pytest.raises(ConfigError, match=f"did you mean '{option}'"):
        target(name, PLACE, {f"{option}x": 1})


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in TABLE for option in part(name).OPTIONS]
)
def test_a_value_of_another_kind_is_refused_when_it_is_made(name, option):
    with pytest.raises(ConfigError, match=f"is no value of '{option}' of target '{name}'; expected"):
        target(name, PLACE, {option: 7.5})


def test_an_address_in_place_of_a_name_is_told_where_it_belongs():
    told = r"'dogstatd://h:1' is an address; .* did you mean 'dogstatsd'\?.*\n.*address=HOST:PORT"
    with pytest.raises(ConfigError, match=told):
        part("dogstatd://h:1")


def test_an_unknown_target_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown target 'dogstats'; did you mean 'dogstatsd'\?"):
        part("dogstats")


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "shop_metrics.py").write_text(
        "got = []\nclass Sink:\n    @staticmethod\n    def take(told): got.append(told)\nnumber = 3\n"
    )
    (tmp_path / "shop_broken.py").write_text("raise RuntimeError('no database')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("shop_metrics", "shop_broken"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["shop_metrics:Sink.take", "shop_metrics:got.append"])
def test_any_callable_gets_each_snapshot(name):
    made = target(name, PLACE)
    made.send(messages(name))
    made.close()
    import shop_metrics

    assert shop_metrics.got == TOLD


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop_metrics:missing", "cannot be imported where the collector runs: AttributeError"),
        ("shop_matrics:got", "ModuleNotFoundError"),
        ("shop_broken:take", "RuntimeError: no database"),
        ("shop_metrics:number", "is no callable but a int"),
        ("shop_metrics.", "cannot be imported"),
    ],
)
def test_what_cannot_be_called_is_refused_when_it_is_made(name, said):
    with pytest.raises(ConfigError, match=said):
        target(name, PLACE)
