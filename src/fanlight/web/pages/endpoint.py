"""One endpoint: how slow, when, for whom, and where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.query.query import Query
from fanlight.web import queries, wording
from fanlight.web.copying import panels
from fanlight.web.pages.division import division, words
from fanlight.web.pages.frame import finding, frame, segment_words, span_name, tier
from fanlight.web.pages.graphs import deploys, histogram, timeline
from fanlight.web.parameters import address
from fanlight.web.statements import Statement, statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

SMALL = 0.01
"""Leaves under this share of the request are left out until asked for."""

MANY = 40
"""Trees up to this size are shown whole: nothing is gained by hiding three rows of twelve."""

DEEPEST = 12
"""Indentation stops here; deeper rows say their level to screen readers only."""

FINDINGS = 3
"""Findings above the charts that are not folded: more would push the answer off the screen."""
SAMPLES = 8
NOTABLE = 1.1
"""A time that changed by less has stayed."""


class Node(NamedTuple):
    """A row of the merged trace."""

    title: str
    sent: Statement
    category: str
    tier: str
    indent: int
    level: int
    times: str
    total: str
    own: str
    share: str
    some: str
    location: str
    x: float
    width: float
    own_width: float
    repeated: bool
    among: str


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
        "findings": [
            (
                finding(each),
                statement(each["description"], "db.sql"),
                queries.link(queries.repeating(found, each), asked.times()),
            )
            for each in found["findings"]
        ],
        "shown": FINDINGS,
        "timeline": timeline(found["timeline"], asked),
        "deploys": deploys(found.get("releases", ()), asked),
        "changes": [change(each) for each in found.get("deploys", ())],
        "service_link": address("/", {"service": found["service"], **asked.times()}),
    }
    return context


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
        "nodes": nodes(shown, tree),
        "hidden": hidden,
        "small": small,
        "all_link": asked.link(leaves="all"),
        "main_link": asked.link(leaves="main"),
        "samples": samples(found["samples"], found["p50"], asked, asks),
        "panels": panels(asked, api_address(asked), commands(asked, whole), socket),
    }


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
    asks = {
        "over-time": f"{whole} | stats p50(duration), p95(duration), count by time:1m",
        "spread": f"{chosen} | stats count, p50(duration), p95(duration), p99(duration), max(duration)",
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
            "note": f"{wording.share(errors / found['count'])} of requests" if errors else "none",
        },
    ]


def sentence(found: Mapping[str, Any], when: str) -> str:
    """Answer the heading's numbers as a sentence; it adds what they leave out."""
    return (
        f"{wording.plural(found['count'], 'request')} {when}. On average {wording.duration(found['mean'])}, "
        f"one in a hundred over {wording.duration(found['p99'])}, "
        f"the slowest {wording.duration(found['max'])}."
    )


def condensed(tree: Sequence[dict[str, Any]], asked: Asked) -> tuple[list[dict[str, Any]], int]:
    """Answer the nodes to show, and how many small leaves were left out."""
    wanted = asked.get("leaves") or ("main" if len(tree) > MANY else "all")
    kept = list(tree) if wanted == "all" else main_parts(tree)
    return kept, len(tree) - len(kept)


def main_parts(tree: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answer the nodes without small leaves."""
    # From the last to the first, so that a node is judged after all of its children.
    kept_parents: set[Any] = set()
    kept = []
    for node in reversed(tree):
        if node["share"] >= SMALL or node["path"] in kept_parents or node["depth"] == 0:
            kept_parents.add(node["parent"])
            kept.append(node)
    kept.reverse()
    return kept


def nodes(shown: Sequence[Mapping[str, Any]], tree: Sequence[Mapping[str, Any]]) -> list[Node]:
    """Answer the rows of the merged trace, drawn to the scale of the mean request."""
    if not tree:
        return []
    requests, whole = slice_of(tree)
    starts = begins(tree)
    # Children that outlive their root would be pushed off the grid.
    scale = max(starts[node["path"]] + node["share"] * whole for node in tree)
    scale = min(max(scale, whole), 1.25 * whole)
    return [row(node, starts[node["path"]] / scale, requests, whole, scale) for node in shown]


def begins(tree: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Answer by path where each node's bar begins, in ns after the request did.

    A node that repeats has one bar for all its spans, while its offset is the mean of their starts:
    the bar begins half of what the others last before that, which is exact for spans that follow each
    other closely, and never before its parent's.
    """
    found: dict[str, float] = {}
    for node in tree:
        others = node["mean"] - node["total"] / max(node["count"], 1)
        first = node["offset"] - max(others, 0.0) / 2
        found[node["path"]] = max(first, found.get(node["parent"], 0.0))
    return found


def slice_of(tree: Sequence[Mapping[str, Any]]) -> tuple[int, float]:
    """Answer how many requests a merged tree stands for, and their mean duration in ns.

    There can be several roots: HEAD counts under its route, and is a root of its own.
    """
    roots = [node for node in tree if node["depth"] == 0]
    requests = max(sum(root["traces"] for root in roots), 1)
    return requests, max(sum(root["total"] for root in roots) / requests, 1.0)


def row(node: Mapping[str, Any], begin: float, requests: int, whole: float, scale: float) -> Node:
    """Answer one node, its bar beginning at a share of the grid; its times are means over all requests."""
    mean = node["share"] * whole
    own_share = node["self"] / node["total"] if node["total"] else 0
    x = min(begin * 1000, 996)
    width = max(min(mean / scale * 1000, 1000 - x), 2)
    part = node["traces"] / requests
    return Node(
        title=span_name(node["category"], node["title"]),
        sent=statement(node["description"], node["category"]),
        category=node["category"],
        tier=tier(node["category"]),
        indent=min(node["depth"], DEEPEST),
        level=node["depth"] + 1,
        times=f"{wording.TIMES}{wording.short(node['per_request'])}" if node["per_request"] >= 1.05 else "",
        total=wording.duration(mean),
        own=wording.duration(mean * own_share),
        share=wording.share(node["share"]),
        some=f"in {wording.share(part)} of requests" if part < 0.995 else "",
        location=node["location"],
        x=round(x, 1),
        width=round(width, 1),
        own_width=round(width * own_share, 1),
        repeated=node["repeats_max"] >= 5,
        among=among(node.get("percentile")),
    )


def among(percentile: float | None) -> str:
    """Answer in words where a part stands among its kind, "" where that is unknown or in the middle."""
    if percentile is None or 0.4 < percentile < 0.6:
        return ""
    slower = percentile > 0.5
    share = wording.share(percentile if slower else 1 - percentile)
    return f"{'slower' if slower else 'quicker'} than {share} of its kind"


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
