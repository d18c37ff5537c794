"""One endpoint: how slow, when, for whom, and where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.query.query import Query
from fanlight.web import queries, wording
from fanlight.web.copying import panels
from fanlight.web.pages.division import division, words
from fanlight.web.pages.frame import Link, finding, frame, segment_words
from fanlight.web.pages.graphs import deploys, histogram, timeline
from fanlight.web.pages.merged import axis, condensed, main_parts, nodes, wider
from fanlight.web.parameters import LONGEST, address
from fanlight.web.statements import statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

FINDINGS = 3
"""Findings above the charts that are not folded: more would push the answer off the screen."""
SAMPLES = 8
NOTABLE = 1.1
"""A time that changed by less has stayed."""


class Sample(NamedTuple):
    """A link to one kept trace."""

    href: str
    duration: str
    time: str
    whole: bool
    error: bool
    spans: str


def view(answers: Any, asked: Asked, socket: str | None = None) -> dict[str, Any] | None:
    """Answer the template's context, or None when there was no such request in this time."""
    found = ask(answers, asked)
    if not found:
        return None
    context = frame(asked, "endpoints")
    asks = queries_of(found, asked)
    context |= follow(found, asked, asks, socket)
    context |= {
        "asks": asks,
        "endpoint": found["endpoint"],
        "service": found["service"],
        "segment": segment_words(found["segment"]),
        "facts": facts(found, asks),
        "sentence": sentence(found, context["when"]),
        "findings": repeated(found, asked, socket),
        "shown": FINDINGS,
        "counted": wider(found, None),
        "timeline": timeline(found["timeline"], asked),
        "deploys": deploys(found.get("releases", ()), asked),
        "changes": [change(each) for each in found.get("deploys", ())],
        "service_link": address("/", {"service": found["service"], **asked.times()}),
    }
    return context


def repeated(found: Mapping[str, Any], asked: Asked, socket: str | None) -> list[tuple[Any, ...]]:
    """Answer each finding in words, its statement, the address of its requests, and its copies."""
    texts = [queries.repeating(found, each) for each in found["findings"]]
    narrow = asked._replace(given={**asked.times()})
    lines = {f"finding-{nth}": queries.command(Query(text), narrow) for nth, text in enumerate(texts, 1)}
    copied = panels(asked, api_address(asked), lines, socket)
    return [
        (finding(each), statement(each["description"], "db.sql"), queries.link(text, asked.times()), panel)
        for each, text, panel in zip(found["findings"], texts, copied.values(), strict=True)
    ]


def is_known(answers: Any, asked: Asked) -> bool:
    """Tell whether an endpoint was asked at any time that is kept."""
    *name, _, _, _ = named(asked)
    return answers.brushed(*name, max(asked.now_ns - LONGEST, 0), asked.now_ns, []) is not None


def quiet(asked: Asked) -> dict[str, Any]:
    """Answer the context of the page of an endpoint that was not asked in this time."""
    longer = [
        Link(f"last {each}", asked.link(last=each, from_=None, to=None), False) for each in ("24h", "7d")
    ]
    return frame(asked, "endpoints") | {
        **{name: asked.get(name) for name in ("service", "endpoint")},
        "segment": segment_words(asked.get("segment")),
        "longer": longer,
        "service_link": address("/", {"service": asked.get("service"), **asked.times()}),
    }


def queries_of(found: Mapping[str, Any], asked: Asked) -> dict[str, str | None]:
    """Answer the addresses of the queries that the page leads to."""
    texts = queries.of_endpoint(found)
    return {what: text and queries.link(text, asked.times()) for what, text in texts.items()}


def followed(answers: Any, asked: Asked, socket: str | None = None) -> dict[str, Any] | None:
    """Answer the context of what alone follows a choice of durations, None when there was no request."""
    found = answers.brushed(*named(asked))
    return follow(found, asked, queries_of(found, asked), socket) if found else None


def follow(
    found: Mapping[str, Any], asked: Asked, asks: Mapping[str, str | None], socket: str | None
) -> dict[str, Any]:
    """Answer what of the page follows the durations that were chosen: chart, merged trace, samples."""
    tree = found["tree"]
    shown, hidden = condensed(tree, asked)
    whole = queries.group(found["service"], found["endpoint"], found["segment"])
    small = hidden or len(tree) - len(main_parts(tree))
    return {
        "asked": asked,
        "box": queries.selected(whole, asked.octaves),
        "histogram": spread(found, asked, whole),
        "parts": division(found["split"]),
        "nodes": nodes(shown, tree, waited_ns(found["split"])),
        "marks": axis(tree, waited_ns(found["split"])),
        "wider": wider(found, asked.octaves),
        "hidden": hidden,
        "small": small,
        "all_link": asked.link(leaves="all"),
        "main_link": asked.link(leaves="main"),
        "samples": samples(found["samples"], found["p50"], asked, asks),
        "panels": panels(asked, api_address(asked), commands(asked, whole), socket),
    }


def waited_ns(split: Sequence[Mapping[str, Any]]) -> int:
    """Answer how long the mean request waited before it began, 0 where that is unknown."""
    return next((int(each["time"]) for each in split if each["part"] == "queue"), 0)


def change(found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer what a release changed: each number before and after it, and which way the times went."""
    before, after = found["before"], found["after"]
    told = [
        ("Typical", *(wording.duration(each["p50"]) if each else "none" for each in (before, after)), "p50"),
        ("Problem", *(wording.duration(each["p95"]) if each else "none" for each in (before, after)), "p95"),
        ("Errors", *(failed(each) if each else "none" for each in (before, after)), ""),
        ("Requests", *(wording.count(each["count"]) if each else "none" for each in (before, after)), ""),
        ("Per minute", *(wording.rate(each["rpm"]) if each else "none" for each in (before, after)), ""),
    ]
    cells = [
        (label, one, other, turn(before[name] / max(after[name], 1)) if name and before and after else "")
        for label, one, other, name in told
    ]
    return {"release": found["release"], "time": found["time"], "cells": cells}


def failed(part: Mapping[str, Any]) -> str:
    """Answer the share of failed requests."""
    return wording.share(part["errors"] / part["count"]) if part["errors"] else "none"


def turn(quicker: float) -> str:
    """Answer how many times quicker or slower something became, as far as it is worth a word."""
    if 1 / NOTABLE < quicker < NOTABLE:
        return ""
    times, way = (quicker, "quicker") if quicker > 1 else (1 / max(quicker, 1e-9), "slower")
    return f"{wording.short(times)}{wording.TIMES} {way}"


def api_address(asked: Asked) -> str:
    """Answer the address of the JSON behind the page; what only the page knows is left out."""
    own = ("leaves", "live")
    return address("/api/endpoint", {name: value for name, value in asked.given.items() if name not in own})


def commands(asked: Asked, whole: str) -> dict[str, str | None]:
    """Answer the command lines that tell in a terminal what the panels show."""
    chosen = queries.selected(whole, asked.octaves)
    sums = "stats count, p50(duration), p95(duration), p99(duration), max(duration)"
    asks = {
        "facts": f"{whole} | {sums}",
        "over-time": f"{whole} | stats p50(duration), p95(duration), count by time:1m",
        "spread": f"{chosen} | {sums}",
        "where": f"{chosen} | sort -duration | head 20",
        "samples": f"{chosen} | sort -duration | head 20",
    }
    narrow = asked._replace(given={**asked.times()})
    return {anchor: queries.command(Query(text), narrow) for anchor, text in asks.items()}


def ask(answers: Any, asked: Asked) -> Any:
    """Answer what the store knows of the endpoint that a request names. The JSON answer is this."""
    return answers.endpoint(*named(asked))


def named(asked: Asked) -> tuple[Any, ...]:
    """Answer the name, the time and the octaves that a request asks for."""
    octaves = list(asked.octaves) if asked.octaves is not None else None
    name = (asked.get("service"), asked.get("endpoint"), asked.get("segment"))
    return *name, asked.from_ns, asked.to_ns, octaves


def spread(found: Mapping[str, Any], asked: Asked, whole: str) -> dict[str, Any] | None:
    """Answer the latency distribution, each of its parts with the query of its requests."""
    drawn = histogram(found["histogram"], asked)
    if drawn is None:
        return None
    times = asked.times()
    splits = {each["octave"]: each["split"] for each in found["histogram"]}
    for each in drawn["octaves"]:
        each["split"] = words(splits.get(each["number"], {}))
        each["query"] = queries.link(f"{whole} {queries.took([each['number']])}", times)
    drawn["query"] = queries.link(queries.selected(whole, asked.octaves), times) if asked.octaves else None
    return drawn


def facts(found: Mapping[str, Any], asks: Mapping[str, str | None]) -> list[dict[str, str | None]]:
    """Answer the four numbers of the heading, and the queries of the requests behind them."""
    errors = found["errors"]
    return [
        {
            "label": "Typical",
            "href": asks["typical"],
            "value": wording.duration(found["p50"]),
            "note": "half are faster",
        },
        {
            "label": "Problem",
            "href": asks["slow"],
            "value": wording.duration(found["p95"]),
            "note": "1 in 20 is slower",
        },
        {
            "label": "Requests",
            "href": asks["all"],
            "value": wording.count(found["count"]),
            "note": f"{wording.rate(found['rpm'])} a minute",
        },
        {
            "label": "Errors",
            "href": asks["failed"],
            "value": wording.count(errors),
            "note": f"{wording.share(errors / found['count'])} of requests" if errors else "none failed",
        },
    ]


def sentence(found: Mapping[str, Any], when: str) -> str:
    """Answer the heading's numbers as a sentence; it adds what they leave out."""
    return (
        f"{wording.plural(found['count'], 'request')} {when}. On average {wording.duration(found['mean'])}, "
        f"one in a hundred over {wording.duration(found['p99'])}, "
        f"the slowest {wording.duration(found['max'])}."
    )


def samples(
    kept: Sequence[Mapping[str, Any]], typical: int, asked: Asked, asks: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Answer three short lists of traces to open: slowest, failed, nearest to the typical duration."""
    times = asked.times()
    slowest = sorted(kept, key=lambda each: -each["duration"])[:SAMPLES]
    failed = [each for each in kept if each["error"]][:SAMPLES]
    ordinary = [each for each in kept if not each["error"] and each["whole"]]
    usual = sorted(ordinary, key=lambda each: abs(each["duration"] - typical))[:SAMPLES]
    groups = (
        ("Slowest", "slowest", slowest),
        ("With an error", "failed", failed),
        ("Typical", "typical", usual),
    )
    return [
        {"title": title, "href": asks[what], "rows": [sample(each, times) for each in rows]}
        for title, what, rows in groups
        if rows
    ]


def sample(each: Mapping[str, Any], times: dict[str, str]) -> Sample:
    """Answer one trace as a line of a list."""
    return Sample(
        href=address(f"/trace/{each['id']}", times),
        duration=wording.duration(each["duration"]),
        time=each["time"],
        whole=bool(each["whole"]),
        error=bool(each["error"]),
        spans=wording.plural(each["spans"], "span") if each["whole"] else "duration only",
    )
