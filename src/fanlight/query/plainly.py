"""Queries of nothing but words, read without the grammar.

FAST PATH: to load the language costs as much as to look through 200 MB. What this reads means what the
grammar says; where it answers nothing, that is asked.
"""

from __future__ import annotations

OPERATORS = frozenset({"and", "or", "not", "in", "exists"})


class Words:
    """What a query of words asks of a line; all of it in lower case.

    Attributes:
        united: words of which one is enough; none where all are needed.
        wanted: words that are all needed.
        unwanted: words that must not be there.
    """

    __slots__ = ("united", "unwanted", "wanted")

    def __init__(self, united: list[str], wanted: list[str], unwanted: list[str]) -> None:
        self.united = united
        self.wanted = wanted
        self.unwanted = unwanted


def words_of(arguments: list[str]) -> Words | None:
    """Answer what a command line's words ask for; None when they may be more than words.

    It is words side by side, or words with `AND` or `AND NOT` between them, in one argument or in several.
    """
    tokens = " ".join(arguments).split(" ")
    if len(tokens) > len(arguments) and (len(arguments) > 1 or "AND" not in tokens):
        # Words within one argument are a phrase.
        return None
    if "AND" not in tokens:
        lowered = [token.lower() for token in tokens]
        if not all(map(is_word, tokens)) or len(set(lowered)) < len(lowered):
            return None
        return Words(tokens, [], []) if len(tokens) > 1 else Words([], lowered, [])
    wanted: list[str] = []
    unwanted: list[str] = []
    while tokens:
        is_unwanted = tokens[0] == "NOT" and bool(wanted)
        word, *tokens = tokens[is_unwanted:] or [""]
        if not is_word(word) or (tokens and (tokens[0] != "AND" or len(tokens) < 2)):
            return None
        (unwanted if is_unwanted else wanted).append(word.lower())
        tokens = tokens[1:]
    return Words([], wanted, unwanted)


def is_word(token: str) -> bool:
    """Tell whether a token is a keyword whatever stands around it."""
    return token.isascii() and token.isalnum() and token[0].isalpha() and token.lower() not in OPERATORS
