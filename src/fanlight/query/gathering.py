"""Groups that a store has added up, as functions to which the values of further events are added."""

# ruff: noqa: S608 - statements hold the store's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.query.compile import is_percentile
from fanlight.query.grouping import fresh

if TYPE_CHECKING:
    from fanlight.query.compile import Ask, Sums
    from fanlight.query.grouping import Function, Groups, Shape


class Gathered(NamedTuple):
    """What rows of a store add up to.

    Attributes:
        groups: each function with what it took, by group.
        shapes: type and unit of what a function took, by the function as written, where it took anything.
    """

    groups: Groups
    shapes: dict[str, Shape]


def gathered(sums: Sums, rows: str, ask: Ask, groups: Groups | None = None) -> Gathered:
    """Add up the rows of a statement.

    Args:
        sums: of which functions, in which groups.
        rows: the statement.
        ask: answers a statement.
        groups: that the rows are added to; new ones without.
    """
    groups = {} if groups is None else groups
    width = len(sums.key_parts)
    grouped = f" GROUP BY {', '.join(map(str, range(1, width + 1)))}" if width else ""
    columns = [*sums.key_parts]
    for each in sums.functions:
        columns += [took(sums, each), *([] if each.name == "distinct" else sums.partials(each))]
    shapes: dict[str, Shape] = {}
    for row in sums.told(columns, f"({rows}){grouped}", ask):
        if not row[-1]:
            # Without groups there is a row of no events.
            continue
        key = sums.key_of(row[:width])
        found = groups.get(key)
        if found is None:
            found = groups[key] = [fresh(each) for each in sums.functions]
        at = width
        for each, made in zip(sums.functions, found, strict=True):
            if row[at] and each.path is not None:
                shapes[str(each)] = sums.columns[str(each.path)].shape
            size = 0 if each.name == "distinct" else len(sums.partials(each))
            take_parts(each, made, row[at + 1 : at + 1 + size])
            at += 1 + size
    for place, each in enumerate(sums.functions):
        if each.name == "distinct" or is_percentile(each):
            take_values(sums, each, place, groups, (rows, ask))
    return Gathered(groups, shapes)


def took(sums: Sums, each: Function) -> str:
    """Answer the expression of how many values a function took."""
    if each.path is None:
        return "count(*)"
    return f"count(*) FILTER (WHERE {sums.columns[str(each.path)].is_there})"


def take_parts(each: Function, made: Any, parts: tuple[Any, ...]) -> None:
    """Let a function take what some parts tell."""
    if each.name == "count":
        made.weight += parts[0] or 0
    elif each.name in ("min", "max"):
        for part in parts:
            made.add(part, 1)
    elif parts:
        exact, rest, weight = parts
        made.total += (0 if exact is None else int(exact)) + (0 if rest is None else rest)
        made.weight += weight or 0


def take_values(sums: Sums, each: Function, place: int, groups: Groups, source: tuple[str, Ask]) -> None:
    """Let a function take every different value of a property, in each group."""
    rows, ask = source
    column = sums.columns[str(each.path)]
    width = len(sums.key_parts)
    selected = ", ".join([*sums.key_parts, *column.parts])
    grouped = ", ".join(map(str, range(1, width + len(column.parts) + 1)))
    for row in ask(f"SELECT {selected}, sum(w) FROM ({rows}) WHERE {column.is_there} GROUP BY {grouped}"):
        groups[sums.key_of(row[:width])][place].add(column.value(*row[width:-1]), row[-1])
