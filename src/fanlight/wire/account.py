"""The account that a process keeps of its traces; a worker's lies in its slot, where it outlives the worker.

Whoever finds the process dead can tell how many traces went with it. The words are written one by
one, in an order in which any moment between two of them tells the truth.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FINISHED, SETTLED, SEQUENCE, NEXT, TOLD, CLIENT = range(6)
"""Traces that finished; of those, delivered or told as dropped; the last batch's number; what will be
settled once that is acknowledged; drops told so far; who the process is, as `number` answers it."""
WORDS = 6
DIGITS = 15
"""Of a client's id, as many as fit into a word."""


def opened() -> array[int]:
    """Answer an account without an entry."""
    return array("q", bytes(8 * WORDS))


def number(client: str) -> int:
    """Answer a client's id, 32 hex digits, as a word."""
    return int(client[:DIGITS], 16)


def names(word: int, client: str) -> bool:
    """Answer whether a word tells of this client."""
    return client.startswith(f"{word:0{DIGITS}x}")


def unsent(words: Sequence[int], sequence: int) -> int:
    """Answer how many traces nobody got and nobody heard of.

    Args:
        words: of the account, as the process left it.
        sequence: the process's last batch that arrived.
    """
    arrived = words[NEXT] if 0 < words[SEQUENCE] <= sequence else words[SETTLED]
    return max(0, words[FINISHED] - arrived)
