"""The demo's door: what it asks for before it starts anything."""

import sys

import pytest

from fanlight import demo
from fanlight.errors import MissingExtraError


def test_a_missing_extra_is_an_error_with_the_command_that_helps(monkeypatch):
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(MissingExtraError, match=r"needs flask.*pip install 'fanlight\[server,demo\]'"):
        demo.main(1.0, as_json=True, data=None)
