"""Which listening sockets have the kernel hold connections back, as their slot tells it."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from fanlight.recording.slots.deferring import defers
from fanlight.recording.slots.slot import Slot
from fanlight.wire import slots as layout

if TYPE_CHECKING:
    from pathlib import Path


def test_a_socket_that_defers_is_told_by_its_place_among_the_others(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as plain,
        socket.create_server(("127.0.0.1", 0)) as deferring,
        socket.socket(socket.AF_UNIX) as local,
    ):
        deferring.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
        local.bind(str(tmp_path / "x.sock"))
        local.listen()
        assert [defers(each.fileno()) for each in (plain, deferring, local)] == [False, True, False]
        slot = Slot()
        slot.serve([plain, deferring.fileno(), local])
        told = [slot.cells[word] for word in layout.INODES][:3]
        assert told == [os.fstat(each.fileno()).st_ino for each in (plain, deferring, local)]
        assert slot.cells[layout.DEFERS] == 0b010


def test_what_is_no_socket_defers_nothing() -> None:
    with open(os.devnull, "rb") as file:
        assert not defers(file.fileno())
    assert not defers(1 << 20)
