"""Two times or two releases side by side: what got slower, in words, and everything that shows it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from fanlight.web import queries, wording
from fanlight.web.copying import panels
from fanlight.web.pages import sides
from fanlight.web.pages.differing import axis, endpoint_rows, overlaid, tree_rows
from fanlight.web.pages.frame import Link, frame, segment_words, span_name, tier
from fanlight.web.parameters import UNITS, Mistake, address
from fanlight.web.statements import statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

    Json = dict[str, Any]

TOLD = 12
"""Changes that are told in words; the tree has them all."""
SMALL = 0.01
"""Changes that explain less are not worth a sentence."""
RELEASES = 6
LINE = (
    *("service", "endpoint", "segment", "env", "where", "last", "from", "to"),
    *("against", "against_from", "against_to"),
)
"""Options of the command, named as in an address, but for the query."""
SHORTER = ((15, "15 minutes"), (5, "5 minutes"), (1, "minute"))
AGAINST = (("before", "the time before"), ("day", "a day before"), ("week", "a week before"))


def ask(answers: Any, asked: Asked) -> tuple[int, Json] | Mistake:
    """Answer the HTTP status and the comparison that an address asks for."""
    service = asked.get("service") or busiest(answers, asked)
    if not service:
        return Mistake("service", "", "is needed here: no service had a request in this time")
    found = sides.read(answers, asked, service)
    if isinstance(found, Mistake):
        return found
    status, told = answers.compare(scope(asked, service), found.before, found.after, asked.get("q"))
    return status, (told | {"names": [found.before_name, found.after_name]} if status == 200 else told)


def scope(asked: Asked, service: str) -> tuple[str, ...]:
    """Answer what is compared: service, endpoint, segment, as many of them as are given."""
    names = [service]
    if asked.get("endpoint"):
        names.append(asked.get("endpoint"))
        if "segment" in asked.given:
            names.append(asked.get("segment"))
    return tuple(names)


def busiest(answers: Any, asked: Asked) -> str:
    """Answer the service that was asked most, "" when none was."""
    rows = answers.overview(asked.from_ns, asked.to_ns)["services"]
    return str(max(rows, key=lambda row: row["count"])["service"]) if rows else ""


def view(answers: Any, asked: Asked, socket: str | None = None) -> tuple[Json, int] | Mistake:
    """Answer the template's context and the HTTP status, or what is wrong with the address."""
    service = asked.get("service") or busiest(answers, asked)
    context = frame(asked, "compare") | {
        "service": service,
        "endpoint": asked.get("endpoint"),
        "segment": segment_words(asked.get("segment")) if "segment" in asked.given else "",
        "q": asked.get("q"),
        "mistake": None,
        "numbers": None,
    }
    if not service:
        return context, 200
    # The switch says which one was taken too.
    context["asked"] = asked = asked._replace(given={**asked.given, "service": service})
    answered = ask(answers, asked)
    if isinstance(answered, Mistake):
        return answered
    status, found = answered
    context |= choices(answers, asked, service)
    if status != 200:
        return context | {"mistake": found["error"]["message"]}, status
    whole = queries.group(*scope(asked, service))
    # Beside nothing, everything there is would be told as new.
    is_both = all(found[side]["count"] for side in ("before", "after"))
    context |= {
        "box": f"{whole} {asked.get('q')}".strip(),
        "names": found["names"],
        "spans": [(found[side]["from"], found[side]["to"]) for side in ("before", "after")],
        "sentence": sentence(found),
        "numbers": numbers(found) if found["before"]["count"] or found["after"]["count"] else None,
        "outcomes": outcomes(found),
        "histogram": overlaid(found["histogram"], found["before"]["count"], found["after"]["count"]),
        "rows": tree_rows(found["tree"]),
        "marks": axis(found["tree"]),
        "endpoints": endpoint_rows(found, asked),
        "basis": basis(found),
        "is_both": is_both,
        "shorter": shorter(asked) if found["after"]["count"] and not is_both else [],
        "panels": copies(asked, found, socket),
    }
    return context, 200


def shorter(asked: Asked) -> list[Link]:
    """Answer the times up to now that a young service may have twice."""
    none = dict.fromkeys(
        ("from", "to", "against", "against_from", "against_to", "release", "against_release")
    )
    return [
        Link(f"the last {words}", asked.link(**{**none, "last": f"{minutes}m"}), False)
        for minutes, words in SHORTER
        if minutes * UNITS["m"] < asked.to_ns - asked.from_ns
    ]


def choices(answers: Any, asked: Asked, service: str) -> Json:
    """Answer what else can be compared: other times, releases, and the way back to the endpoint."""
    none = dict.fromkeys(("against", "against_from", "against_to", "release", "against_release"))
    chosen = asked.get("against") or "before"
    is_plain = not any(asked.get(name) for name in none if name != "against")
    releases = answers.releases(service, asked.from_ns, asked.to_ns)
    return {
        "against": [
            Link(label, asked.link(**{**none, "against": name}), is_plain and name == chosen)
            for name, label in AGAINST
        ],
        "releases": [
            Link(
                f"{later} with {earlier}",
                asked.link(**{**none, "release": later, "against_release": earlier}),
                asked.get("release") == later and asked.get("against_release") == earlier,
            )
            for earlier, later in sides.pairs(releases)[:RELEASES]
        ],
        "service_link": asked.link(endpoint=None, segment=None) if asked.get("endpoint") else None,
        "endpoint_link": address(
            "/endpoint",
            {name: asked.get(name) for name in ("service", "endpoint", "segment")} | asked.times(),
        )
        if "segment" in asked.given and asked.get("endpoint")
        else None,
    }


def sentence(found: Mapping[str, Any]) -> str:
    """Answer the outcome in one sentence."""
    one, other = found["before"], found["after"]
    if not other["count"]:
        return "No request in this time." if one["count"] else "No request in either time."
    if not one["count"]:
        return "No request in the time before, so there is nothing to compare with."
    was, now = (side["mean"] + (side["waited"] or 0) for side in (one, other))
    waits = ", waiting included" if one["waited"] or other["waited"] else ""
    took = f"A request took {wording.duration(now)} on average{waits}"
    if abs(now - was) < max(was * 0.02, 1_000):
        return f"{took}, about as long as before."
    more = wording.duration(abs(now - was))
    return f"{took}, {more} {'more' if now > was else 'less'} than before ({percent(was, now)})."


def percent(was: float, now: float) -> str:
    """Answer a change in percent with its sign; beyond a tenfold in times."""
    if was <= 0:
        return "new" if now else "none"
    if now >= 10 * was:
        return f"{wording.TIMES}{wording.short(now / was)}"
    change = (now - was) / was * 100
    # What would read as nothing is nothing.
    return "" if abs(change) < 0.05 else f"{'+' if change >= 0 else '−'}{wording.short(abs(change))}%"  # noqa: RUF001 - a real minus


def numbers(found: Mapping[str, Any]) -> list[Json]:
    """Answer the rows of both sides' numbers."""
    one, other = found["before"], found["after"]
    rates = [side["errors"] / side["count"] if side["count"] else 0 for side in (one, other)]
    rows: list[tuple[str, float | None, float | None, Any]] = [
        ("Typical", one["p50"], other["p50"], wording.duration),
        ("Problem", one["p95"], other["p95"], wording.duration),
        ("1 in 100 is slower", one["p99"], other["p99"], wording.duration),
        ("On average", one["mean"], other["mean"], wording.duration),
        ("Waited before that", one["waited"], other["waited"], wording.duration),
        ("Requests a minute", one["rpm"], other["rpm"], wording.rate),
        ("Requests", one["count"], other["count"], wording.count),
        ("Failed", rates[0], rates[1], wording.share),
    ]
    return [
        {
            "label": label,
            "before": written(was) if was is not None and one["count"] else nothing(label),
            "after": written(now) if now is not None and other["count"] else nothing(label),
            "change": change(was, now) if one["count"] and other["count"] else "",
            "is_bad": is_worse(was, now) and not label.startswith("Requests"),
        }
        for label, was, now, written in rows
        if was is not None or now is not None
    ]


def nothing(label: str) -> str:
    """Answer what stands where a side has no request."""
    return "0" if label.startswith("Requests") else "unknown"


def change(was: float | None, now: float | None) -> str:
    """Answer how a number changed, "" when that is unknown or it did not."""
    return percent(was, now) if was is not None and now is not None and was != now else ""


def is_worse(was: float | None, now: float | None) -> bool:
    """Tell whether a number that had better be small grew by a tenth or more."""
    return was is not None and now is not None and now > was * 1.1


def outcomes(found: Mapping[str, Any]) -> list[tuple[str, str, list[Json]]]:
    """Answer heading, tone and changes of both directions, first the one that a request as a whole took."""
    both = [
        ("What got slower", "bad", changes(found["changes"], 1)),
        ("What got faster", "good", changes(found["changes"], -1)),
    ]
    # Who looks after a repair wants to see it work.
    return both[::-1] if sum(each["change"] for each in found["changes"]) < 0 else both


def changes(found: Sequence[Mapping[str, Any]], sign: int) -> list[Json]:
    """Answer in words what got slower (`sign` 1) or faster (-1), what explains most of it first."""
    rows = [each for each in found if each["change"] * sign > 0 and each["share"] >= SMALL]
    rows.sort(key=lambda each: -each["share"])
    return [told(each) for each in rows[:TOLD]]


def told(each: Mapping[str, Any]) -> Json:
    """Answer one change: its name, how much of all it is, and how it came about."""
    was, now = each["before"], each["after"]
    is_queue = each["category"] == "queue"
    own = "" if is_queue or each["category"].startswith(("db", "api", "cache")) else "own time "
    how = f"{own}{wording.duration(was['self'])} before, {wording.duration(now['self'])} now"
    counted = "" if is_queue else times(was["times"], now["times"])
    sign = "+" if each["change"] > 0 else "−"  # noqa: RUF001 - a real minus
    return {
        "title": "Waiting before it began" if is_queue else span_name(each["category"], each["title"]),
        "sent": statement(each["description"], each["category"]),
        "location": each["location"],
        "tier": "queue" if is_queue else tier(each["category"]),
        "amount": f"{sign}{wording.duration(abs(each['change']))}",
        "share": wording.share(each["share"]),
        "width": round(max(each["share"] * 100, 1), 1),
        "sentence": "; ".join(part for part in (how, counted) if part),
    }


def times(was: float, now: float) -> str:
    """Answer how often something runs in a request, where that changed."""
    if not was:
        return "was not there before"
    if not now:
        return "is no longer there"
    if abs(now - was) < 0.05 * max(was, now) or wording.short(now) == wording.short(was):
        return ""
    return f"runs {wording.short(now)} times a request instead of {wording.short(was)}"


def basis(found: Mapping[str, Any]) -> list[str]:
    """Answer what the numbers rest on, where that is not simply every request."""
    one, other = found["before"], found["after"]
    out = []
    if not other["exact"]:
        out.append("The query selects among the kept requests, so the numbers are estimated from these.")
    if other["merged"] is not None and one["count"] and other["count"]:
        both = f"{wording.count(one['merged'] or 0)} and {wording.count(other['merged'])}"
        # With a query kept requests are all there is.
        why = (
            "Merged traces of all requests are kept by the hour, too coarse for these times. "
            * other["exact"]
        )
        out.append(
            f"{why}The merged traces here are of {both} kept requests, weighed by how long all of them took."
        )
    return out


def copies(asked: Asked, found: Mapping[str, Any], socket: str | None) -> Json:
    """Answer the copies of the page's panels."""
    told = dict.fromkeys(("numbers", "slower", "spread", "tree", "endpoints"), line(asked, found["service"]))
    json = address("/api/compare", {name: value for name, value in asked.given.items() if name != "live"})
    return panels(asked, json, told, socket)


def line(asked: Asked, service: str) -> str:
    """Answer the command line that tells the same in a terminal."""
    words = ["fanlight", "compare"]
    words += [asked.get(name) for name in ("against_release", "release") if asked.get(name)]
    known = {**asked.given, "service": service, "where": asked.get("q")}
    for name in LINE:
        if known.get(name):
            words += [f"--{name.replace('_', '-')}", known[name]]
    return shlex.join(words)
