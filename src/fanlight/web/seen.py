"""What the kept events have: names and values for the query box, asked briefly and remembered shortly."""

from __future__ import annotations

import time
from difflib import get_close_matches
from threading import Lock
from typing import TYPE_CHECKING, Any

from fanlight.event.names import NAMES, canonical
from fanlight.server.questions import Question
from fanlight.web.parameters import TIMES
from fanlight.web.queries import term

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.query.query import Query
    from fanlight.web.parameters import Asked

    Values = list[tuple[Any, float]]

PATIENCE_S = 0.5
"""Somebody is typing: what takes longer is not worth waiting for."""

REMEMBERED_S = 10.0
REMEMBERED_MAX = 200
VALUES_MAX = 50
LATEST = 40
"""Events whose names are looked at."""

MANY = frozenset(
    {"time", "trace", "duration", "raw", "message", "stack", "spans", "start", "request", "line"}
)
"""Names with about as many values as there are events: none of them is worth suggesting."""


class Seen:
    """Asks for names and values, and remembers what was answered for some seconds.

    Args:
        answers: has `query(question)`.
        clock: monotonic seconds.
    """

    def __init__(self, answers: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.answers = answers
        self.clock = clock
        self.lock = Lock()
        self.remembered: dict[tuple[str, ...], tuple[float, Any]] = {}

    def names(self, asked: Asked) -> dict[str, tuple[str, str | None]]:
        """Answer type and unit of every property that the latest events of the page's time have."""
        found = self.ask(f"| tail {LATEST}", asked, asked.get("service"))
        return {each["name"]: (each["type"], each["unit"]) for each in found.get("columns", ())}

    def lacking(self, query: Query, asked: Asked) -> list[tuple[str, str | None]]:
        """Answer the names in a query that none of the latest events has, each with what may be meant.

        Names that Fanlight gives are never among them, and nothing is where nothing is kept.
        """
        names = self.names(asked)
        known = names.keys() | NAMES
        # Of a dotted path, each beginning is looked up as well.
        looked_up = query.fields() if names else frozenset()
        found = []
        for name in sorted(looked_up):
            parts = name.split(".")
            beginnings = {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            is_elsewhere = parts[0] == "span" or name.startswith("#")
            is_beginning = any(each.startswith(f"{name}.") for each in looked_up)
            if is_elsewhere or is_beginning or {canonical(name), *beginnings} & known:
                continue
            near = get_close_matches(name, [*names, *NAMES], 1)
            found.append((name, near[0] if near else None))
        return found

    def values(self, name: str, asked: Asked, service: str = "") -> Values:
        """Answer the most frequent values of a property and how often each was seen, often ones first."""
        if name in MANY:
            return []
        # An `=` in the name's own words would be a comparison: `term` puts quotes where they are needed.
        path = term(name, "x").removesuffix("=x")
        rows = self.ask(f"| top {VALUES_MAX} {path}", asked, service).get("rows", ())
        return [(value, count) for value, count in rows if isinstance(value, str | int | bool)]

    def services(self, asked: Asked) -> list[str]:
        """Answer the services that have events in the page's time, and the one that was asked for."""
        found = {value for value, _ in self.values("service", asked) if isinstance(value, str)}
        return sorted(found | ({asked.get("service")} if asked.get("service") else set()))

    def ask(self, text: str, asked: Asked, service: str) -> dict[str, Any]:
        """Answer a query of the page's time, nothing when it cannot be had at once."""
        key = (text, service, *(asked.get(name) for name in TIMES))
        now_s = self.clock()
        with self.lock:
            at_s, told = self.remembered.get(key, (now_s - REMEMBERED_S, None))
            if told is not None and now_s - at_s < REMEMBERED_S:
                return dict(told)
        question = Question(
            text=text,
            now_ns=asked.now_ns,
            from_ns=asked.from_ns,
            to_ns=asked.to_ns,
            service=service,
            limit=VALUES_MAX,
            patience_s=PATIENCE_S,
        )
        status, told = self.answers.query(question)
        told = told if status == 200 else {}
        with self.lock:
            if len(self.remembered) >= REMEMBERED_MAX:
                self.remembered.clear()
            self.remembered[key] = (now_s, told)
        return dict(told)
