"""An answer of what Fanlight keeps on its way to stdout, and what there is to say about it on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from fanlight import config
from fanlight.cli.client import reach
from fanlight.cli.logs.answering import default_format, put, united, wanted
from fanlight.cli.terminal import clean, write
from fanlight.event.coding import from_json
from fanlight.event.trace import SPANS
from fanlight.formatters import formatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.cli.client import Client
    from fanlight.event.event import Event
    from fanlight.formatters import Formatter
    from fanlight.query.query import Query

    Json = dict[str, Any]

LIMIT_MAX = 10_000
WHOLE = ("json", "jsonl")
"""Formats that have room for the spans of a trace."""
TRACE_LINE = ("time", "duration", "service", "endpoint", "segment", "status", "trace")
"""What a line of text says about a trace."""


def show(query: Query, options: dict[str, str], files: list[str]) -> int:
    """Write the store's answer; answer the exit code. Files there are none."""
    assert not files
    fields = wanted(options)
    name = options.get("format") or default_format(query)
    client = reach(config.load({"data": options.get("data")}), start=True)
    answer = Stored(client, query, options, has_spans=SPANS in fields or name in WHOLE)
    count: int | None
    if "count" in options:
        count = answer.count()
        write(str(count))
    else:
        count = len(answer.events)
        put(written(answer.events, name, fields))
    sys.stdout.flush()
    told = [] if query.stages else united(query, count)
    told += answer.notes()
    if "plan" in options:
        told += answer.plan()
    for line in told:
        sys.stderr.write(f"fanlight: {clean(line)}\n")
    return 0


class Stored:
    """The store's answer.

    Args:
        client: asks.
        query: read already, so that a mistake in it is told without anybody who has to answer.
        options: of the command line.
        has_spans: whether traces come with their spans.

    Attributes:
        events: of the answer.
        facts: about it.
    """

    def __init__(self, client: Client, query: Query, options: dict[str, str], *, has_spans: bool) -> None:
        self.options = options
        self.limit = int(options.get("limit", "1000"))
        text = query.text
        if "count" in options and not query.stages:
            text = f"{text} | stats count"
        asked = {
            "q": text,
            "last": options.get("last"),
            "service": options.get("service"),
            "tz": options.get("tz"),
            "limit": str(min(max(self.limit, 1), LIMIT_MAX)),
            "invert": "on" if "invert" in options else None,
            "spans": "on" if has_spans and "count" not in options else None,
            "as": "events",
        }
        self.found: Json = client.get("/v1/query", asked)
        self.events: list[Event] = [from_json(each) for each in self.found["events"]][: self.limit]
        self.facts: Json = self.found["facts"]
        self.is_summed = "count" in options and not query.stages

    def count(self) -> int:
        """Answer how many events there are, by their weights; with stages, how many they leave."""
        return round(self.events[0].value("count")) if self.is_summed else len(self.events)

    def notes(self) -> list[str]:
        """Answer what a person has to know about the answer."""
        told = []
        if self.facts["estimate"]:
            told.append(self.facts["estimate"])
        if self.facts["truncated"]:
            told.append(
                f"there are more than these {len(self.events):,} events; --limit goes to {LIMIT_MAX:,}"
            )
        told += [
            f"{name} was looked up in the events nearest in time: {times:,} found"
            for name, times in self.facts["joined"].items()
        ]
        for each in self.facts.get("lacking", ()):
            near = each["nearest"]
            way = f"; did you mean {near!r}?" if near else ""
            told.append(f"none of the latest events has {each['name']!r}{way}")
        if not self.facts["read"] and not any(self.options.get(each) for each in ("last", "count")):
            told.append(f"nothing is selected from {self.found['from']} on; --last 24h looks further back")
        return told

    def plan(self) -> list[str]:
        """Answer what was pushed down, and how much was read."""
        facts = self.facts
        told = [f"plan: {each}" for each in facts["pushed"]]
        told += [f"plan: the store runs | {each}" for each in facts["stages_pushed"]]
        told += [f"plan: over events, one by one: | {each}" for each in facts["stages_run"]]
        scanned, read = facts["scanned"], facts["read"]
        return [*told, f"plan: {scanned:,} rows looked at, {read:,} selected, {facts['took_ms']:g} ms"]


def written(events: list[Event], name: str, fields: tuple[str, ...]) -> Iterator[str]:
    """Yield the text of events; in text a trace is one line, and a log's event its own."""
    others: dict[str, Formatter] = {}
    if name == "text" and not fields:
        others = {"trace": formatter(name, TRACE_LINE), "log": formatter("raw", ())}
    chosen = formatter(name, fields)
    for event in events:
        yield from others.get("" if event.kind == "log" and event.raw is None else event.kind, chosen).event(
            event
        )
    yield from chosen.end()
