"""`fanlight trace ID`: one request as a waterfall."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from fanlight.cli import options, table
from fanlight.cli.client import NotFoundError, reach
from fanlight.cli.terminal import clean, write, write_json
from fanlight.errors import FanlightError
from fanlight.web import folding, wording
from fanlight.web.pages.division import division, waited
from fanlight.web.statements import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    Span = dict[str, Any]

BAR_COLUMNS = 24
WIDE = 100
COLUMNS: tuple[table.Column, ...] = (
    ("span", "cut"),
    ("start", "right"),
    ("took", "right"),
    ("self", "right"),
)
SLOWER: table.Column = ("slower than", "right")
"""The share of a span's kind that took less."""


@options.command("trace")
@click.argument("trace_id", metavar="ID")
@options.data
@options.as_json
@click.option("--unfold", is_flag=True, help="A line for every span, statements as they were sent.")
def command(*, trace_id: str, data: str | None, as_json: bool, unfold: bool) -> None:
    """Show one request, span by span.

    \b
      fanlight trace 4bf92f3577b34da6a3ce929d0e0e4736

    Ids stand on the page of an endpoint, and in `samples` of its JSON. Services that pass on a
    `traceparent` share an id: all of them are shown, the one that began it first.
    Parts that are alike under one parent are one line from the fifth on, with how often and in all how long,
    and a long statement is told in brief; `--json` always has everything.
    "Slower than" is the share of the same part of the endpoint's other requests that took less.
    """  # noqa: D301 - click's mark for lines that stay as they are
    client = reach(options.settings(data=data), start=True)
    try:
        found: dict[str, Any] = client.get(f"/api/trace/{trace_id.lower()}")
    except NotFoundError:
        raise FanlightError(
            f"no trace {clean(trace_id)!r} is kept; an id is 32 hexadecimal digits\n"
            "  ids stand on an endpoint's page under samples: fanlight open\n"
            "  every request is counted; whole traces are kept by sampling"
        ) from None
    if as_json:
        write_json(found)
        return
    parts = [found, *found.get("also", ())]
    for part in parts:
        for line in heading(part):
            write(line)
        show_spans(part, fold=not unfold)
        if part is not parts[-1]:
            write("")


def heading(found: dict[str, Any]) -> list[str]:
    """Answer the lines above the waterfall."""
    segment = f" [{clean(found['segment'])}]" if found["segment"] else ""
    lines = [
        f"{clean(found['endpoint'])}{segment}  {wording.duration(found['duration'])}",
        f"{clean(found['service'])} on {clean(found['host'])} (pid {found['pid']}), {clean(found['time'])}",
    ]
    if told := waited(found.get("queue", {})):
        lines.append(f"waited before it began: {told}")
    # An older server that still runs does not tell.
    if parts := division(found.get("split", ())):
        lines.append(", ".join(f"{part['label']} {part['time']} ({part['share']})" for part in parts))
    if found["lost"]:
        lines.append(f"{wording.plural(found['lost'], 'more span')} not kept, totals exact")
    if not found["whole"]:
        lines.append("only the root of this request was kept")
    return [*lines, ""]


def show_spans(found: dict[str, Any], *, fold: bool) -> None:
    """Write the spans, indented by depth, with a bar of where in the request they lie."""
    wide = shutil.get_terminal_size((WIDE, 24)).columns >= WIDE
    spans = found["spans"]
    # An older server that still runs does not tell, and where few requests are kept nobody knows.
    is_ranked = any(span.get("percentile") is not None for span in spans)
    columns = (*COLUMNS, SLOWER) if is_ranked else COLUMNS
    columns = (*columns, ("", "left")) if wide else columns
    folds = folding.likes(spans) if fold else {}
    groups = [folds.get(span["index"], [span]) for span in spans]
    groups = [group for span, group in zip(spans, groups, strict=True) if group[0] is span]
    rows = []
    for group in groups:
        first = group[0]
        cells = [
            "  " * first["depth"] + name(group, fold=fold),
            wording.duration(first["start"]),
            wording.duration(sum(span["duration"] for span in group)),
            wording.duration(sum(span["self"] for span in group)),
        ]
        if is_ranked:
            # A fold is compared with all spans of its place in other requests.
            rank = first.get("percentile" if len(group) == 1 else "percentile_all")
            cells.append("" if rank is None else wording.rank(rank))
        rows.append([*cells, bar(group, found["duration"])] if wide else cells)
    table.show(columns, rows)
    if len(rows) < len(spans):
        told = f"{wording.plural(len(spans), 'span')} in {wording.plural(len(rows), 'line')}"
        write(f"{told}, likes folded; --unfold shows each", sys.stderr)


def name(group: Sequence[Span], *, fold: bool) -> str:
    """Answer what a line calls a span, or a fold of like ones, with what was noted of it."""
    first = group[0]
    words = [first["title"] or first["category"]]
    description = folding.described(first)
    if description and description != words[0]:
        words.append(statement(description, first["category"]).brief if fold else description)
    if len(group) > 1:
        words.insert(1, f"{wording.TIMES}{wording.count(len(group))}")
        words += [f"location={at}"] if (at := folding.place(group)) else []
    else:
        notes = (first["annotations"] or {}).items()
        words += [" ".join(f"{key}={wording.annotation(key, value)}" for key, value in notes)]
    return "  ".join(filter(None, words))


def bar(group: Sequence[Span], total_ns: int) -> str:
    """Answer where in the request a line's spans lie; the shortest one still shows."""
    if total_ns <= 0:
        return ""
    drawn: set[int] = set()
    for span in group:
        begin: int = min(BAR_COLUMNS - 1, span["start"] * BAR_COLUMNS // total_ns)
        width: int = max(1, round(span["duration"] * BAR_COLUMNS / total_ns))
        drawn.update(range(begin, min(begin + width, BAR_COLUMNS)))
    return "".join("█" if column in drawn else "·" for column in range(max(drawn) + 1))
