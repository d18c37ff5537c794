"""What went with processes that are gone: counted from the accounts and trails that these have left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fanlight.collector.remains import batch, origin, table
from fanlight.collector.status import IGNORED
from fanlight.wire.account import CLIENT, SEQUENCE, names, unsent
from fanlight.wire.slots import ACCOUNT
from fanlight.wire.trail import last

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.collector.commits import Committer
    from fanlight.collector.ledger import Client, Ledger
    from fanlight.wire.slots import Read

ENDED = "ended"
"""Reason of a loss: the process ended before it had sent what it had finished."""
CUT_OFF = "cut_off"
"""Reason of a loss that is the process's own: it ended in the midst of a request, which never finished."""
TRACE_BYTES = 64
"""What a trace of a trail takes in a record, roughly."""
PATIENCE_S = 5.0
"""How long what a process had sent is waited for; a child of it may hold the connection open for ever."""
MOST = 256
"""That wait at the most while nothing is taken: 16 MiB. What further ones left is lost, and told as that."""


class Left(NamedTuple):
    """What one process has left, until when what it had sent is waited for, and what lets go of it."""

    read: Read
    trail: bytes
    until_s: float
    settle: Callable[[], None]


class Departed:
    """The processes that are gone and not counted yet.

    What they left is kept outside until the traces of it are in the spool and the losses in the tally, so
    that a collector that is killed before leaves it to the next one.

    Args:
        ledger: knows the clients, and takes the losses.
        clock: monotonic seconds.
        committer: takes the traces of which a trail tells.

    Attributes:
        waiting: what is not counted yet.
        counted: to be called once the losses are on disk.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float], committer: Committer) -> None:
        self.ledger = ledger
        self.clock = clock
        self.committer = committer
        self.waiting: list[Left] = []
        self.counted: list[Callable[[], None]] = []

    def add(self, read: Read, trail: bytes, settle: Callable[[], None]) -> None:
        """Take note of a process that is gone.

        Args:
            read: what it told last.
            trail: that it left, b"" for none.
            settle: called once nothing of it would be missed.
        """
        if read.under_way > 0 or unsent(read.head[ACCOUNT], 0):
            self.waiting.append(Left(read, trail, self.clock() + PATIENCE_S, settle))
        else:
            settle()

    def settle(self) -> None:
        """Tell whoever holds what was counted that nobody needs it any more: the losses are on disk."""
        counted, self.counted = self.counted, []
        for each in counted:
            each()

    def turn(self, *, at_once: bool = False) -> None:
        """Count what went with those of which nothing can arrive any more; `at_once`: with all."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            words = each.read.head[ACCOUNT]
            found = self.client(words[CLIENT])
            # What it sent last may still be in its connection.
            is_waited_for = found is not None and found[1].connected and self.clock() < each.until_s
            if is_waited_for and not at_once:
                self.waiting.append(each)
            else:
                self.enter(each, found, unsent(words, 0 if found is None else found[1].pending))

    def enter(self, left: Left, client: tuple[str, Client] | None, many: int) -> None:
        """Count the traces that nobody got: those of the trail as accepted, the others as lost."""
        service, words = left.read.texts[0], left.read.head[ACCOUNT]
        found = last(left.trail, words, many)
        wanted = [row for row in found if not row[0].ignored]
        if wanted and not self.committer.takes(service):
            # As long as nobody is read, nor is this, unless too many end meanwhile.
            if len(self.waiting) < MOST:
                self.waiting.append(left)
                return
            found, wanted = [], []
        lost = {
            ENDED: many - len(found),
            IGNORED: len(found) - len(wanted),
            CUT_OFF: max(left.read.under_way, 0),
        }
        if not wanted:
            self.lose(left, lost)
            return
        # As the batch that it would have sent next, so that it counts once whoever is killed meanwhile.
        made = batch(wanted, words[SEQUENCE] + 1)
        whose = origin(left.read, client)
        # The losses with it: should it not get to disk, the next collector counts both.
        self.committer.offer(
            made, table(wanted), whose, TRACE_BYTES * len(wanted), lambda _: self.lose(left, lost)
        )

    def lose(self, left: Left, lost: dict[str, int]) -> None:
        """Enter what was lost with a process, by reason; with that it is counted."""
        for reason, count in lost.items():
            if count:
                self.ledger.lose(left.read.texts[0], reason, count)
        self.counted.append(left.settle)

    def client(self, word: int) -> tuple[str, Client] | None:
        """Answer id and entry of the client that an account tells of, None for one that never came."""
        return next((each for each in self.ledger.clients.items() if names(word, each[0])), None)
