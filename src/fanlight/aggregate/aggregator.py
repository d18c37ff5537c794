"""What outlives one record: bounded names, what the trees hold so far, the minute's budgets."""

from __future__ import annotations

from fanlight.aggregate.bounds import Forest, Names
from fanlight.aggregate.keeper import Keeper
from fanlight.aggregate.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

SPANS_PER_S = 2_000.0
TRACES_PER_S = 500.0


class Aggregator:
    """Begins records, one after the other.

    Args:
        chance: answers a uniform float in [0, 1), for the reservoirs: `random.Random().random`.
        spans_per_s: a service's budget of spans of whole traces; infinity keeps all.
        traces_per_s: a service's budget of rows kept of every trace.
    """

    def __init__(
        self,
        chance: Callable[[], float],
        *,
        spans_per_s: float = SPANS_PER_S,
        traces_per_s: float = TRACES_PER_S,
    ) -> None:
        self.names = Names()
        self.forest = Forest()
        self.keeper = Keeper(spans_per_s, traces_per_s, chance)
        self.waited: dict[str, tuple[int, int]] = {}
        """Requests whose waiting was known, and its ns in all, per service, so far."""

    def note_waits(self, service: str, waits: Collection[int]) -> None:
        """Add how long some requests of a service waited, in ns."""
        if waits:
            number, total = self.waited.get(service, (0, 0))
            self.waited[service] = number + len(waits), total + sum(waits)

    def begin(self, now_ns: int) -> Record:
        """Answer an empty record; `now_ns` is wall-clock ns since 1970."""
        self.names.turn(now_ns)
        self.forest.turn(now_ns)
        self.keeper.turn(now_ns)
        return Record(self, now_ns)
