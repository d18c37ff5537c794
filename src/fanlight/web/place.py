"""What may stand at a place of a query that is being written: forgiving where the lexer is strict."""

from __future__ import annotations

import re
from typing import NamedTuple

NAME, VALUE, STAGE, FUNCTION, MEMBER, NOTHING = "name", "value", "stage", "function", "member", "nothing"
"""Kinds of places; a member is a property's name in a stage, where no comparison follows."""

OPENING = frozenset(":=~<>,(!-")
"""Signs behind which a quote opens; behind a letter it is part of a word, as in `it's`."""

COMPARISON = re.compile(
    r"""[-!]*(?P<name>"(?:[^"\\]|\\.)*"|[\w@#][\w.@$\[\]-]*)"""
    r"""(?P<op>:>=|:<=|:>|:<|:|!=|!~|>=|<=|=~|==|=|~|>|<)(?P<value>.*)""",
    re.DOTALL,
)
LISTED = re.compile(r"""(?P<name>[\w@#][\w.@$\[\]-]*)\s+in\s*\([^()]*$""", re.IGNORECASE)
TAIL = re.compile(r"""[^\s()|,"']*""")
BY = re.compile(r"\bby\b", re.IGNORECASE)


class Place(NamedTuple):
    """Where somebody writes.

    Attributes:
        kind: of what may stand there.
        start: of what is written there already, from 0.
        end: behind it.
        prefix: what is written before the caret.
        name: the property whose value it is.
        op: the comparison before it; `in` for a list.
        is_grouped: names may be joined by a step of time.
        closes: a parenthesis has to be closed behind it.
    """

    kind: str
    start: int
    end: int
    prefix: str
    name: str = ""
    op: str = ""
    is_grouped: bool = False
    closes: bool = False


class Read(NamedTuple):
    """A query up to the caret: where its last word and its last stage begin, and the open quote."""

    word: int
    stage: int | None
    quote: str


def read(head: str) -> Read:
    """Answer where the last word and the last stage begin."""
    at = word = 0
    stage: int | None = None
    quote = ""
    while at < len(head):
        sign = head[at]
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'" and (at == word or head[at - 1] in OPENING):
            quote = sign
        elif sign.isspace() or sign in "()" or (sign == "," and stage is not None):
            word = at + 1
        elif sign == "|" and head.startswith("||", at) and stage is None and at == word:
            at += 1
            word = at + 1
        elif sign == "|" and (stage is not None or at == word):
            stage = word = at + 1
        at += 1
    return Read(word, stage, quote)


def place(text: str, at: int) -> Place:
    """Answer what may stand at a place of a query.

    Args:
        text: the query, readable or not.
        at: where the caret is, from 0.
    """
    head = text[:at]
    word, stage, quote = read(head)
    end = at + len(TAIL.match(text, at)[0])  # type: ignore[index]  # the pattern fits anything
    if stage is not None:
        return in_stage(text, head, Read(word, stage, quote), end)
    compared = COMPARISON.fullmatch(head, word)
    if compared:
        value = compared["value"]
        if quote and text.startswith(quote, end):
            end += 1
        name = unquoted(compared["name"])
        return Place(VALUE, compared.start("op"), end, value.lstrip("\"'"), name, compared["op"])
    listed = LISTED.search(head[:word]) if head[:word].rstrip()[-1:] in ("(", ",") else None
    if listed:
        return Place(VALUE, word, end, head[word:].lstrip("\"'"), listed["name"], "in")
    start = word + len(head[word:]) - len(head[word:].lstrip("-!"))
    if quote or head[start : start + 1] == "/":
        return Place(NOTHING, at, at, "")
    return Place(NAME, start, end, head[start:])


def in_stage(text: str, head: str, known: Read, end: int) -> Place:
    """Answer what may stand at a place behind `|`."""
    word, stage, quote = known
    assert stage is not None
    before = head[stage:word].strip()
    prefix = head[word:]
    nothing = Place(NOTHING, len(head), len(head), "")
    if quote:
        return nothing
    if not before:
        return Place(STAGE, word, end, prefix)
    name = before.split()[0].lower()
    if name in ("stats", "timechart", "top"):
        return in_sum(text, before, Place(MEMBER, word, end, prefix, name))
    if name in ("fields", "sort", "uniq"):
        start = word + (name == "sort" and prefix.startswith("-"))
        return Place(MEMBER, start, end, head[start:], name)
    return nothing


def in_sum(text: str, before: str, member: Place) -> Place:
    """Answer what may stand at a place of a stage that adds up: a function, or a name.

    Args:
        text: the query.
        before: the stage's words before the place.
        member: what stands there when it is a name; its own name is the stage's.
    """
    if before.count("(") > before.count(")"):
        return member._replace(closes=not text.startswith(")", member.end))
    is_by = BY.search(before) is not None
    if is_by is (member.name == "top"):
        return member._replace(kind=FUNCTION, is_grouped=not is_by)
    return member._replace(is_grouped=is_by and member.name == "stats")


def unquoted(name: str) -> str:
    """Answer a name without its quotes."""
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name
