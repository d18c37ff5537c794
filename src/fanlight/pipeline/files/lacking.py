"""What to say of a property that a query asks for and no event of a file has."""

from __future__ import annotations

from fanlight.event.event import Event
from fanlight.event.names import canonical
from fanlight.parsers import stacks
from fanlight.query.lexer import INSENSITIVE
from fanlight.query.nodes import And, Field, Not, Or

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from fanlight.parsers import Format
    from fanlight.query.nodes import Node
    from fanlight.query.query import Query

ALWAYS = frozenset({"kind", "line", "raw", "time"})
NAMES_MAX = 20
"""Names that are listed."""


def lacking(
    query: Query, found: Format, first: list[bytes], fields: tuple[str, ...] = (), *, is_empty: bool
) -> list[str]:
    """Answer what to say of each property that is asked for and not there.

    Args:
        query: asks.
        found: format of the file.
        first: the file's first lines, of which those names are taken that a format does not tell.
        fields: names that are wanted of the selected events.
        is_empty: nothing was selected.
    """
    paths = query.fields().union(fields)
    asked = {canonical(path.partition(".")[0]) for path in paths if not path.startswith("#")}
    known = getattr(found, "fields", None)
    told: list[str] = []
    first = [line for line in first if line.strip()]
    if known is not None:
        has = {field.name for field in known} | ALWAYS
        has |= stacks.WITHIN if "stack" in has else set()
        of = f"the format {found.name} has none; it has"
        shown = {field.name for field in known} | {"time"}
        if is_empty and "level" in asked & has and "level" not in names_in(found, first)[0]:
            told.append(
                f"none of the first {len(first):,} lines tells a 'level', which {found.name} may have"
            )
    elif is_empty and first and asked:
        shown, count = names_in(found, first)
        has = shown | ALWAYS | stacks.WITHIN
        # A name of its own goes before what the dictionary makes of it.
        asked -= {canonical(name) for name in shown}
        of = f"none of the first {count:,} has one; they have"
    else:
        return []
    for name in sorted(asked - has - {"span"}):
        if any(each.startswith(name + ".") for each in has):
            continue
        names = ", ".join(sorted(shown)[:NAMES_MAX]) + (", …" if len(shown) > NAMES_MAX else "")
        way = nearest(name, shown) or brought(found, name) or quoted(query, name)
        told.append(f"no event has {name!r}: {of} {names}{way}")
    return told + cased(query, found, first) if is_empty else told


def cased(query: Query, found: Format, first: list[bytes]) -> list[str]:
    """Answer that values keep their case, when some of the first lines were selected if they did not."""
    if query.setting.fold_fields or not any(fields_of(query.node)):
        return []
    from fanlight.query.query import Query as Asked

    folded = Asked(f"{INSENSITIVE} {query}")
    reader = found.reader()

    def would(line: bytes) -> bool:
        try:
            return folded.matches(Event.lazy(reader, line, 0))
        except ValueError:
            return False

    if not any(map(would, first)):
        return []
    return [f"values are compared with their case; {INSENSITIVE} would select some of the first lines"]


def nearest(name: str, known: set[str]) -> str:
    """Answer the name that may have been meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def names_in(found: Format, first: list[bytes]) -> tuple[set[str], int]:
    """Answer the names of the properties of some lines, and how many were read."""
    names: set[str] = set()
    count = 0
    reader = found.reader()
    for line in first:
        event = Event.lazy(reader, line, 0)
        try:
            names |= {each.name for each in event}
        except ValueError:
            continue
        count += 1
    return names, count


def brought(found: Any, name: str) -> str:
    """Answer what in the format of a server's log would tell a property."""
    if not found.name.startswith(("com", "custom", "performance")) or not hasattr(found, "links"):
        return ""
    from fanlight.parsers.access import directives

    ways = directives(name)
    return f"; a server's log format tells it with {' or '.join(ways)}" if ways else ""


def quoted(query: Query, name: str) -> str:
    """Answer how to look for a text that was taken for a comparison, as `localhost:8080`."""
    for node in fields_of(query.node):
        if node.op == ":" and not node.path.exact and canonical(node.path.text.partition(".")[0]) == name:
            return f"; to look for the text write '\"{node.path.text}:{node.value}\"'"
    return ""


def fields_of(node: Node | None) -> Iterator[Field]:
    """Yield the comparisons of a tree."""
    if isinstance(node, Field):
        yield node
    elif isinstance(node, Not):
        yield from fields_of(node.part)
    elif isinstance(node, And | Or):
        for part in node.parts:
            yield from fields_of(part)
