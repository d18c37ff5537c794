"""Rotated logs: which files are parts of one log, and in which order they were written."""

from __future__ import annotations

import re

from fanlight import parsers
from fanlight.pipeline.files.source import STDIN, first_lines, open_source

PART = re.compile(
    r"(?P<stem>.+?)(?:[.-](?P<date>\d{4}-?\d\d-?\d\d(?:[-_.T]\d{2,6}|-\d+)?))?(?P<kind>\.log)?"
    r"(?:\.(?P<number>\d{1,5}))?(?:\.(?:gz|zst))?"
)
"""A path as rotation makes it: `x.log.2.gz`, `x.log-20260131`, `x-2026-01-31.log`."""
SAMPLE = 256 * 1024
"""Bytes of a file in which its first time is looked for."""


def ordered(paths: list[str], name: str | None, zone: str | None) -> list[str]:
    """Answer the paths in their order, but the parts of one log in the order of time, oldest first.

    The first time in each decides; where one tells none, dates and numbers in the names do.

    Args:
        paths: to files, `-` for standard input.
        name: of their format; None detects.
        zone: where times are meant that tell no offset.
    """
    places: dict[str, list[int]] = {}
    for place, path in enumerate(paths):
        if path != STDIN:
            places.setdefault(log_of(path), []).append(place)
    out = list(paths)
    for some in places.values():
        parts = [paths[place] for place in some]
        if len(set(parts)) > 1:
            for place, path in zip(some, in_order(parts, name, zone), strict=True):
                out[place] = path
    return out


def log_of(path: str) -> str:
    """Answer the path of the log that a file is a part of."""
    found = PART.fullmatch(path)
    return path if found is None else found["stem"] + (found["kind"] or "")


def in_order(parts: list[str], name: str | None, zone: str | None) -> list[str]:
    """Answer the parts of one log, oldest first."""
    moments = [first_moment(path, name, zone) for path in parts]
    if None in moments:
        return sorted(parts, key=age)
    # Of two that begin in the same second, the name tells which was first.
    return [
        path
        for _, _, path in sorted((when, age(path), path) for when, path in zip(moments, parts, strict=True))
    ]


def age(path: str) -> tuple[bool, str, int]:
    """Answer by what names of parts are sorted: dated ones, then numbers downward, then none."""
    found = PART.fullmatch(path)
    date = re.sub(r"\D", "", (found["date"] if found else None) or "")
    number = int(found["number"]) if found and found["number"] else 0
    return not date, date, -number


def first_moment(path: str, name: str | None, zone: str | None) -> int | None:
    """Answer ns since 1970 of the first line of a file that tells a time; None when none does."""
    source = open_source(path)
    try:
        sample = b""
        if source.size is None and source.under is None:
            # A pipe: what is read is gone.
            return None
        while len(sample) < SAMPLE:
            more = source.stream.read(SAMPLE - len(sample))
            if not more:
                break
            sample += more
    finally:
        source.close()
    lines = first_lines(sample)
    when = source.written_ns
    found = parsers.detect(lines, zone, when)[0] if name is None else parsers.named(name, zone, when)
    found = parsers.fitted(found, lines)
    for line in sample.split(b"\n"):
        moment = found.moment(line.rstrip(b"\r"))
        if moment is not None:
            return moment
    return None
