"""The arguments of a command line, quotes gone, to one query text."""

from __future__ import annotations

from fanlight.errors import QueryError
from fanlight.query.lexer import BOUND, lex
from fanlight.query.nodes import Field, Keyword, quoted

VALUED = frozenset(":=~<>")
"""What a value stands behind."""


def joined(args: list[str]) -> str:
    """Answer the query text that a list of arguments says."""
    alone = len([arg for arg in args if arg.strip()]) == 1
    return " ".join(worded(arg, alone=alone) for arg in args if arg.strip())


def worded(arg: str, *, alone: bool) -> str:
    """Answer one argument as a part of a query text."""
    try:
        tokens = lex(arg)
    except QueryError as error:
        # What a shell left of `it's` is a word; a query with blanks has its quotes wrong.
        # One that begins with the quote, or whose value does, was meant to be in quotes.
        is_value = error.column > 1 and arg[error.column - 2] in VALUED
        is_word = not (is_value or arg.startswith('"') or any(char.isspace() for char in arg))
        if error.code == "unbalanced-quote" and is_word:
            return quoted(arg)
        if error.code == "missing-value" and arg.endswith(":"):
            return arg
        raise
    first = tokens[0][1] if tokens else None
    words = [isinstance(what, Keyword) for _, what, _ in tokens]
    if len(tokens) < 2 or not any(char.isspace() for char in arg.strip()) or {"'", '"'} & set(arg):
        said = arg
    elif all(words):
        said = quoted(arg.strip())
    elif alone or not all(words[1:]):
        said = arg
    elif isinstance(first, Field):
        said = f"{arg[: first.at]}{quoted(arg[first.at :])}"
    elif tokens[0][0] == BOUND:
        key, _, rest = arg.partition(":")
        said = f"{key}:{quoted(rest.strip())}"
    else:
        said = arg
    return said
