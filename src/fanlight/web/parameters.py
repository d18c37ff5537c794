"""The query string: every state of a page, read strictly, and written back into links."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

SECOND = 1_000_000_000
UNITS = {"s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND, "d": 86400 * SECOND}
PRESETS = ("15m", "1h", "6h", "24h", "7d")
LAST = "1h"
"""The time range of a page that was asked for none."""

LONGEST = 400 * UNITS["d"]
TIMES = ("from", "to", "last")

SORTS = ("pain", "endpoint", "service", "p50", "p95", "p99", "rpm", "errors", "count", "mean", "max")
CHOICES = {
    "sort": SORTS,
    "order": ("asc", "desc"),
    "show": ("all",),
    "live": ("on",),
    "leaves": ("all", "main"),
    "fold": ("off",),
    "part": tuple(map(str, range(20))),
    "for": ("open", "run"),
    "as": ("rows", "events"),
    "invert": ("on",),
    "spans": ("on",),
    "against": ("before", "day", "week"),
}

ENDPOINTS = (*TIMES, "service", "env", "contains", "sort", "order", "show", "live")
OVERVIEW = (*TIMES, "service", "env")
ENDPOINT = (*TIMES, "service", "env", "endpoint", "segment", "octaves", "leaves", "live")
TRACE = (*TIMES, "service", "env", "fold", "part")
SERVERS = (*TIMES, "service", "env", "live")
COMPARE = (
    *(*TIMES, "service", "env", "endpoint", "segment", "q", "live"),
    *("against", "against_from", "against_to", "release", "against_release"),
)
STATUS = (*TIMES, "service", "env", "live")
LINK = ("for",)
EXPLORE = (*TIMES, "q", "service", "env", "limit", "tz", "invert", "live")
COMPLETE = (*TIMES, "q", "at", "service", "env")
QUERY = (*TIMES, "q", "service", "env", "limit", "as", "tz", "invert", "spans")
EVERY = frozenset(QUERY) | frozenset(
    (
        *ENDPOINTS,
        *OVERVIEW,
        *ENDPOINT,
        *TRACE,
        *SERVERS,
        *COMPARE,
        *STATUS,
        *LINK,
        *EXPLORE,
        *COMPLETE,
        *QUERY,
    )
)


class Mistake(NamedTuple):
    """A parameter that cannot be used: its name, what was found, what was wanted, the nearest name."""

    parameter: str
    found: str
    message: str
    nearest: str | None = None


class Asked(NamedTuple):
    """What a request asks for. `given` is the query as it came, for links that change one part."""

    path: str
    given: dict[str, str]
    from_ns: int
    to_ns: int
    now_ns: int
    octaves: tuple[int, ...] | None

    def get(self, name: str, default: str = "") -> str:
        """Answer a parameter's text."""
        return self.given.get(name, default)

    def link(self, **changes: str | None) -> str:
        """Answer this page's address with some parameters changed; None takes one away.

        `from_` stands for `from`, which Python keeps for itself.
        """
        query = dict(self.given)
        for name, value in changes.items():
            query.pop(name.rstrip("_"), None)
            if value is not None:
                query[name.rstrip("_")] = value
        return address(self.path, query)

    def times(self) -> dict[str, str]:
        """Answer the parameters that say when and in which environment, for links to other pages."""
        return {name: self.given[name] for name in (*TIMES, "env") if name in self.given}

    def carried(self) -> dict[str, str]:
        """Answer what the navigation carries from page to page: the service too."""
        return {name: self.given[name] for name in (*TIMES, "service", "env") if name in self.given}


def address(path: str, query: dict[str, str]) -> str:
    """Answer a path with a query; the only place where addresses are put together."""
    return f"{path}?{urlencode(query, errors='replace')}" if query else path


def read(path: str, query: str, known: tuple[str, ...], now_ns: int) -> Asked | Mistake:
    """Answer what a query string asks for, or the first mistake in it.

    Args:
        path: the page's own path, for its links.
        query: as it stands behind the question mark.
        known: the parameters that this page has.
        now_ns: wall-clock ns since 1970, what `last` counts back from.
    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, max_num_fields=None):
        if name not in known:
            near = get_close_matches(name, known, 1)
            wanted = f"known parameters: {', '.join(known)}"
            return Mistake(name[:80], value[:80], f"no such parameter; {wanted}", near[0] if near else None)
        if name in given:
            return Mistake(name, value[:80], "given more than once")
        choices = CHOICES.get(name)
        if choices and value not in choices:
            near = get_close_matches(value, choices, 1)
            wanted = f"expected one of {', '.join(choices)}"
            return Mistake(name, value[:80], wanted, near[0] if near else None)
        given[name] = value
    # A form sends its empty fields too; an empty segment is a segment of its own.
    given = {name: value for name, value in given.items() if value or name == "segment"}
    span = time_span(given, now_ns)
    if isinstance(span, Mistake):
        return span
    octaves = read_octaves(given.get("octaves"))
    if isinstance(octaves, Mistake):
        return octaves
    return Asked(path, given, *span, now_ns, octaves)


def time_span(given: dict[str, str], now_ns: int) -> tuple[int, int] | Mistake:
    """Answer (from, to) in ns since 1970."""
    last = given.get("last")
    if last is not None:
        for name in ("from", "to"):
            if name in given:
                return Mistake("last", last[:80], f"says the same as `{name}`; give one of them")
    length = read_length(last or LAST)
    if isinstance(length, Mistake):
        return length
    moments: dict[str, int] = {}
    for name in ("from", "to"):
        if name in given:
            moment = read_time(given[name])
            if moment is None:
                wanted = "expected a time such as 2026-01-31T14:05:00Z or seconds since 1970"
                return Mistake(name, given[name][:80], wanted)
            moments[name] = moment
    to_ns = moments.get("to", now_ns)
    from_ns = moments.get("from", to_ns - length)
    if from_ns >= to_ns:
        return Mistake("from", given.get("from", "")[:80], "must lie before `to`, and before now")
    if to_ns - from_ns > LONGEST:
        return Mistake("from", given.get("from", "")[:80], "at most 400 days are shown at once")
    return from_ns, to_ns


def read_length(text: str) -> int | Mistake:
    """Answer the ns of `15m`, `24h`, `7d`, `90s`."""
    match = re.fullmatch(r"([0-9]{1,7})([smhd])", text, re.ASCII)
    length = int(match[1]) * UNITS[match[2]] if match else 0
    if not 0 < length <= LONGEST:
        near = get_close_matches(text, PRESETS, 1)
        wanted = "expected a number and a unit (s, m, h, d), such as 15m, at most 400d"
        return Mistake("last", text[:80], wanted, near[0] if near else None)
    return length


def read_time(text: str) -> int | None:
    """Answer ns since 1970 of an RFC 3339 time (UTC when it has no offset) or an epoch in s, ms or ns."""
    if re.fullmatch(r"[0-9]{1,19}", text, re.ASCII):
        # 11 digits of seconds reach the year 5138, 14 digits of milliseconds as well.
        return int(text) * (SECOND if len(text) <= 11 else 1_000_000 if len(text) <= 14 else 1)
    try:
        # A plus sign that nobody encoded arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        whole = moment.replace(microsecond=0).timestamp()
    except (OverflowError, ValueError):
        return None
    return int(whole) * SECOND + moment.microsecond * 1000 if whole >= 0 else None


def zone_of(asked: Asked) -> ZoneInfo | None:
    """Answer where times are meant that tell no offset; None is the server's own zone.

    Raises:
        ZoneInfoNotFoundError, ValueError, OSError: there is no such zone.
    """
    return ZoneInfo(asked.get("tz")) if asked.get("tz") else None


def read_octaves(text: str | None) -> tuple[int, ...] | Mistake | None:
    """Answer the powers of two that a latency selection names, `27,28`: sorted, each once."""
    if text is None:
        return None
    parts = text.split(",")
    if not all(re.fullmatch(r"[0-9]{1,2}", part, re.ASCII) and int(part) <= 64 for part in parts):
        return Mistake("octaves", text[:80], "expected powers of two between 0 and 64, such as 27,28")
    return tuple(sorted({int(part) for part in parts}))
