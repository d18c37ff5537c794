"""An applier at rest: what did not change is left alone, and nothing that did is."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from stubborn import Stubborn, one

from fanlight.server.applier import INTERVAL_S, WHOLE_S, Applier
from fanlight.server.inbox import Inbox
from fanlight.wire import settled

if TYPE_CHECKING:
    from pathlib import Path


def settle(segments) -> None:
    """Say, as the collector does behind its fsync, that all is durable."""
    told = {"number": segments.number, "position": segments.path.stat().st_size}
    (segments.directory / settled.NAME).write_bytes(settled.pack(told))


class Counted(Applier):
    """An applier that counts its turns."""

    turns = 0

    def take_turn(self) -> bool:
        self.turns += 1
        return super().take_turn()


def age(directory: Path) -> None:
    """Let all in a spool have been written a while ago, each at a time of its own."""
    for path in (*directory.iterdir(), directory):
        at_ns = path.stat().st_mtime_ns - 1_000_000_000
        os.utime(path, ns=(at_ns, at_ns))


def test_a_spool_in_which_nothing_changed_is_left_alone(segments) -> None:
    now_s = [0.0]
    applier = Counted(store := Stubborn(), segments.directory, clock=lambda: now_s[0])
    segments.begin()
    segments.append(one(1))
    settle(segments)
    age(segments.directory)
    assert [applier.attempt() for _ in range(4)] == [INTERVAL_S] * 4
    assert (applier.turns, store.ledger()) == (1, {"shop": 1})
    segments.append(one(2))
    settle(segments)
    age(segments.directory)
    assert [applier.attempt() for _ in range(4)] == [INTERVAL_S] * 4
    assert (applier.turns, store.ledger()) == (2, {"shop": 2})
    now_s[0] += WHOLE_S
    applier.attempt()
    assert applier.turns == 3


def test_while_something_was_written_a_moment_ago_each_turn_is_taken(segments) -> None:
    applier = Counted(Stubborn(), segments.directory)
    segments.begin()
    segments.append(one(1))
    settle(segments)
    later_ns = time.time_ns() + 3_600_000_000_000
    os.utime(segments.directory / settled.NAME, ns=(later_ns, later_ns))
    for _ in range(3):
        applier.attempt()
    assert applier.turns == 3


def test_what_a_store_refused_and_what_the_inbox_owes_is_tried_though_nothing_changed(segments) -> None:
    inbox = Inbox(str(segments.directory.with_name("inbox")))
    applier = Counted(store := Stubborn(), segments.directory, inbox=inbox)
    store.failing = True
    segments.begin()
    segments.append(one(1))
    settle(segments)
    age(segments.directory)
    for _ in range(3):
        applier.attempt()
    assert (applier.turns, store.tries) == (3, 3)
    store.failing, inbox.owes = False, True
    for _ in range(2):
        applier.attempt()
    assert applier.turns == 5
    inbox.owes = False
    for _ in range(3):
        applier.attempt()
    assert (applier.turns, store.ledger()) == (6, {"shop": 1})
