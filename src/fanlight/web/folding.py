"""Which spans of one trace are told of together, and what a row of them says, on a page or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Span = Mapping[str, Any]

FOLD_FROM = 5
"""Like siblings before they become one row; from there on a repeat is a finding."""

FAULTS = frozenset({"error", "exception", "fault"})
"""Annotations that tell of an exception, alone or before a dot."""


def parents(spans: Sequence[Span]) -> dict[int, list[Span]]:
    """Answer the children of each span that has some, by its index; the root is below -1."""
    children: dict[int, list[Span]] = {}
    for span in spans:
        children.setdefault(span["parent"] if span["parent"] is not None else -1, []).append(span)
    return children


def likes(spans: Sequence[Span]) -> dict[int, list[Span]]:
    """Answer by place the leaves that become one row: enough of one parent, kind and text.

    They need not follow each other: a loop seldom sends one statement alone, and two that take turns
    would fill the page otherwise.
    """
    children = parents(spans)
    groups: dict[tuple[Any, ...], list[Span]] = {}
    for span in spans:
        if span["index"] not in children:
            same = (span[key] for key in ("parent", "category", "title", "description"))
            groups.setdefault((*same, wording.logged(span), is_failed(span)), []).append(span)
    large = [group for group in groups.values() if len(group) >= FOLD_FROM]
    return {span["index"]: group for group in large for span in group}


def place(group: Sequence[Span]) -> str:
    """Answer where in the application's code a row stands, "" where that is unknown."""
    # Only the fifth of many repeats was asked.
    noted = ((each["annotations"] or {}).get("location") for each in group)
    return str(next(filter(None, noted), ""))


def described(span: Span) -> str:
    """Answer what a row says behind its title."""
    if span["category"] == "agent.pruned":
        return pruned(span)
    return wording.logged(span) or span["description"] or ""


def pruned(span: Span) -> str:
    """Answer what stands where a very large trace was cut, from the exact totals that were kept."""
    told = span["annotations"] or {}
    return f"{wording.plural(told.get('spans', 0), 'span')}, {wording.duration(told.get('total', 0))} in all"


def is_fault(key: str) -> bool:
    """Answer whether an annotation tells of an exception."""
    # Not `errors=0`, which is an application's own count.
    return key.partition(".")[0] in FAULTS


def is_failed(span: Span) -> bool:
    """Answer whether a span carries an exception."""
    return any(is_fault(str(key)) for key in span["annotations"] or {})
