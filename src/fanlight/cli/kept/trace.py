"""`fanlight trace ID`: one request as a waterfall."""

from __future__ import annotations

import shutil
from typing import Any

import click

from fanlight.cli import options, table
from fanlight.cli.client import NotFoundError, reach
from fanlight.cli.terminal import clean, write, write_json
from fanlight.errors import FanlightError
from fanlight.web import wording
from fanlight.web.pages.division import division, waited

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
def command(*, trace_id: str, data: str | None, as_json: bool) -> None:
    """Show one request, span by span.

    \b
      fanlight trace 4bf92f3577b34da6a3ce929d0e0e4736

    Ids stand on the page of an endpoint, and in `samples` of its JSON. Services that pass on a
    `traceparent` share an id: all of them are shown, the one that began it first.
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
        show_spans(part)
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


def show_spans(found: dict[str, Any]) -> None:
    """Write the spans, indented by depth, with a bar of where in the request they lie."""
    wide = shutil.get_terminal_size((WIDE, 24)).columns >= WIDE
    # An older server that still runs does not tell, and where few requests are kept nobody knows.
    is_ranked = any(span.get("percentile") is not None for span in found["spans"])
    columns = (*COLUMNS, SLOWER) if is_ranked else COLUMNS
    columns = (*columns, ("", "left")) if wide else columns
    rows = []
    for span in found["spans"]:
        name = span["title"] or span["category"]
        description = wording.logged(span) or span["description"]
        if description and description != name:
            name = f"{name}  {description}"
        notes = (span["annotations"] or {}).items()
        told = " ".join(f"{key}={wording.annotation(key, value)}" for key, value in notes)
        name = f"{name}  {told}" if told else name
        cells = [
            "  " * span["depth"] + name,
            wording.duration(span["start"]),
            wording.duration(span["duration"]),
            wording.duration(span["self"]),
        ]
        if is_ranked:
            rank = span.get("percentile")
            cells.append("" if rank is None else wording.rank(rank))
        rows.append([*cells, bar(span, found["duration"])] if wide else cells)
    table.show(columns, rows)


def bar(span: dict[str, Any], total_ns: int) -> str:
    """Answer where in the request a span lies; the shortest span still shows."""
    if total_ns <= 0:
        return ""
    begin: int = min(BAR_COLUMNS - 1, span["start"] * BAR_COLUMNS // total_ns)
    width: int = max(1, round(span["duration"] * BAR_COLUMNS / total_ns))
    return "·" * begin + "█" * min(width, BAR_COLUMNS - begin)
