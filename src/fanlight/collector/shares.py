"""Each service's share of the spool: whoever holds much of it makes room for the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fanlight.errors import SpoolError
from fanlight.wire import spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.wire.codec import Message

TIMES = 8
"""A service may hold this many times what is still free. Alone it takes eight ninths of the room,
two that flood take eight seventeenths each, and however many they are, something is left for the next."""
DETAIL = 0.9
"""Share of the spool's bound that is there for traces and trees; the rest is for counts alone."""

ROWS = (("count_group", 60), ("trace_group", 80), ("node_group", 100))
SPAN_BYTES = 24
"""What rows take in a record, roughly: only how services share one record's bytes hangs on it."""


class Shares:
    """Bytes in the spool per service. Segments go oldest first, so two sums tell what is there.

    Attributes:
        written: bytes of records per service, since the spool began; every segment's header has them.
        gone: those that were written before the oldest segment that is still there.
    """

    def __init__(self) -> None:
        self.written: dict[str, int] = {}
        self.gone: dict[str, int] = {}
        self.oldest = ""

    def enter(self, message: Message, size: int) -> None:
        """Add a record of so many bytes."""
        for service, more in parts(message, size):
            self.written[service] = self.written.get(service, 0) + more

    def look(self, oldest: str) -> None:
        """Learn what has gone; `oldest` is the path of the oldest segment, empty when there is none."""
        if oldest == self.oldest:
            return
        if not oldest:
            self.gone = dict(self.written)
        else:
            try:
                header = spool.header(oldest)
            except (SpoolError, OSError):
                # Set aside or applied just now; the next look finds the one behind it.
                return
            self.gone = dict(zip(header["service"], header["written"], strict=False))
        self.oldest = oldest

    def held(self, service: str) -> int:
        """Answer the bytes of a service in the spool."""
        return max(0, self.written.get(service, 0) - self.gone.get(service, 0))

    def all_held(self) -> dict[str, int]:
        """Answer the bytes of every service that has some in the spool."""
        return {service: held for service in self.written if (held := self.held(service))}

    def keeps_detail(self, service: str, used: int, bound: int) -> bool:
        """Answer whether traces and trees of a service are kept, `used` of `bound` bytes being taken."""
        left = DETAIL * bound - used
        return left > 0 and self.held(service) <= TIMES * left

    def takes(self, service: str, used: int, bound: int) -> bool:
        """Answer whether anything of a service is taken now, as far as its share goes."""
        left = bound - used
        # With no room at all nobody writes, and it is the spool's trouble rather than a service's.
        return left <= 0 or self.held(service) <= TIMES * left


def parts(message: Message, size: int) -> Iterator[tuple[str, int]]:
    """Yield how the services of a record share its bytes."""
    if len(message["ledger_service"]) == 1:
        # The usual case, and exact.
        yield message["ledger_service"][0], size
        return
    strings, services = message["strings"], message["group_service"]
    weights: Counter[str] = Counter()
    for column, row in ROWS:
        counted: Counter[int] = Counter(message[column])
        for group, rows in counted.items():
            weights[strings[services[group]]] += rows * row
    for group, spans in zip(message["trace_group"], message["trace_spans"], strict=True):
        weights[strings[services[group]]] += spans * SPAN_BYTES
    whole = weights.total()
    for service, weight in weights.items():
        yield service, size * weight // whole
