"""The public names, frozen: one that goes, or one that comes unasked, fails here."""

from __future__ import annotations

import importlib
import inspect
import os

import pytest

import fanlight

NAMES = {
    *("Event", "Property", "Query"),
    *("annotate", "asgi", "endpoint", "flush", "instrument", "mark", "mute", "notify", "publish", "span"),
    *("start", "stop", "subscribe", "trace", "unmute", "wsgi"),
}


def test_the_public_names_are_these():
    assert set(fanlight.__all__) == NAMES
    assert set(fanlight.PLACES) == NAMES
    assert {*NAMES, "__version__"} == set(dir(fanlight))
    assert fanlight.__all__ == sorted(fanlight.__all__)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_is_what_its_module_holds(name):
    module = importlib.import_module(fanlight.PLACES[name])
    assert getattr(fanlight, name) is getattr(module, name)
    assert inspect.getdoc(getattr(fanlight, name))


def test_none_is_also_the_name_of_a_room():
    rooms = {
        entry.name
        for entry in os.scandir(os.path.dirname(fanlight.__file__))
        if entry.is_dir() and not entry.name.startswith("_")
    }
    assert NAMES & rooms == set()


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'begin'"):
        _ = fanlight.begin


@pytest.mark.parametrize(
    ("name", "signature"),
    [
        (
            "start",
            (
                "(service: 'str | None' = None, *, dsn: 'str | None' = None, "
                "sample: 'float' = 1.0, instrument: 'bool' = True, "
                "targets: 'Sequence[Callable[[Snapshot], object]]' = ()) -> 'None'"
            ),
        ),
        ("stop", "(timeout_s: 'float' = 2.0) -> 'bool'"),
        ("flush", "(timeout_s: 'float' = 2.0) -> 'bool'"),
        ("span", "(title: 'str', category: 'str' = 'app.block', /, **attributes: 'Any') -> 'Lane | Nothing'"),
        ("annotate", "(**notes: 'Any') -> 'None'"),
        ("endpoint", "(name: 'str') -> 'None'"),
        ("mark", "(title: 'str', category: 'str' = 'app.mark', /, **attributes: 'Any') -> 'None'"),
        ("mute", "() -> 'Muting'"),
        ("unmute", "() -> 'Muting'"),
    ],
)
def test_signatures_stay(name, signature):
    assert str(inspect.signature(getattr(fanlight, name))) == signature
