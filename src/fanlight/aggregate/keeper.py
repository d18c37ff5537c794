"""Which traces are kept whole, and which as a row: budgets per service, reservoirs beyond them.

All of it counts within one minute of arrival. While a service stays under its budget of spans,
every trace is kept whole. Beyond, an endpoint's segment keeps five traces drawn uniformly, those
slower than the third slowest so far, and five failed ones drawn uniformly. What is kept is on disk
at once, so the draw is made as the traces pass: the n-th is kept with probability 5/n, and nothing
that was kept is taken back.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

UNIFORM = 5
SLOWEST = 3
ERRORS = 5
"""Whole traces per endpoint, segment and minute, once the budget is spent."""

MINUTE_NS = 60_000_000_000
MINUTE_S = 60


class Reservoir:
    """One endpoint's segment in this minute."""

    __slots__ = ("failed", "passed", "slowest")

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.slowest: list[int] = []
        """Durations in ns of the slowest that were kept so far, ascending, three at the most."""


class Budget:
    """One service in this minute."""

    __slots__ = ("next_halving", "rows", "share", "spans")

    def __init__(self, rows: float) -> None:
        self.spans = 0
        self.rows = 0
        self.share = 1.0
        self.next_halving = rows


class Keeper:
    """Decides for every trace as it passes.

    Args:
        spans_per_s: a service's budget of whole traces; infinity keeps every one.
        traces_per_s: a service's budget of rows kept of every trace.
        chance: answers a uniform float in [0, 1).
    """

    def __init__(self, spans_per_s: float, traces_per_s: float, chance: Callable[[], float]) -> None:
        self.spans_limit = spans_per_s * MINUTE_S
        self.rows_limit = max(1.0, traces_per_s * MINUTE_S)
        self.chance = chance
        self.minute = 0
        self.budgets: dict[str, Budget] = {}
        self.reservoirs: dict[tuple[str, str, str, str], Reservoir] = {}

    def turn(self, now_ns: int) -> None:
        """Begin with fresh budgets and reservoirs when a new minute began."""
        if now_ns // MINUTE_NS != self.minute:
            self.minute = now_ns // MINUTE_NS
            self.budgets.clear()
            self.reservoirs.clear()

    def budget(self, service: str) -> Budget:
        """Answer a service's budget of this minute."""
        found = self.budgets.get(service)
        if found is None:
            found = self.budgets[service] = Budget(self.rows_limit)
        return found

    def reservoir(self, group: tuple[str, str, str, str]) -> Reservoir:
        """Answer the reservoir of a (service, endpoint, segment) in this minute."""
        found = self.reservoirs.get(group)
        if found is None:
            found = self.reservoirs[group] = Reservoir()
        return found

    def weigh(self, budget: Budget) -> float:
        """Answer how many traces this one's row stands for; 0.0 when it is not drawn.

        Rows within the budget stand for themselves. Beyond it a uniform share is drawn, which
        halves whenever another quarter of the budget is spent, so that any rate ends.
        """
        if budget.share < 1.0 and self.chance() >= budget.share:
            return 0.0
        weight = 1.0 / budget.share
        budget.rows += 1
        if budget.rows >= budget.next_halving:
            budget.share /= 2
            budget.next_halving += self.rows_limit / 4
        return weight

    def whole(
        self, budget: Budget, reservoir: Reservoir, spans: int, duration_ns: int, *, error: bool
    ) -> bool:
        """Answer whether a trace is kept with all its spans."""
        slowest = reservoir.slowest
        slow = len(slowest) < SLOWEST or duration_ns > slowest[0]
        reservoir.passed += 1
        reservoir.failed += error
        kept = (
            budget.spans + spans <= self.spans_limit
            or slow
            or self.drawn(reservoir.passed, UNIFORM)
            or (error and self.drawn(reservoir.failed, ERRORS))
        )
        if kept:
            budget.spans += spans
            if slow:
                slowest.append(duration_ns)
                slowest.sort()
                del slowest[:-SLOWEST]
        return kept

    def drawn(self, passed: int, places: int) -> bool:
        """Answer whether the `passed`-th of a stream is drawn for one of so many places."""
        return passed <= places or self.chance() * passed < places
