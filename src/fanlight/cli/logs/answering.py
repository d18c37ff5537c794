"""An answer of files on its way to stdout, and what there is to say about it on stderr."""

from __future__ import annotations

import gc
import os
import sys

from fanlight.cli.terminal import clean, is_terminal, write
from fanlight.cli.whole import write_whole
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.files.source import open_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.formatters import Formatter
    from fanlight.pipeline.files.source import Source
    from fanlight.query.query import Query

HELD = 256
"""Texts that are written together."""
TABLED = ("stats", "top", "timechart", "fields")
"""Stages whose answer is best seen as a table."""

WHOLE = ("head", "sort", "tail", "uniq")
"""Stages that leave events as they are, so that their lines are shown as without them."""


def show(query: Query, options: dict[str, str], files: list[str]) -> int:
    """Write the answer of some files; answer the exit code."""
    fields = wanted(options)
    wishes = Wishes(
        format=options.get("as"),
        zone=options.get("tz"),
        invert="invert" in options,
        keeps_untimed=options.get("untimed") != "drop",
        counts_lines="line" in fields or "line" in query.fields(),
        is_strict="strict" in options,
    )
    wishes.keeps_unread = "errors" in options
    # Of what stages make, they have their own names.
    wishes.fields = () if query.stages else fields
    is_endless = "follow" in options
    if not is_endless:
        # Nothing of an answer holds itself, and looking for what does costs a tenth of adding up.
        gc.disable()
    answer = Answer(query, files, wishes, followed if is_endless else open_source, is_endless=is_endless)
    name = options.get("format") or default_format(query)
    # Of what is piped in, somebody may wait for each event as well.
    is_live = is_endless or not all(map(os.path.isfile, answer.paths))
    count: int | None
    limit = int(options["limit"]) if "limit" in options else None
    if "count" in options:
        count = counted(answer, limit)
        write(str(count))
    elif name in ("text", "raw") and not fields and not query.stages:
        count = raw(answer, limit, at_once=is_live)
    else:
        from fanlight.formatters import formatter

        if name == "text" and not fields and all(str(each).split(" ")[0] in WHOLE for each in query.stages):
            name = "raw"
        texts = written(answer, formatter(name, fields), fields, limit)
        count = put(texts, at_once=is_live)
    sys.stdout.flush()
    told = notes(query, answer, None if query.stages else count)
    if "plan" in options:
        told += [line for search in answer.searches for line in search.plan()]
    for line in told:
        sys.stderr.write(f"fanlight: {clean(line)}\n")
    return 0


def followed(path: str) -> Source:
    """Open a file that is being written."""
    from fanlight.pipeline.files.follow import Followed

    # A pipe is followed anyhow.
    return Followed(path) if os.path.isfile(path) else open_source(path)


def counted(answer: Answer, limit: int | None) -> int:
    """Answer how many events there are; with stages, how many they leave."""
    count = 0
    if answer.query.stages:
        for count, _ in enumerate(answer.events(), 1):
            if limit is not None and count >= limit:
                break
        return count
    for found in answer.found():
        count += len(found)
        if limit is not None and count >= limit:
            return limit
    return count


def raw(answer: Answer, limit: int | None, *, at_once: bool) -> int | None:
    """Write the lines of the selected events as they are; answer how many events, None when unknown.

    FAST PATH: no event is made.

    Args:
        answer: to be written.
        limit: events at most.
        at_once: each when it comes, for somebody waits for it.
    """
    is_seen = is_terminal()
    count: int | None = 0
    out = sys.stdout.buffer
    for found in answer.found():
        if limit is not None and count is not None:
            found.spans = found.each()[: limit - count]
        if found.spans is None:
            count = None
        elif count is not None:
            count += len(found.spans)
        if is_seen:
            for line in found.raw().decode("utf-8", "surrogateescape").splitlines():
                write(line)
        else:
            write_whole(out, found.raw())
            if at_once:
                out.flush()
        if limit is not None and count is not None and count >= limit:
            break
    out.flush()
    return count


def written(
    answer: Answer, formatter: Formatter, fields: tuple[str, ...], limit: int | None
) -> Iterator[str]:
    """Yield the text of an answer's events, of many at a time where both sides can."""
    events = answer.events(fields)
    mixed = getattr(events, "mixed", None)
    take = getattr(formatter, "batch", None)
    if mixed is not None and take is not None and limit is None:
        for each in mixed:
            yield from take(each) if hasattr(each, "columns") else formatter.event(each)
        yield from formatter.end()
        return
    for count, event in enumerate(events):
        if limit is not None and count >= limit:
            break
        yield from formatter.event(event)
    yield from formatter.end()


def put(texts: Iterable[str], *, at_once: bool = False) -> int | None:
    """Write texts: safe to look at on a terminal, exact elsewhere.

    Args:
        texts: to write.
        at_once: each of them when it comes, for somebody waits for it.
    """
    if is_terminal():
        for text in texts:
            for line in text.splitlines():
                write(line)
        return None
    out = sys.stdout.buffer
    held: list[str] = []
    for text in texts:
        held.append(text)
        if at_once or len(held) >= HELD:
            out.write("".join(held).encode("utf-8", "surrogateescape"))
            held.clear()
            if at_once:
                out.flush()
    out.write("".join(held).encode("utf-8", "surrogateescape"))
    out.flush()
    return None


def default_format(query: Query) -> str:
    """Answer the format of an answer when nobody says one."""
    last = str(query.stages[-1]).split(" ")[0] if query.stages else ""
    return (
        "table"
        if last in TABLED or any(str(each).split(" ")[0] in TABLED for each in query.stages)
        else "text"
    )


def wanted(options: dict[str, str]) -> tuple[str, ...]:
    """Answer the properties that were asked for."""
    return tuple(name.strip() for name in options.get("fields", "").split(",") if name.strip())


def united(query: Query, count: int) -> list[str]:
    """Answer that keywords united, where they did."""
    from fanlight.query.nodes import Keyword, Or

    if not count and isinstance(query.node, Keyword) and " " in query.node.text.strip():
        return [f"no event has {query.node} as it stands; for any of the words leave the quotes out"]
    if not query.keywords_united:
        return []
    parts = query.node.parts if isinstance(query.node, Or) else ()
    words = " or ".join(str(part) for part in parts if isinstance(part, Keyword))
    return [f"{count:,} events with {words}; for all of them, write AND between"] if words else []


def notes(query: Query, answer: Answer, count: int | None) -> list[str]:
    """Answer what a person has to know about an answer beside it."""
    told = [] if count is None else united(query, count)
    for search in answer.searches:
        told += search.notes()
    return told
