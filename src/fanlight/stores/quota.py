"""Each service's share of a day in the store: whoever has much of it leaves room for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROW_BYTES, SPAN_BYTES, NOTE_BYTES = 56, 20, 12
"""What a trace's row, a span and an annotation take in a day's file without their texts: measured and
rounded up, since taking a service for too large harms nobody but it."""

WHOLE, ROWS, COUNTS = "whole traces", "rows of traces", "counts"
"""What is kept of a service, each beside what follows it; of counts there are trees too."""


class Held(NamedTuple):
    """What a service has in one day."""

    bytes: int = 0
    """Its rows, spans, annotations and texts, estimated."""
    left_out: int = 0
    """Traces that lost their spans, or their row too, to this rule."""


class Share(NamedTuple):
    """What a service has in the store."""

    bytes: int
    left_out: int
    keeps: str
    """What its next record is kept as: `WHOLE`, `ROWS` or `COUNTS`."""


class Quota:
    """One day as it fills. A pure function of what the day holds, so a repetition decides the same.

    Args:
        bound: bytes that the store may take; 0 is no bound.
        others: services that other days of the store know.
        held: what this day holds.
    """

    def __init__(self, bound: int, others: Iterable[str], held: Mapping[str, Held]) -> None:
        self.bound = bound
        self.known = {*others, *held}
        self.held = dict(held)
        self.used = sum(each.bytes for each in held.values())
        self.added: dict[str, Held] = {}

    def meet(self, services: Iterable[str]) -> None:
        """Take note of a record's services, also of those that bring counts alone."""
        for service in services:
            self.add(service, 0, 0)

    def keeps(self, service: str) -> str:
        """Answer what a record of this service is kept as."""
        if not self.bound or len(self.known) < 2:
            return WHOLE
        # As much as is left of the bound beside all of this day: alone that is half of it, two that
        # flood have a third each, and however many they are, something is left for the older days.
        left = self.bound - self.used
        held = self.held.get(service, Held()).bytes
        if 2 * held <= left:
            return WHOLE
        return ROWS if held <= left else COUNTS

    def add(self, service: str, size: int, left_out: int) -> None:
        """Add what a record brought of a service."""
        self.known.add(service)
        self.used += size
        for sums in (self.held, self.added):
            known = sums.get(service, Held())
            sums[service] = Held(known.bytes + size, known.left_out + left_out)


def others(days: Mapping[int, Mapping[str, Held]], day: int) -> set[str]:
    """Answer the services that other days know."""
    return {service for number, held in days.items() if number != day for service in held}


def shares(days: Mapping[int, Mapping[str, Held]], bound: int) -> dict[str, Share]:
    """Answer every service's share of some days; the newest one tells what it keeps."""
    if not days:
        return {}
    newest = max(days)
    quota = Quota(bound, others(days, newest), days[newest])
    sums: dict[str, Held] = {}
    for held in days.values():
        for service, each in held.items():
            known = sums.get(service, Held())
            sums[service] = Held(known.bytes + each.bytes, known.left_out + each.left_out)
    return {service: Share(*each, quota.keeps(service)) for service, each in sorted(sums.items())}


def heaviest(days: Mapping[int, Mapping[str, Held]]) -> list[str]:
    """Answer the services that hold more than an equal share of some days, the heaviest first."""
    sums = {service: share.bytes for service, share in shares(days, 0).items() if share.bytes}
    above = [service for service, size in sums.items() if size * len(sums) > sum(sums.values())]
    return sorted(above, key=lambda service: -sums[service])
