"""Queries that pages lead to, and what asks the same outside of a browser."""

from __future__ import annotations

import re
import shlex
from copy import copy
from itertools import starmap
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fanlight.event.times import Time
from fanlight.query.nodes import BARE_NAME, BOUNDS, EXACT, Bound, Field, Path, negated
from fanlight.query.query import Query
from fanlight.web.parameters import address, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fanlight.query.nodes import Node
    from fanlight.web.parameters import Asked

PATH = "/explore"
PASSED = ("q", "service", "env", "last", "from", "to", "tz", "invert")
"""Parameters that the page and `/v1/query` share."""


def field(name: str, value: str, op: str = EXACT) -> Node:
    """Answer the comparison of a property, its name in quotes where it needs them."""
    return Field(Path(name, exact=name in BOUNDS or not BARE_NAME.fullmatch(name)), op, value)


def term(name: str, value: str, op: str = EXACT) -> str:
    """Answer the comparison of a property as one writes it."""
    return str(field(name, value, op))


def group(*name: str) -> str:
    """Answer the query of all requests of a service, of its endpoint, or of one segment of that."""
    return " ".join(starmap(term, zip(("service", "endpoint", "segment"), name, strict=False)))


def took(octaves: Iterable[int]) -> str:
    """Answer the query of durations in some powers of two; octave `o` is `(2**(o-1), 2**o]` ns."""
    runs: list[list[int]] = []
    for octave in sorted(octaves):
        if runs and octave == runs[-1][1] + 1:
            runs[-1][1] = octave
        else:
            runs.append([octave, octave])
    parts = [f"duration>{length(2 ** (low - 1))} duration<={length(2**high)}" for low, high in runs]
    return parts[0] if len(parts) == 1 else f"({' OR '.join(f'({part})' for part in parts)})"


def selected(whole: str, octaves: Iterable[int] | None) -> str:
    """Answer the query of a group's requests, of some durations only if any were chosen."""
    return f"{whole} {took(octaves)}" if octaves else whole


def length(ns: float) -> str:
    """Answer a duration as one writes it in a query, exactly: `2s`, `140ms`, `134217728ns`."""
    whole = round(ns)
    for factor, unit in ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")):
        if whole and whole % factor == 0:
            return f"{whole // factor}{unit}"
    return f"{whole}ns"


def near(ns: float, share: float) -> str:
    """Answer a share of a duration with two digits: where it ends matters to nobody exactly."""
    wanted = ns * share
    digits = 10 ** max(len(str(round(wanted))) - 2, 0)
    return length(round(wanted / digits) * digits)


def link(query: str, times: dict[str, str]) -> str:
    """Answer the address of a query on the page Explore."""
    return address(PATH, {"q": query, **times})


def of_endpoint(found: Mapping[str, Any]) -> dict[str, str | None]:
    """Answer the queries that the page of an endpoint leads to, by what they ask for; None for nothing."""
    name = (found["service"], found["endpoint"], found["segment"])
    whole = group(*name)
    return {
        "all": whole,
        "slow": f"{whole} duration>{length(found['p95'])}",
        "kinds": f"{group(*name[:2])} | stats count, p50(duration), p95(duration) by segment, status",
        "slowest": f"{whole} | sort -duration",
        "typical": f"{whole} duration>={near(found['p50'], 0.9)} duration<={near(found['p50'], 1.1)}",
        "failed": f"{whole} failed=true" if found["errors"] else None,
    }


def repeating(found: Mapping[str, Any], finding: Mapping[str, Any]) -> str:
    """Answer the query of an endpoint's requests that have the span of a finding."""
    whole = group(found["service"], found["endpoint"], found["segment"])
    name = "title" if finding["title"] else "description"
    return f"{whole} {term(f'span.{name}', finding[name])} | sort -duration"


def asked_for(asked: Asked) -> Query:
    """Answer the query of an address: its words, and what stands beside them said in words as well.

    Raises:
        QueryError: it cannot be read.
    """
    query = Query(asked.get("q"), now_ns=asked.now_ns, zone=zone_of(asked))
    if asked.get("invert") and query.node is not None:
        query = query.over(negated(query.node))
    if asked.get("tz") and query.limits:
        query = copy(query)
        # In words that mean the same wherever they are read.
        ends = zip(("from", "to"), query.bounds(), strict=True)
        query.limits = tuple(Bound(key, str(Time(ns))) for key, ns in ends if ns is not None)
    return query


def filtering(query: Query, *terms: Node) -> str:
    """Answer what a query selects with, narrowed by further terms, without its stages."""
    selecting = query.within(None, None, *terms)
    selecting.stages = ()
    return str(selecting)


def bounded(query: Query, asked: Asked) -> str:
    """Answer a query with the times of the address among its words."""
    if "from" not in asked.given and "to" not in asked.given:
        return str(query)
    words = copy(query)
    # The last moment of a query is part of it, that of an address is not.
    ends = (Bound("from", str(Time(asked.from_ns))), Bound("to", str(Time(asked.to_ns - 1))))
    words.limits = (*query.limits, *ends)
    return str(words)


def command(query: Query, asked: Asked) -> str:
    """Answer the command line that asks the same in a terminal."""
    if asked.get("env"):
        query = query.within(None, None, field("environment", asked.get("env")))
    text = bounded(query, asked)
    words = ["fanlight", "query"]
    for name in ("last", "service"):
        if asked.get(name):
            words += [f"--{name}", asked.get(name)]
    # What begins with two dashes would be taken for an option of the command.
    return shlex.join([*words, *(["--"] if text.startswith("--") else []), text])


def parameters_of(asked: Asked) -> dict[str, str]:
    """Answer the parameters of `/v1/query` that ask what the page asks."""
    return {name: asked.given[name] for name in PASSED if name in asked.given}


def json_link(asked: Asked) -> str:
    """Answer the address of the same answer as JSON."""
    return f"/v1/query?{urlencode({'q': '', **parameters_of(asked)}, errors='replace')}"


def curl(asked: Asked, socket: str | None) -> str | None:
    """Answer the command line that asks the owner's socket; None where there is none."""
    if socket is None:
        return None
    words = ["curl", "--get", "--unix-socket", socket, "http://localhost/v1/query"]
    for name, value in {"q": "", **parameters_of(asked)}.items():
        plain = re.fullmatch(r"[\w.:-]+", value, re.ASCII)
        words += ["-d" if plain else "--data-urlencode", f"{name}={value}"]
    return shlex.join(words)
