"""The most of what was seen between two tellings: of what comes and goes faster than it is told."""

from __future__ import annotations


class Peak:
    """The most that was seen of a place since its subscriber was last told."""

    __slots__ = ("backlog", "overdue_ns", "reactor", "waiting")

    def __init__(self) -> None:
        self.backlog: int | None = None
        self.reactor: int | None = None
        self.overdue_ns: int | None = None
        self.waiting: int | None = None

    def see(self, *now: int | None) -> None:
        """Take over what is more, in the order of the attributes above."""
        before = self.backlog, self.reactor, self.overdue_ns, self.waiting
        self.backlog, self.reactor, self.overdue_ns, self.waiting = map(most, before, now)


def most(one: int | None, other: int | None) -> int | None:
    """Answer the larger of two numbers of which each may be unknown."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
