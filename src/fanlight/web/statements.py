"""A sanitised SQL statement over several lines: line breaks and indentation alone, no letter else changes.

It reads no SQL: it knows a few words that begin a part, parentheses, and what is quoted. What it does
not know stays where it stands, so that any text comes out whole.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SHORT = 72
"""A statement up to this many characters stays on its line."""
LONGEST = 20_000
BRIEF = 96
"""Characters of a longer one that stand on a line."""
INDENT = "  "
DEEPEST = 8
OPEN, CLOSE = ("(",), (")",)
TOKEN = re.compile(
    r"""\s+ | '(?:[^']|'')*'? | "(?:[^"]|"")*"? | `[^`]*`? | \[[^\]\n]*\]? | --[^\n]* | /\*.*?(?:\*/|$)
        | [A-Za-z_][\w$]* | [(),;] | [^\s'"`(),;\[A-Za-z_]+""",
    re.VERBOSE | re.DOTALL,
)
OPENING = frozenset(
    (
        *("select", "from", "where", "having", "limit", "offset", "values", "set", "returning", "union"),
        *("except", "intersect", "with", "insert", "update", "delete", "window", "fetch"),
    )
)
"""Words that begin a line."""
PAIRS = frozenset(
    (
        *("group by", "order by", "insert into", "delete from", "union all"),
        *("on conflict", "for update"),
    )
)
JOINS = frozenset(["join", "left", "right", "inner", "outer", "full", "cross", "natural"])
INNER = frozenset(("and", "or", "on"))
"""Words that begin an indented line."""


class Statement(NamedTuple):
    """What was sent, as a page shows it."""

    text: str
    brief: str
    """Its beginning, where it is long."""
    formatted: str
    """It over several lines, "" where one is enough."""


NOTHING = Statement("", "", "")


def statement(text: str, category: str) -> Statement:
    """Answer what a part of a request sent, folded where it is long."""
    formatted = pretty(text) if category.startswith("db.sql") else text
    is_long = formatted != text or len(text) > 2 * BRIEF
    return Statement(text, brief(text), formatted) if is_long else Statement(text, text, "")


def pretty(text: str) -> str:
    """Answer a statement with a line for each of its parts; a short one stays on its line."""
    if len(text) <= SHORT or len(text) > LONGEST or "\n" in text.strip():
        return text
    return "\n".join(line.rstrip() for line in lines(TOKEN.findall(text)) if line.strip())


def brief(text: str) -> str:
    """Answer the beginning of a long statement on one line, without the list of what it selects.

    What is read first is the table and the condition; an ORM lists every column before them.
    """
    if len(text) <= SHORT:
        return text
    if len(text) <= LONGEST and text[:7].lower() == "select ":
        depth, at = 0, 0
        for token in TOKEN.findall(text):
            depth += (token in OPEN) - (token in CLOSE)
            if depth == 0 and token.lower() == "from" and at > len("select …"):
                text = f"{text[:6]} … {text[at:]}"
                break
            at += len(token)
    line = " ".join(text[: 2 * BRIEF].split())
    return line if len(line) <= BRIEF and len(text) <= 2 * BRIEF else f"{line[:BRIEF]}…"


def lines(tokens: list[str]) -> list[str]:
    """Answer the lines that some tokens make."""
    out = [""]
    # For each open parenthesis: whether it holds a statement of its own.
    open_with: list[bool] = []
    before = ""
    is_between = False
    for place, token in enumerate(tokens):
        if token.isspace():
            if out[-1].strip():
                out[-1] += " "
            continue
        word = token.lower()
        depth = sum(open_with)
        if token in CLOSE and open_with and open_with.pop():
            out.append(INDENT * min(sum(open_with), DEEPEST))
        elif not open_with or open_with[-1]:
            step = begins(word, before, following(tokens, place), is_between)
            if step is not None and out[-1].strip():
                out.append(INDENT * min(depth + step, DEEPEST))
        out[-1] += token
        if token in OPEN:
            open_with.append(following(tokens, place) in ("select", "with"))
        is_between = word == "between" or (is_between and word != "and")
        before = word
    return out


def begins(word: str, before: str, after: str, is_between: bool) -> int | None:
    """Answer how far the line is indented that a word begins; None when it goes on where it is."""
    if f"{before} {word}" in PAIRS or (word in JOINS and before in JOINS):
        return None
    if word in OPENING or f"{word} {after}" in PAIRS or word in JOINS:
        # `is distinct from`, and the functions `left(…)` and `right(…)`.
        return (
            None
            if (before == "distinct" and word == "from")
            or (before == "do" and word == "update")
            or (after == "(" and word in JOINS)
            else 0
        )
    if word in INNER and not (word == "and" and is_between):
        return 1
    return None


def following(tokens: list[str], place: int) -> str:
    """Answer the next word in small letters, "" at the end."""
    return next((token.lower() for token in tokens[place + 1 :] if not token.isspace()), "")
