"""Which two times a comparison is of: two ranges, or the times of two releases."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web.pages.graphs import nanoseconds
from fanlight.web.parameters import TIMES, UNITS, Mistake, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

MINUTE = UNITS["m"]
AGO = {"day": UNITS["d"], "week": 7 * UNITS["d"]}
FAR = 30 * UNITS["d"]
"""How far back releases are looked for when no time is given."""

Range = tuple[int, int]


class Sides(NamedTuple):
    """The earlier time and the later one, in ns since 1970, and what they are called."""

    before: Range
    after: Range
    before_name: str
    after_name: str


NAMES = {"before": "the time before", "day": "a day before", "week": "a week before"}


def read(answers: Any, asked: Asked, service: str) -> Sides | Mistake:
    """Answer the two times that an address asks for."""
    if asked.get("release") or asked.get("against_release"):
        return of_releases(answers, asked, service)
    after = (asked.from_ns, asked.to_ns)
    if asked.get("against_from") or asked.get("against_to"):
        return of_range(asked, after)
    against = asked.get("against") or "before"
    shift = AGO.get(against, asked.to_ns - asked.from_ns)
    before = (max(asked.from_ns - shift, 0), max(asked.to_ns - shift, 1))
    return Sides(before, after, NAMES[against], "this time")


def of_range(asked: Asked, after: Range) -> Sides | Mistake:
    """Answer the later time and the one that the address names beside it."""
    moments = []
    for name in ("against_from", "against_to"):
        moment = read_time(asked.get(name))
        if moment is None:
            return Mistake(name, asked.get(name)[:80], "expected a time such as 2026-01-31T14:05:00Z")
        moments.append(moment)
    if moments[0] >= moments[1]:
        return Mistake("against_from", asked.get("against_from")[:80], "must lie before `against_to`")
    return Sides((moments[0], moments[1]), after, "the other time", "this time")


def of_releases(answers: Any, asked: Asked, service: str) -> Sides | Mistake:
    """Answer when each of two releases ran; minutes in which both did count for neither."""
    is_bounded = any(name in asked.given for name in TIMES)
    from_ns = asked.from_ns if is_bounded else asked.now_ns - FAR
    known = answers.releases(service, from_ns, asked.to_ns)
    names = [each["release"] for each in known]
    wanted = []
    for name in ("against_release", "release"):
        if asked.get(name) not in names:
            told = "no such release ran in this time" if asked.get(name) else "is needed beside the other one"
            return Mistake(name, asked.get(name)[:80], told)
        wanted.append(known[names.index(asked.get(name))])
    if wanted[0] is wanted[1]:
        return Mistake("against_release", asked.get("against_release")[:80], "is the same release")
    ranges = [ran(each, other, asked.to_ns) for each, other in zip(wanted, wanted[::-1], strict=True)]
    return Sides(ranges[0], ranges[1], *(f"release {each['release']}" for each in wanted))


def ran(release: Mapping[str, Any], other: Mapping[str, Any], to_ns: int) -> Range:
    """Answer when a release ran alone: until the other began, or from when that ended."""
    first, last = nanoseconds(release["first"]), nanoseconds(release["last"]) + MINUTE
    began, ended = nanoseconds(other["first"]), nanoseconds(other["last"]) + MINUTE
    if first < began < last:
        last = began
    elif began <= first < ended < last:
        first = ended
    return first, max(min(last, to_ns), first + 1)


def pairs(found: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Answer each release with the one before it, the latest first."""
    names = [each["release"] for each in found]
    return list(pairwise(names))[::-1]
