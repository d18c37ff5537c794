"""`GET /api/complete`: what may stand where somebody is writing a query, and what it means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fanlight.event import types
from fanlight.event.names import ALIASES, NAMES, canonical, spelled
from fanlight.query.nodes import BARE_NAME, BOUNDS, quoted, worded
from fanlight.web import api, wording
from fanlight.web.asking import mistake
from fanlight.web.parameters import PRESETS, Mistake
from fanlight.web.place import FUNCTION, MEMBER, NAME, NOTHING, STAGE, VALUE, Place, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.responses import Response

    from fanlight.web.parameters import Asked
    from fanlight.web.seen import Seen

OFFERS_MAX = 12
VALUE_MAX = 200
"""Characters of a value that is offered; a longer one is better written in part."""

STAGES = {
    "stats": "add up: count, avg, p95 … by group",
    "top": "the groups with the most",
    "timechart": "one function over time",
    "fields": "some properties only",
    "sort": "largest first with a dash: sort -duration",
    "head": "the first events",
    "tail": "the last events",
    "uniq": "the first event of each value",
}
FUNCTIONS = {
    "count": "how many",
    "avg": "the mean",
    "p50": "half are smaller: the median",
    "p95": "1 in 20 is larger",
    "p99": "1 in 100 is larger",
    "max": "the largest",
    "min": "the smallest",
    "sum": "all together",
    "distinct": "how many different values",
}
SPANS = {
    "span.category": "what sort of work any span is, such as db.sql.query",
    "span.title": "what any span is called",
    "span.description": "more about any span, such as its statement",
    "span.duration": "how long any span took",
}
TIME_BOUNDS = {
    "last": "the time up to now: last:15m",
    "from": "the first moment: from:-2h, from:12:00",
    "to": "the last moment",
}
OPERATORS = {"AND": "both", "OR": "one of them", "NOT": "what it does not select"}
FIXED = {
    "last": PRESETS,
    "from": ("-15m", "-2h", "-3d", "today", "yesterday"),
    "to": ("now", "-15m", "yesterday"),
    "duration": ("10ms", "100ms", "500ms", "1s", "5s"),
}
"""Values that are good to begin with, whatever the store has."""

EXACT_FIRST = frozenset({"service", "endpoint", "segment", "method", "level", "host", "failed", "whole"})
"""Names whose few values one chooses among."""


class Offer(NamedTuple):
    """Something that may stand there: what is shown, what is written, and what it means."""

    label: str
    text: str
    meaning: str = ""
    unit: str = ""


def answer(seen: Seen, asked: Asked) -> Response:
    """Answer what may stand at `at`, with the characters that it takes the place of."""
    wrong = mistake(asked, 1)
    text = asked.get("q")
    at = asked.get("at", str(len(text)))
    if wrong is None and not re.fullmatch(r"[0-9]{1,5}", at, re.ASCII):
        wrong = Mistake("at", at[:80], "expected a place in the query, counted from 0")
    if wrong is not None:
        return api.mistaken(wrong)
    where = place(text, min(int(at), len(text)))
    items = [each._asdict() for each in offers(where, seen, asked)]
    return api.answer({"start": where.start, "end": where.end, "items": items})


def offers(where: Place, seen: Seen, asked: Asked) -> list[Offer]:
    """Answer what may stand at a place, the likeliest first."""
    if where.kind == NOTHING:
        return []
    if where.kind == VALUE:
        return values(where, seen, asked)
    if where.kind == STAGE:
        return fitting(where.prefix, (Offer(name, f"{name} ", says) for name, says in STAGES.items()))
    if where.kind == FUNCTION:
        return functions(where)
    assert where.kind in (NAME, MEMBER)
    return names(where, seen, asked)


def functions(where: Place) -> list[Offer]:
    """Answer the functions of a stage, and what may follow them."""
    made = [Offer(name, name if name == "count" else f"{name}(", says) for name, says in FUNCTIONS.items()]
    if where.is_grouped:
        made.append(Offer("by", "by ", "one row for each group"))
    return fitting(where.prefix, made)


def names(where: Place, seen: Seen, asked: Asked) -> list[Offer]:
    """Answer names of properties: those that events have first, then what the dictionary has."""
    has = seen.names(asked)
    made = {}
    for name in [*(each for each in NAMES if each in has), *(each for each in has if each not in NAMES)]:
        made[name] = offer_of(name, where, *has[name])
    if where.kind == NAME:
        for name, says in {**SPANS, **TIME_BOUNDS}.items():
            made[name] = Offer(name, f"{name}{'>' if name == 'span.duration' else ':'}", says)
    elif where.is_grouped:
        made["time:"] = Offer("time:1m", "time:1m", "a step of time")
    if where.kind == MEMBER and where.name == "top":
        made["by"] = Offer("by", "by ", "by something else than their number")
    for name, known in NAMES.items():
        made.setdefault(name, offer_of(name, where, known.type, known.unit))
    found = fitting(where.prefix, made.values())
    if where.kind == NAME and where.prefix:
        found += fitting(where.prefix, (Offer(each, f"{each} ", says) for each, says in OPERATORS.items()))
        alias = ALIASES.get(spelled(where.prefix))
        if alias and alias != where.prefix and all(each.label != alias for each in found):
            found.insert(0, made[alias])
    return found[:OFFERS_MAX]


def offer_of(name: str, where: Place, kind: str, unit: str | None) -> Offer:
    """Answer the offer of a property: written with the comparison that one begins with."""
    known = NAMES.get(canonical(name))
    said = name if BARE_NAME.fullmatch(name) and name not in BOUNDS else quoted(name)
    if where.kind == MEMBER:
        text = f"{said})" if where.closes else said
    elif kind == types.DURATION:
        text = f"{said}>"
    else:
        text = f"{said}=" if name in EXACT_FIRST else f"{said}:"
    meaning = known.meaning if known else "of the latest events"
    return Offer(name, text, meaning, (known.unit if known else unit) or kind)


def values(where: Place, seen: Seen, asked: Asked) -> list[Offer]:
    """Answer values of a property: what the store has most of, or what is good to begin with."""
    name = canonical(where.name.removeprefix("span."))
    made = []
    if name == "status" and where.op == ":":
        made += [Offer(each, f":{each} ", "any of these") for each in ("5xx", "4xx", "3xx", "2xx")]
    for each in FIXED.get(name if where.op != "in" else "", ()):
        made.append(Offer(each, f"{where.op}{each} "))
    if where.name.startswith("span.") or name in BOUNDS:
        return fitting(where.prefix, made)
    for value, count in seen.values(where.name, asked, asked.get("service")):
        said = str(value).lower() if isinstance(value, bool) else str(value)
        if len(said) > VALUE_MAX:
            continue
        made.append(Offer(said, written(said, value, where), f"{wording.plural(count, 'event')}"))
    return fitting(where.prefix, made)


def written(said: str, value: object, where: Place) -> str:
    """Answer a value with its comparison; a text that was chosen whole is meant exactly."""
    if where.op == "in":
        return quoted(said) if isinstance(value, str) else said
    op = "=" if where.op == ":" and isinstance(value, str) else where.op
    return f"{op}{worded(said)} "


def fitting(prefix: str, made: Iterable[Offer]) -> list[Offer]:
    """Answer the offers that begin with what is written, then those that hold it."""
    wanted = prefix.casefold()
    every = list(made)

    def some() -> Iterator[Offer]:
        yield from (each for each in every if each.label.casefold().startswith(wanted))
        if len(wanted) > 1:
            yield from (each for each in every if wanted in each.label.casefold()[1:])

    found = list(dict.fromkeys(some()))
    # What is written already needs no offer.
    return [each for each in found if each.text.strip() != prefix][:OFFERS_MAX]
