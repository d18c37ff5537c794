"""Cheroot: of several servers in one process the first tells how busy it is, and the others say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cheroot.wsgi import Server

from fanlight.instruments import INSTALLED, report
from fanlight.instruments.servers import cheroot
from fanlight.recording.recorder import SWITCH
from fanlight.recording.slots.slot import HERE
from fanlight.wire import slots as layout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def lacks() -> str:
    """Answer what is told that cheroot goes without."""
    (line,) = [each for each in report() if each.startswith("cheroot=")]
    return line.partition(" without ")[2]


def test_a_further_server_of_a_process_says_that_it_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(INSTALLED, "state", {"cheroot": "active"})
    monkeypatch.setattr(INSTALLED, "lacking", {})
    monkeypatch.setattr(layout, "SHARED_MEMORY", str(tmp_path))
    monkeypatch.setattr(SWITCH, "whereabouts", lambda: ("shop", str(tmp_path), bool))
    monkeypatch.setattr(SWITCH, "account", SWITCH.account)
    HERE.renew()
    try:
        first, second = (Server(("127.0.0.1", 0), bool) for _ in range(2))
        for _ in range(2):
            # One that is started again is no further one.
            cheroot.tell(first)
            assert (HERE.claimed, lacks()) == (True, "")
        for _ in range(2):
            cheroot.tell(second)
        assert lacks() == cheroot.UNTOLD
    finally:
        HERE.renew()
