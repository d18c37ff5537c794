"""The front page: every endpoint, the most harmful first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import charts, wording
from fanlight.web.copying import command, panels
from fanlight.web.pages.frame import Finding, Link, finding, frame, segment_words
from fanlight.web.pages.graphs import deploys
from fanlight.web.parameters import SORTS, TIMES, UNITS, address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

FINDINGS = 2
"""Findings that stand below an endpoint's name; its own page has all."""
AHEAD_NS = (UNITS["d"], 366 * UNITS["d"])
"""How far ahead of the clock an empty page looks for requests, one after the other."""
YOUNG_MIN = 15
"""The time that is shown unasked where there is nothing older in the last hour, in minutes."""
FIRST = 100
"""Rows that the page shows before it is asked for all: the worst hundred are the work of a year."""

COLUMNS = (
    ("endpoint", "Endpoint", "Route, service and kind of answer"),
    (
        "pain",
        "Pain",
        "Seconds a minute that people wait beyond what is usual, queues included",
    ),
    ("p50", "Typical", "Half of the requests are faster (p50)"),
    ("p95", "Problem", "One request in twenty is slower (p95)"),
    ("p99", "p99", "One request in a hundred is slower"),
    ("rpm", "Per minute", "Requests per minute, and how they were spread"),
    ("errors", "Errors", "Requests that failed: status 400 and above, or an exception"),
    ("count", "Requests", "Every request, counted exactly"),
)
OWN = ("show", "live")
"""Parameters of the page alone; the JSON is of every endpoint."""

WORDS = ("endpoint", "service")
FELT = ((100 * wording.MS, "instant"), (wording.SECOND, "noticeable"), (4 * wording.SECOND, "slow"))
"""How a person finds a wait that is shorter: a tenth of a second goes unnoticed, a second does not."""


class Row(NamedTuple):
    """An endpoint as the table shows it."""

    href: str
    endpoint: str
    service: str
    segment: str
    pain: str
    pain_width: int
    p50: str
    p95: str
    p99: str
    rpm: str
    sparkline: str
    errors: str
    error_share: str
    requests: str
    findings: list[Finding]
    further: int
    verdict: str
    deploys: list[float]


def select(answers: Any, asked: Asked) -> list[dict[str, Any]]:
    """Answer the endpoints that a request asks for, in its order. The JSON answer is this list."""
    rows = answers.endpoints(asked.from_ns, asked.to_ns, asked.get("service") or None)
    return arrange(rows, asked)


def arrange(rows: Sequence[dict[str, Any]], asked: Asked) -> list[dict[str, Any]]:
    """Answer rows filtered by words and sorted as asked; numbers fall, names rise."""
    words = asked.get("contains").casefold().split()
    if words:
        rows = found(words, rows)
    key = asked.get("sort")
    order = asked.get("order")
    if not key and not order:
        return list(rows)
    key = key or "pain"
    return sorted(rows, key=lambda row: row[key], reverse=(order or natural(key)) == "desc")


def found(words: Sequence[str], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer the rows whose name has every word; if none has, those with the words' letters in order."""
    names = [f"{row['endpoint']} {row['segment']} {row['service']}".casefold() for row in rows]
    exact = [row for row, name in zip(rows, names, strict=True) if all(word in name for word in words)]
    if exact:
        return exact
    return [row for row, name in zip(rows, names, strict=True) if has_letters("".join(words), name)]


def has_letters(letters: str, name: str) -> bool:
    """Answer whether a name has these letters in this order, whatever lies between."""
    rest = iter(name)
    return all(letter in rest for letter in letters)


def natural(key: str) -> str:
    """Answer the order that a column starts with."""
    return "asc" if key in WORDS else "desc"


def heads(asked: Asked) -> list[dict[str, Any]]:
    """Answer the column heads: a click sorts, a second click turns round."""
    sort = asked.get("sort") or "pain"
    order = asked.get("order") or natural(sort)
    out = []
    for key, label, hint in COLUMNS:
        here = key == sort
        turned = "asc" if order == "desc" else "desc"
        wanted = turned if here else natural(key)
        plain = key == "pain" and wanted == natural(key)
        href = asked.link(
            sort=None if plain else key,
            order=None if wanted == natural(key) else wanted,
        )
        aria = {"asc": "ascending", "desc": "descending"}[order] if here else None
        out.append({"key": key, "label": label, "hint": hint, "href": href, "aria": aria})
    return out


def view(answers: Any, asked: Asked, socket: str | None = None) -> dict[str, Any]:
    """Answer the template's context."""
    asked, told = fitted(answers, asked)
    everything, whole = told["endpoints"], told["all"]
    service = asked.get("service")
    if service:
        whole = next((row for row in told["services"] if row["service"] == service), None)
    if service and whole is None:
        # The doctor's trial is left out unless asked for.
        trial = answers.overview(asked.from_ns, asked.to_ns, service)
        whole, everything = trial["all"], [*everything, *trial["endpoints"]]
    rows = arrange([row for row in everything if not service or row["service"] == service], asked)
    shown = rows if asked.get("show") == "all" else rows[:FIRST]
    # The bar's full length is the worst of all, so that filtering does not make things look bad.
    worst = max((row["pain"] for row in everything), default=0.0)
    times = asked.times()
    began = {each["service"]: starts(each.get("releases", ()), asked) for each in told["services"]}
    requests = sum(row["count"] for row in rows)
    context = frame(asked, "endpoints")
    context |= {
        "rows": [
            table_row(row, worst, times, began.get(row["service"], ()), minutes(row["sparkline"], asked))
            for row in shown
        ],
        "environments": told["environments"],
        "has_deploys": any(began.values()),
        "heads": heads(asked),
        "facts": facts(whole, minutes(whole["sparkline"], asked)) if whole else [],
        "saturation": saturation(told.get("saturation")) if whole else [],
        "hidden": len(rows) - len(shown),
        "hidden_requests": wording.plural(requests - sum(row["count"] for row in shown), "request"),
        "all_link": asked.link(show="all"),
        "summary": summary(rows, requests, context["when"]),
        "sorts": SORTS,
        "panels": panels(
            asked,
            address("/api/endpoints", {n: value for n, value in asked.given.items() if n not in OWN}),
            dict.fromkeys(("facts", "all"), command("endpoints", asked=asked)),
            socket,
        ),
    }
    if not rows:
        context["waits"] = waits(answers, asked, bool(everything))
        # Somebody watches this page for the first request: it looks again by itself.
        context["refresh_s"] = None if everything else 5
    return context


def fitted(answers: Any, asked: Asked) -> tuple[Asked, dict[str, Any]]:
    """Answer what is asked for and what is known of it.

    Who named no time and began to look some minutes ago sees these minutes, not an hour that is empty but
    for its edge; every link of the page says so.
    """
    told = answers.overview(asked.from_ns, asked.to_ns)
    if told["all"] is None or any(name in asked.given for name in TIMES):
        return asked, told
    slots = told["all"]["sparkline"]
    length_ns = asked.to_ns - asked.from_ns
    young_ns = YOUNG_MIN * UNITS["m"]
    # One more, since a slot may be cut by the range's begin.
    if any(slots[: len(slots) - len(slots) * young_ns // length_ns + 1]):
        return asked, told
    asked = asked._replace(given={**asked.given, "last": f"{YOUNG_MIN}m"}, from_ns=asked.to_ns - young_ns)
    return asked, answers.overview(asked.from_ns, asked.to_ns)


def minutes(slots: Sequence[int], asked: Asked) -> str:
    """Answer a sparkline's path; what is counted by the minute fills it, where a slot is shorter than one."""
    each = len(slots) * UNITS["m"] // (asked.to_ns - asked.from_ns)
    if each > 1:
        slots = [
            sum(slots[at : at + each]) for at in range(0, len(slots), each) for _ in slots[at : at + each]
        ]
    return charts.sparkline(slots)


def facts(whole: Mapping[str, Any], strip: str) -> list[tuple[str, str, str, str]]:
    """Answer what all requests together are like: label, number, note, and a sparkline's path."""
    errors = whole["errors"]
    return [
        ("Typical", wording.duration(whole["p50"]), "half are faster", ""),
        ("Problem", wording.duration(whole["p95"]), "1 in 20 is slower", ""),
        ("Requests", wording.rate(whole["rpm"]), "a minute", strip),
        (
            "Errors",
            wording.share(errors / whole["count"]) if errors else "none",
            "of requests" if errors else "",
            "",
        ),
    ]


def saturation(found: Mapping[str, Any] | None) -> list[tuple[str, str, str, str]]:
    """Answer what web servers are at now: label, number, note, and how full a rail is, 0..100."""
    if found is None:
        return []
    told = []
    busy, threads, workers = found["busy"], found["threads"], found["workers"]
    if busy is not None:
        total = found["workers_total"]
        ready = "" if workers is None else wording.plural(workers, "worker")
        ready = f"{wording.count(workers)} of {ready}" if total and total != workers else ready
        of = ", ".join(
            part for part in (f"of {wording.count(threads)} threads" if threads else "", ready) if part
        )
        full = str(min(round(busy / threads * 100), 100)) if threads else ""
        told.append(("Busy now", wording.number(busy), of, full))
    if found["waiting"] is not None:
        kernel = f"{wording.count(found['backlog'])} in the kernel's queue" if found["backlog"] else ""
        told.append(("Waiting now", wording.count(found["waiting"]), kernel or "requests", ""))
    return told


def starts(releases: Sequence[Mapping[str, Any]], asked: Asked) -> list[tuple[float, str]]:
    """Answer where on a sparkline a release began, and its name."""
    return [(round(each["percent"] * 1.2, 1), each["release"]) for each in deploys(releases, asked)]


def verdict(row: Mapping[str, Any]) -> str:
    """Answer a row's typical and problem time in words, and what waiting adds to them."""
    usual, at_times = felt(row["p50"]), felt(row["p95"])
    said = f"always {usual}" if usual == at_times else f"mostly {usual}, 1 in 20 {at_times}"
    waits = row.get("waited", 0)
    return f"{said}, after a wait for a worker" if waits >= wording.MS else said


def felt(duration_ns: int) -> str:
    """Answer how a person finds a wait."""
    return next((word for limit_ns, word in FELT if duration_ns < limit_ns), "very slow")


def summary(rows: Sequence[Mapping[str, Any]], requests: int, when: str) -> str:
    """Answer the line under the heading."""
    errors = sum(row["errors"] for row in rows)
    failed = f", {wording.plural(errors, 'error')}" if errors else ""
    return f"{wording.plural(requests, 'request')} to {wording.plural(len(rows), 'endpoint')} {when}{failed}."


def table_row(
    row: Mapping[str, Any],
    worst: float,
    times: dict[str, str],
    began: Sequence[tuple[float, str]],
    strip: str,
) -> Row:
    """Answer one endpoint in words; called for up to a thousand of them."""
    query = {
        "service": row["service"],
        "endpoint": row["endpoint"],
        "segment": row["segment"],
        **times,
    }
    return Row(
        href=address("/endpoint", query),
        endpoint=row["endpoint"],
        service=row["service"],
        segment=segment_words(row["segment"]),
        pain=wording.number(row["pain"]),
        pain_width=pain_width(row["pain"], worst),
        p50=wording.duration(row["p50"]),
        p95=wording.duration(row["p95"]),
        p99=wording.duration(row["p99"]),
        rpm=wording.rate(row["rpm"]),
        sparkline=strip,
        errors=wording.count(row["errors"]) if row["errors"] else "",
        error_share=wording.share(row["errors"] / row["count"]) if row["errors"] else "",
        requests=wording.count(row["count"]),
        findings=[finding(each) for each in row["findings"][:FINDINGS]],
        further=max(len(row["findings"]) - FINDINGS, 0),
        verdict=verdict(row),
        deploys=[place for place, _ in began],
    )


def pain_width(pain: float, worst: float) -> int:
    """Answer a bar's length, 0..60, on a log scale: pain spreads over powers of ten."""
    if pain <= 0 or worst <= 0:
        return 0
    return max(round(60 * math.log1p(pain * 10) / math.log1p(worst * 10)), 2)


def later(answers: Any, asked: Asked, length_ns: int) -> bool:
    """Tell whether requests are kept that began after now, as where a clock was set back."""
    return bool(answers.endpoints(asked.now_ns, asked.now_ns + length_ns, asked.get("service") or None))


def waits(answers: Any, asked: Asked, filtered: bool) -> dict[str, Any]:
    """Answer what an empty page says it waits for, and what would end the waiting."""
    if filtered:
        clear = asked.link(service=None, env=None, contains=None)
        return {"why": "filter", "links": [Link("Show all endpoints", clear, False)]}
    known = [
        name for name, account in answers.status().get("services", {}).items() if account.get("accepted")
    ]
    if known:
        ahead = [ahead_ns for ahead_ns in AHEAD_NS if later(answers, asked, ahead_ns)]
        if ahead:
            here, there = wording.rfc3339(asked.now_ns), wording.rfc3339(asked.now_ns + ahead[0])
            link = Link("Show them", asked.link(last=None, from_=here, to=there), False)
            return {"why": "ahead", "links": [link]}
        longer = [
            Link(f"last {each}", asked.link(last=each, from_=None, to=None), False) for each in ("24h", "7d")
        ]
        return {"why": "time", "links": longer}
    return {"why": "first", "links": []}
