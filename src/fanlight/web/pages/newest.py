"""The newest events of a query: looked for in the latest part of its time first, whatever lies behind it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fanlight.errors import QueryError
from fanlight.event.times import Time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.server.questions import Question

    Json = dict[str, Any]

PARTS = (256, 16)
"""What part of the time is looked at first, and next."""

FURTHER_S = 6.0
"""How long the page looks further back once it has some events to show."""


def newest(answers: Any, question: Question, unbounded_ns: int) -> tuple[int, Json]:
    """Answer a query's newest events, as its whole time would, and the HTTP status.

    Besides what a query answers there are `is_whole`, whether its facts are those of the whole time, and
    `since`, from when on events were looked for where the whole time took too long, else None.

    Args:
        answers: has `query(question)`.
        question: ends in `| tail` of its limit.
        unbounded_ns: length of time that stands for one without a beginning.
    """
    try:
        low, high = question.read().bounds()
    except QueryError:
        return whole(*answers.query(question))
    end = question.now_ns if high is None else high + 1
    length = end - (end - unbounded_ns if low is None else low)
    ends = {"from": None if low is None else str(Time(low)), "to": None if high is None else str(Time(high))}
    some: Json | None = None
    until_s = time.monotonic() + question.patience_s

    def within(longest_s: float) -> float:
        return max(min(longest_s, until_s - time.monotonic()), 0.0)

    for part in PARTS if length >= PARTS[0] else ():
        since = end - length // part
        status, found = answers.query(question._replace(from_ns=since, patience_s=within(FURTHER_S)))
        if status != 200:
            break
        found |= ends | {"is_whole": False, "since": None}
        if timed(found) >= question.limit:
            return status, found
        some = found | {"since": str(Time(since))} if timed(found) else None
    patience_s = within(question.patience_s if some is None else FURTHER_S)
    status, found = whole(*answers.query(question._replace(patience_s=patience_s)))
    if status != 200 and some is not None:
        return 200, some
    return status, found


def whole(status: int, found: Json) -> tuple[int, Json]:
    """Answer an answer that is of the whole time."""
    return status, found | {"is_whole": True, "since": None}


def timed(found: Mapping[str, Any]) -> int:
    """Answer how many events of an answer have a time; those without one are in every part."""
    place = next((at for at, each in enumerate(found["columns"]) if each["name"] == "time"), None)
    return 0 if place is None else sum(row[place] is not None for row in found["rows"])


def counted(facts: Mapping[str, Any], sums: Mapping[str, Any] | None) -> Json:
    """Answer the facts of the newest events with those of all of them; `read` is None where nobody knows.

    Args:
        facts: of the newest events.
        sums: facts of an answer that counts them all, if there is one.
    """
    if sums is None:
        return {**facts, "read": None, "estimate": None}
    stands_for = round(sums["stands_for"])
    sampled = f"the {sums['read']:,} that are kept stand for {stands_for:,}"
    return {
        **facts,
        "read": sums["read"],
        "stands_for": sums["stands_for"],
        "estimate": sampled if sums["estimate"] else None,
    }
