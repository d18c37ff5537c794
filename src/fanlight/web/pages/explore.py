"""Explore: a query, what it selects, and when that was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import QueryError
from fanlight.query.nodes import Keyword, Or
from fanlight.server.questions import Question, refused
from fanlight.web import queries, wording
from fanlight.web.copying import panels
from fanlight.web.pages.curves import curves
from fanlight.web.pages.frame import Link, frame, when
from fanlight.web.pages.graphs import nanoseconds
from fanlight.web.pages.newest import counted, newest
from fanlight.web.pages.results import is_tabled, table
from fanlight.web.pages.volume import stage, volume
from fanlight.web.parameters import TIMES, UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.query.query import Query
    from fanlight.web.parameters import Asked
    from fanlight.web.seen import Seen

    Json = dict[str, Any]

ROWS = 100
ROWS_MAX = 1000
PATIENCE_S = 20.0
VOLUME_S = 12.0
"""How long the bars may take; the page does without them rather than wait longer."""
HURRY_S = 0.5
"""How long the events, and the bars, may take at first; what takes longer comes with `/explore/whole`."""
MEANWHILE = 20
"""Events that are shown while an answer with stages is worked out."""

STEPS_MAX = 10_000
UNBOUNDED = 7 * UNITS["d"]
"""What the bars show of a query that has an end and no beginning."""

WINDOW = 64
"""Characters of a query that are shown round a mistake."""

EXAMPLES = (
    ("duration:>1s", "what took more than a second"),
    ("failed=true", "what failed"),
    ("status:5xx | top 10 endpoint", "the endpoints with the most server errors"),
    ("| top 10 endpoint by p95(duration)", "the slowest endpoints"),
    ("| timechart 5m p95(duration) by service", "how slow each service was over time"),
    ("span.category:^db | stats count, p95(duration) by endpoint", "requests with a database query"),
)


class Mistaken(NamedTuple):
    """What is wrong with a query: the sentence, the line, and where in it."""

    message: str
    before: str
    at: str
    behind: str
    blank: str
    position: int


def view(
    answers: Any, seen: Seen, asked: Asked, socket: str | None = None, *, whole: bool = True
) -> tuple[int, Json]:
    """Answer the HTTP status and the template's context.

    Args:
        answers: has `query(question)`.
        seen: for the list of services, and for what might have been meant.
        asked: the request.
        socket: path of the owner's socket, for the command line of `curl`.
        whole: wait for all of it; else what is there at once, and the address of the rest.
    """
    text = asked.get("q")
    context = frame(asked, "explore") | {
        "q": text,
        "services": seen.services(asked),
        "examples": [Link(each, queries.link(each, asked.times()), False) for each, _ in EXAMPLES],
        "example_words": [words for _, words in EXAMPLES],
        "mistake": None,
        "too_long": None,
        "answer": None,
        "copies": [],
        "panels": {},
        "volume": None,
        "curves": None,
        "json_link": queries.json_link(asked),
        "later": None,
        "awaited": "The answer is being worked out…",
    }
    try:
        query = queries.asked_for(asked)
    except QueryError as error:
        return 400, context | {"mistake": mistaken(refused(error)["error"])}
    context["copies"] = copies(query, asked, socket)
    told = dict.fromkeys(("volume", "curves", "results"), queries.command(query, asked))
    context["panels"] = panels(asked, queries.json_link(asked), told, socket)
    if not whole:
        context["later"] = asked._replace(path="/explore/whole").link()
    return filled(context, answers, seen, query, asked)


def filled(context: Json, answers: Any, seen: Seen, query: Query, asked: Asked) -> tuple[int, Json]:
    """Answer the HTTP status and the context with the answer of a query.

    With an address in `later` it is what is there at once; the address stays where something is not.
    """
    later, context["later"] = context["later"], None
    asking = question(page_text(query, asked), asked, limit(asked), HURRY_S if later else PATIENCE_S)
    status, found = answers.query(asking) if query.stages else newest(answers, asking, UNBOUNDED)
    if status != 200 and later and found["error"]["code"] == "too-long":
        return 200, context | {"later": later} | meanwhile(answers, query, asked)
    if status != 200:
        wrong = found["error"]
        if wrong["code"] == "too-long":
            return status, context | {"too_long": shorter(asked)}
        return status, context | {"mistake": mistaken(wrong)}
    if not query.stages:
        found["rows"].reverse()
    context["curves"] = curves(found, query, *bounds_of(found, asked))
    context["volume"], sums = bars(answers, query, found, asked, HURRY_S if later else VOLUME_S)
    if not found.get("is_whole", True):
        found["facts"] = counted(found["facts"], sums)
    context["answer"] = answered(found, query, asked)
    left = left_out(found, sums, asked)
    if left and later:
        context |= {"later": later, "awaited": "Counting events over time…"}
    else:
        context["answer"]["notes"] += left
    if not found["rows"]:
        context["answer"]["hints"] = hints(query, seen, asked)
    return 200, context


def meanwhile(answers: Any, query: Query, asked: Asked) -> Json:
    """Answer what is shown while an answer is worked out: the newest events that go into it."""
    if not query.stages:
        return {}
    selecting = query.within(None, None)
    selecting.stages = ()
    asking = question(f"{selecting} | tail {MEANWHILE}", asked, MEANWHILE, HURRY_S)
    status, found = newest(answers, asking, UNBOUNDED)
    if status != 200 or not found["rows"]:
        return {}
    found["rows"].reverse()
    found["facts"] = counted(found["facts"], None)
    some = answered(found, selecting, asked)
    said = f"The newest {wording.plural(len(found['rows']), 'event')} of which the answer is made."
    return {"answer": some | {"summary": said, "more_link": None}}


def limit(asked: Asked) -> int:
    """Answer how many rows the page shows at the most."""
    return int(asked.get("limit", str(ROWS)))


def question(text: str, asked: Asked, rows: int, patience_s: float) -> Question:
    """Answer the question that a page asks: within the address's time where it has one."""
    is_bounded = any(asked.get(name) for name in TIMES)
    return Question(
        text=text,
        now_ns=asked.now_ns,
        from_ns=asked.from_ns if is_bounded else None,
        to_ns=asked.to_ns if is_bounded else None,
        service=asked.get("service"),
        limit=rows,
        patience_s=patience_s,
    )


def page_text(query: Query, asked: Asked) -> str:
    """Answer what is asked: a query without stages means its newest events."""
    return str(query) if query.stages else f"{query} | tail {limit(asked)}"


def answered(found: Json, query: Query, asked: Asked) -> Json:
    """Answer what the template shows of an answer."""
    facts = found["facts"]
    made = table(found, query, asked.times())
    return {
        "table": made,
        "is_tabled": is_tabled(query),
        "summary": summary(facts, len(made.rows), query, asked),
        "notes": told(facts, query),
        "plan": plan(facts, query),
        "more_link": more(facts, len(made.rows), query, asked),
        "hints": None,
    }


def summary(facts: Mapping[str, Any], rows: int, query: Query, asked: Asked) -> str:
    """Answer the line above the table: how many there are, how many are shown."""
    bounds = within(query, asked)
    if facts["read"] is None:
        return f"The newest {wording.plural(rows, 'event')} {bounds}, newest first."
    events = wording.plural(facts["read"], "event")
    if is_tabled(query):
        return f"{wording.plural(rows, 'row')} from {events} {bounds}."
    if not query.stages and facts["read"] > rows:
        return f"{events} {bounds}; the newest {wording.count(rows)} are shown, newest first."
    if not query.stages:
        return f"{events} {bounds}{', newest first' if rows > 1 else ''}."
    return f"{wording.plural(rows, 'row')} of {events} {bounds}."


def within(query: Query, asked: Asked) -> str:
    """Answer when, in words; a query with bounds of its own says it itself."""
    if query.limits:
        return "in the time that the query says" + (f", of {asked.get('tz')}" if asked.get("tz") else "")
    return when(asked)


def told(facts: Mapping[str, Any], query: Query) -> list[str]:
    """Answer what a person has to know about an answer."""
    said = []
    if facts["estimate"]:
        said.append(f"Sampled: {facts['estimate']}.")
    if query.keywords_united and isinstance(query.node, Or):
        words = [str(part) for part in query.node.parts if isinstance(part, Keyword)]
        if words:
            said.append(f"Events with {' or '.join(words)}; for all of them, write AND between.")
    if facts["truncated"]:
        said.append("There is more than is shown.")
    said += [
        f"{name} was looked up in the events nearest in time: {wording.count(times)} found."
        for name, times in facts["joined"].items()
    ]
    return said


def plan(facts: Mapping[str, Any], query: Query) -> list[str]:
    """Answer how an answer was come by, for whoever wonders why it took so long."""
    said = [f"understood as {str(query) or 'everything'}"]
    said += facts["pushed"]
    said += [f"the store ran | {each}" for each in facts["stages_pushed"]]
    said += [f"over events, one by one: | {each}" for each in facts["stages_run"]]
    said.append(f"{wording.plural(facts['scanned'], 'event')} looked at one by one")
    return [*said, f"{facts['took_ms']:g} ms"]


def more(facts: Mapping[str, Any], rows: int, query: Query, asked: Asked) -> str | None:
    """Answer the address that shows more rows; None where there are none, or too many already."""
    many = rows == limit(asked) if facts["read"] is None else facts["read"] > rows
    left = facts["truncated"] or (not query.stages and many)
    return asked.link(limit=str(ROWS_MAX)) if left and limit(asked) < ROWS_MAX else None


def bars(
    answers: Any, query: Query, found: Mapping[str, Any], asked: Asked, patience_s: float
) -> tuple[Json | None, Json | None]:
    """Answer the bars over time of what the query selects, and the facts of counting it.

    No bars where there are none to be had, no facts where nothing was counted.
    """
    low, high = bounds_of(found, asked)
    if high <= low or not found["facts"]["read"]:
        return None, None
    length = high - low
    text = f"{queries.filtering(query)} | {stage(length)}"
    status, sums = answers.query(question(text, asked, STEPS_MAX, patience_s))
    return (volume(sums, low, high, asked, length), sums["facts"]) if status == 200 else (None, None)


def left_out(found: Mapping[str, Any], sums: Json | None, asked: Asked) -> list[str]:
    """Answer what of the page took too long, and what is to be seen of it all the same."""
    said = []
    if found.get("since"):
        since = wording.day_and_clock(found["since"])
        said.append(f"Looking at all of the time took too long: these are the events since {since} UTC.")
    low, high = bounds_of(found, asked)
    if sums is None and found["rows"] and high > low:
        said.append(
            "Counting the events took too long: a shorter time or a narrower query has bars over time."
        )
    return said


def bounds_of(found: Mapping[str, Any], asked: Asked) -> tuple[int, int]:
    """Answer the time that an answer is of: its first moment, and the first one behind."""
    high = nanoseconds(found["to"]) if found["to"] else asked.to_ns
    return nanoseconds(found["from"]) if found["from"] else high - UNBOUNDED, high


def copies(query: Query, asked: Asked, socket: str | None) -> list[tuple[str, str]]:
    """Answer what asks the same elsewhere: a name and a line to copy."""
    lines = [("Terminal", queries.command(query, asked))]
    by_curl = queries.curl(asked, socket)
    return [*lines, ("curl", by_curl)] if by_curl else lines


def shorter(asked: Asked) -> list[Link]:
    """Answer shorter times than the one that took too long."""
    length = asked.to_ns - asked.from_ns
    return [
        Link(f"last {name}", asked.link(last=name, from_=None, to=None), False)
        for name, ns in (("15m", 15 * UNITS["m"]), ("1h", UNITS["h"]), ("6h", 6 * UNITS["h"]))
        if ns < length
    ]


def hints(query: Query, seen: Seen, asked: Asked) -> Json:
    """Answer what may lead on from nothing: a longer time, a name that was meant, everything."""
    length = asked.to_ns - asked.from_ns
    longer = [
        Link(f"last {name}", asked.link(last=name, from_=None, to=None), False)
        for name, ns in (("24h", UNITS["d"]), ("7d", 7 * UNITS["d"]))
        if ns > length and not query.limits
    ]
    return {
        "unknown": seen.lacking(query, asked),
        "longer": longer,
        "is_empty": not seen.names(asked),
        "everything": queries.link("", asked.times()) if asked.get("q") else None,
    }


def mistaken(error: Mapping[str, Any]) -> Mistaken:
    """Answer a mistake with as much of its line as a page has room for."""
    line, _, blank = error.get("caret", "").rpartition("\n")
    place = min(len(blank) - 1, len(line)) if blank else 0
    low = max(place - WINDOW, 0)
    before, behind = line[low:place], line[place + 1 : place + WINDOW]
    # What is made visible is longer than it was: the blank under it as well.
    before = str(wording.visible(before.replace("\t", " ")))
    before = f"…{before}" if low else before
    return Mistaken(
        message=error["message"],
        before=before,
        at=str(wording.visible(line[place : place + 1])),
        behind=f"{behind}…" if place + WINDOW < len(line) else behind,
        blank=" " * len(before),
        position=error.get("position", 0),
    )
