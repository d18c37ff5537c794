"""`fanlight query QUERY [FILE…]`: ask files that nobody ingested, or what Fanlight keeps.

FAST PATH: options by hand and no library, so that a search costs little more than reading the file.
"""

from __future__ import annotations

import os
import sys

from fanlight.cli.failures import UsageError
from fanlight.registry import known_or_error, suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from fanlight.query.query import Query
else:
    from fanlight.event.light import NamedTuple

HELP = """\
Ask log files, as they are, or without a file what Fanlight keeps.

  fanlight query 'status:5xx duration:>1s' access.log
  fanlight query error timeout app.log app.log.1.gz
  fanlight query 'last:1h | top 10 path' access.log
  fanlight query 'level:error' --follow app.log
  zcat old.gz | fanlight query 'NOT googlebot' -
  fanlight query 'duration:>1s | top 5 endpoint' --last 24h

Usage: fanlight query [OPTION]... QUERY... [--] [FILE]...

  --format NAME   text, raw, table, json, jsonl, csv, logfmt   [text; table behind stats]; --json
  -F, --fields A,B  only these properties, in this order
  --limit N       stop after N events                          [1000 without a file]
  --count         print how many events there are, nothing else
  --invert        what the query does not select
  --tz ZONE       where times are meant that tell no offset            [this machine's]
  --plan          say on stderr what was pushed down and how much was read
  -h, --help      this text

Of files alone:
  --follow        go on with what is written to the file, through renames and truncation
  --as NAME       format of the files; `fanlight formats` lists them   [detected]
  --untimed WHAT  keep or drop events without a time, where the query bounds it   [keep]
  --strict        stop at the first line that cannot be read
  --errors        show on stderr the lines looked at that cannot be read

Without a file:
  --last TIME     time range up to now: 15m, 24h, 7d    [1h, unless the query has a bound]
  --service NAME  only this service
  --data DIR      data directory    [FANLIGHT_DATA, else ~/.local/share/fanlight]

Trailing words that exist as files are input, - is standard input, compressed files are unpacked, the
parts of a rotated log are read oldest first; everything else is query.

The words of a query; docs/reference/query.md has all of it:
  timeout "no route" /ord[0-9]+/    found anywhere; words beside one another unite, AND narrows
  level:error path:^/api size>4KiB duration:>1s status:5xx user=ann    one property; these narrow
  NOT healthz, -healthz, (a OR b)   exists(user)   status in (502, 503)
  last:15m from:-2h to:12:00 since:2026-01-31    time, of the whole query
  | stats count, p95(duration) by path, time:1m    | top 10 path    | timechart 5m avg(duration)
  | fields a,b | sort -duration | head 20 | tail 5 | uniq client
"""

OF_FILES = ("as", "errors", "follow", "strict", "untimed")
OF_STORE = ("data", "last", "service")
VALUED = ("as", "data", "fields", "format", "last", "limit", "service", "tz", "untimed")
FLAGS = ("count", "errors", "follow", "invert", "plan", "strict")
PASSED = ("--case-sensitive", "--case-insensitive")
"""Long words that belong to the query."""


class Asked(NamedTuple):
    """A command line, read."""

    options: dict[str, str]
    words: list[str]
    files: list[str]


def main(arguments: list[str]) -> int:
    """Answer a query on stdout."""
    asked = read(arguments)
    if "help" in asked.options or not arguments:
        sys.stdout.write(HELP)
        return 0
    beside = [name for name in (OF_STORE if asked.files else OF_FILES) if name in asked.options]
    if beside:
        reason = "is of what Fanlight keeps, and files are named" if asked.files else missing(asked.words)
        raise UsageError(f"query: --{beside[0]} {reason}")
    meant = lost(asked.words)
    if asked.files:
        for told in meant:
            sys.stderr.write(f"fanlight: {told}\n")
        from fanlight.cli.logs.answering import show
    else:
        if meant:
            reason = f"{meant[-1]}\n  {missing(asked.words)}"
            raise UsageError(f"query: {reason}\n  to look for that text: '\"{asked.words[-1]}\"'")
        if asked.words and os.path.isdir(asked.words[-1]):
            from fanlight.cli.logs.inputs import why_none

            sys.stderr.write(f"fanlight: {why_none(asked.words[-1])}; it was read as a part of the query\n")
        from fanlight.cli.logs.inputs import is_waiting

        if is_waiting():
            sys.stderr.write("fanlight: what is piped in is not read; name it as -, behind the query\n")
        from fanlight.cli.logs.asking import show
    return show(query_of(asked), asked.options, asked.files)


def missing(words: list[str]) -> str:
    """Answer that no file was named, and what the last word was taken for."""
    last = f"; {words[-1]!r} is none here" if words else ""
    return f"no file is named: trailing words that exist as files are input, - is standard input{last}"


def lost(words: list[str]) -> list[str]:
    """Answer what to say about words of the query that look like files."""
    if not any("/" in word or "." in word for word in words):
        return []
    from fanlight.cli.logs.inputs import looks_like_file, why_none

    return [why_none(word) for word in words if looks_like_file(word)]


def query_of(asked: Asked) -> Query:
    """Answer the query; times without a zone are of `--tz`."""
    from fanlight.query.query import Query

    zone = None
    if "tz" in asked.options:
        from fanlight.parsers.stamps import Stamps

        zone = Stamps(asked.options["tz"]).zone
    return Query.from_args(asked.words, zone=zone)


def read(arguments: list[str]) -> Asked:
    """Answer our own options, the words of the query, and the files.

    Raises:
        UsageError: an unknown long option, or one without its value.
    """
    options: dict[str, str] = {}
    words: list[str] = []
    position = 0
    while position < len(arguments):
        word = arguments[position]
        position += 1
        if word == "--":
            words += arguments[position:]
            break
        if word in ("-h", "--help"):
            options["help"] = ""
        elif word == "--json":
            # As every other command has it.
            options["format"] = "json"
        elif word in PASSED or not (word.startswith("--") or word == "-F") or len(word) < 2:
            words.append(word)
        else:
            name, equals, value = word.partition("=")
            name = "fields" if name == "-F" else name[2:]
            if name in FLAGS and not equals:
                options[name] = ""
                continue
            if name not in VALUED:
                known = [f"--{each}" for each in (*VALUED, *FLAGS)]
                raise UsageError(f"query: unknown option {word!r}{suggestion(word, known)}")
            if not equals:
                if position >= len(arguments):
                    raise UsageError(f"query: --{name} wants a value\n  fanlight query --help")
                value = arguments[position]
                position += 1
            options[name] = value
    files = taken(words)
    checked(options)
    return Asked(options, words, files)


def taken(words: list[str]) -> list[str]:
    """Answer the input that words end with, and take it off them."""
    files: list[str] = []
    while words and (found := inputs(words[-1])):
        files[:0] = found
        words.pop()
    return files


def inputs(word: str) -> list[str]:
    """Answer what there is to read by a word: one file, those that a pattern names, or none."""
    if word == "-":
        return ["-"]
    if os.path.exists(word):
        return [] if os.path.isdir(word) else [word]
    if "*" in word or "?" in word or "[" in word:
        # A shell hands on what it could not match, or what was in quotes.
        from glob import glob

        return sorted(path for path in glob(word) if not os.path.isdir(path))
    return []


def checked(options: dict[str, str]) -> None:
    """Refuse values that mean nothing.

    Raises:
        UsageError: one of them.
    """
    limit = options.get("limit")
    if limit is not None and not (limit.isascii() and limit.isdigit()):
        raise UsageError(f"query: --limit wants a number of events, not {limit!r}")
    untimed = options.get("untimed")
    if untimed not in (None, "keep", "drop"):
        raise UsageError(f"query: --untimed is keep or drop, not {untimed!r}")
    if "format" in options:
        from fanlight.formatters import TABLE

        known_or_error(options["format"], list(TABLE), "format")
