"""Counts the traces that went with processes which are gone, from the accounts that these have left."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fanlight.wire.account import CLIENT, names, unsent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fanlight.collector.ledger import Client, Ledger

ENDED = "ended"
"""Reason of a loss: the process ended before it had sent what it had finished."""
PATIENCE_S = 5.0
"""How long what a process had sent is waited for; a child of it may hold the connection open for ever."""


class Left(NamedTuple):
    """What one process has left: its service, its account, and until when it is waited for."""

    service: str
    words: Sequence[int]
    until_s: float


class Departed:
    """The processes that are gone and not counted yet.

    Args:
        ledger: knows the clients, and takes the losses.
        clock: monotonic seconds.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self.ledger = ledger
        self.clock = clock
        self.waiting: list[Left] = []

    def add(self, service: str, words: Sequence[int]) -> None:
        """Take note of a process that is gone.

        Args:
            service: that it answered for.
            words: of its account.
        """
        if unsent(words, 0):
            self.waiting.append(Left(service, words, self.clock() + PATIENCE_S))

    def turn(self) -> None:
        """Count what went with those of which nothing can arrive any more."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            client = self.client(each.words[CLIENT])
            # What it sent last may still be in its connection.
            if client is not None and client.connected and self.clock() < each.until_s:
                self.waiting.append(each)
            elif many := unsent(each.words, 0 if client is None else client.pending):
                self.ledger.lose(each.service, ENDED, many)

    def client(self, word: int) -> Client | None:
        """Answer the client that an account tells of, None for one that never came."""
        return next((each for name, each in self.ledger.clients.items() if names(word, name)), None)
