"""Text to tokens: operators, parentheses, terms that are nodes already, time bounds, flags, stages."""

from __future__ import annotations

import re

from fanlight.errors import QueryError
from fanlight.event.lazy import lazily
from fanlight.query.nodes import BARE_NAME, BOUNDS, Among, Bound, Exists, Field, Keyword, Path, Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Token = tuple[str, Any, int]
    """Kind, what it holds, where it begins."""

TERM, BOUND, FLAG, STAGE = "term", "bound", "flag", "stage"
AND, OR, NOT, OPEN, CLOSE = "AND", "OR", "NOT", "(", ")"

SENSITIVE, INSENSITIVE = "--case-sensitive", "--case-insensitive"
FLAGS = (SENSITIVE, INSENSITIVE)

WORD_OPERATOR = lazily(r"(?i:(and|or|not))(?=[\s()]|$)|(&&|-a|\|\||-o|-n)(?=[\s()]|$)|!(?![=~])")
OPERATING = frozenset("aAoOnN&|!-")
"""What operators begin with."""
SAYS = {"and": AND, "&&": AND, "-a": AND, "or": OR, "||": OR, "-o": OR, "not": NOT, "-n": NOT}
NAME = BARE_NAME
USUAL = re.compile(
    r"([^\W\d][\w.@$\[\]-]*):(?:(>=|<=|>|<)(?=[-+.]?\d))?((?:[\w^.*\\\[+-]|/(?!/))[^\s()]*)(?=\s|\Z)"
)
"""Most comparisons: name, sign behind the colon, value without quotes and parentheses."""
GLUED = lazily(r"(:|!=|!~|>=|<=|=~|==?|~|>|<)")
SPACED = lazily(r"\s+(?:(!=|!~|>=|<=|=~|==?|~|>|<)(?=\s+\S)|(>=|<=|>|<)(?=[-+.]?\d))")
IN = lazily(r"(?i:\s+in)\s*\(")
EXISTS = lazily(r"(?i:exists)\(\s*")
NEGATED = lazily(r"""-(?=[^\W\d_]\w|[("'/@#])""")
COMPARED = lazily(r"""(>=|<=|>|<)(?=[-+.]?\d|["'])""")
ALONE = lazily(r"(>=|<=|>|<)(?=[\s)]|$)")
CLOCK = lazily(r"\s+\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?=[\s)]|$)")
DAY = lazily(r"\d+[/-]\d+[/-]\d+")
WORD = lazily(r"[^\s()]+")
DIGITS = lazily(r"[\d.]+")
SAME = {"==": "=", "=~": "~"}
LONE = frozenset({":", "=", "!=", "~", "!~", ">", ">=", "<", "<=", "==", "=~"})


def lex(text: str) -> list[Token]:
    """Answer a query's tokens.

    Raises:
        QueryError: quotes without an end, an unknown flag, a comparison without a value.
    """
    tokens: list[Token] = []
    at = skip(text, 0)
    while at < len(text):
        token, end = next_token(text, at)
        tokens.append(token)
        if token[0] == STAGE:
            break
        at = skip(text, end)
    return tokens


def skip(text: str, at: int) -> int:
    """Answer where the next thing begins."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def next_token(text: str, at: int) -> tuple[Token, int]:
    """Answer the token at a place, and where it ends."""
    # A fast path, of what is read below.
    usual = USUAL.match(text, at)
    if usual is not None and usual[1] not in BOUNDS:
        name, sign, value = usual.groups()
        return (TERM, Field(Path(name), sign or ":", value, usual.start(3)), at), usual.end()
    first = text[at]
    if first in "()":
        return (first, first, at), at + 1
    operator = WORD_OPERATOR.match(text, at) if first in OPERATING else None
    if operator:
        word = operator.group()
        return (SAYS.get(word.lower(), NOT), word, at), operator.end()
    if first == "|":
        return (STAGE, text[at:], at), len(text)
    pattern = slashed(text, at) if first == "/" else None
    if pattern:
        return (TERM, Pattern(pattern[0]), at), pattern[1]
    reader = after_quotes if first in "\"'" else dashed if first == "-" else named
    return reader(text, at)


def dashed(text: str, at: int) -> tuple[Token, int]:
    """Answer a flag, a negation, or a word that begins with a dash."""
    if text.startswith("--", at):
        word, end = bare(text, at)
        if word in FLAGS:
            return (FLAG, word, at), end
        if len(word.strip("-")):
            from fanlight.registry import suggestion

            raise QueryError(
                "unknown-flag",
                f"unknown flag {word}{suggestion(word, list(FLAGS))}; to look for it, put it in quotes",
                text,
                at,
            )
    if NEGATED.match(text, at):
        return (NOT, "-", at), at + 1
    word, end = bare(text, at)
    if len(word) == 2 and word[1].isalpha():
        reason = f"{word} is no operator; there are -a (and), -o (or), -n (not); to look for it, quote it"
        raise QueryError("unknown-flag", reason, text, at)
    return (TERM, Keyword(word), at), end


def after_quotes(text: str, at: int) -> tuple[Token, int]:
    """Answer a phrase, or the comparison of a quoted name."""
    phrase, end = unquoted(text, at)
    found = compared(text, at, Path(phrase, exact=True), end) if phrase else None
    if found:
        return found
    if not phrase:
        raise QueryError("empty-phrase", "there is nothing in these quotes to look for", text, at)
    return (TERM, Keyword(phrase), at), end


def named(text: str, at: int) -> tuple[Token, int]:
    """Answer what begins with a word: a comparison, `exists(…)`, a time bound, or a keyword."""
    asks = EXISTS.match(text, at) if text[at] in "eE" else None
    if asks:
        return existing(text, at, asks.end())
    name = NAME.match(text, at)
    if name:
        word = name.group()
        if word in BOUNDS and text.startswith(":", name.end()):
            return bound(text, at, word, name.end() + 1)
        found = compared(text, at, Path(word), name.end())
        if found:
            return found
    word, end = bare(text, at)
    if word in LONE:
        reason = f"{word} stands alone: write a name before it and a value behind it, or put it in quotes"
        raise QueryError("lone-operator", reason, text, at)
    return (TERM, Keyword(word), at), end


def existing(text: str, at: int, inner: int) -> tuple[Token, int]:
    """Answer `exists(name)`."""
    path, end = name_at(text, inner)
    end = skip(text, end)
    if not text.startswith(")", end):
        raise QueryError("missing-value", "exists(…) takes one name and a closing parenthesis", text, end)
    return (TERM, Exists(path), at), end + 1


def name_at(text: str, at: int) -> tuple[Path, int]:
    """Answer a name, quoted or not, and where it ends.

    Raises:
        QueryError: there is none.
    """
    if at < len(text) and text[at] in "\"'":
        word, end = unquoted(text, at)
        if word:
            return Path(word, exact=True), end
    found = NAME.match(text, at)
    if not found:
        raise QueryError("missing-name", "a property's name is missing here", text, at)
    return Path(found.group()), found.end()


def compared(text: str, at: int, path: Path, end: int) -> tuple[Token, int] | None:
    """Answer the comparison of a name that ends here; None when the word is a keyword."""
    behind = text[end : end + 1]
    if behind.isspace():
        listed = IN.match(text, end)
        if listed:
            values, end = values_at(text, listed.end())
            return (TERM, Among(path, values), at), end
        found = SPACED.match(text, end)
    else:
        found = GLUED.match(text, end) if behind else None
    if not found:
        return None
    sign = found[found.lastindex or 1]
    op = SAME.get(sign, sign)
    start = found.end()
    if op == ":":
        # `ERROR:`, `http://…`, `std::string` are what somebody looks for.
        if start >= len(text) or text[start].isspace() or text[start] in ":)" or text.startswith("//", start):
            return None
        inner = COMPARED.match(text, start)
        if inner:
            op, start = inner.group(1), inner.end()
        elif lone := ALONE.match(text, start):
            reason = f"{path}:{lone[1]} needs a number behind it; to look for the sign, put it in quotes"
            raise QueryError("missing-value", reason, text, lone.end(1))
    else:
        start = skip(text, start)
    if start >= len(text) or text[start] == ")":
        reason = f"{path}{op} needs a value; for the empty text write {path}{op}''"
        raise QueryError("missing-value", reason, text, min(start, len(text)))
    value, end = value_at(text, start)
    return (TERM, Field(path, op, value, start), at), end


def values_at(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Answer the values of a list whose parenthesis is open, and where it ends."""
    values: list[str] = []
    opened = at - 1
    while True:
        at = skip(text, at)
        if at < len(text) and text[at] in "\"'":
            value, at = unquoted(text, at)
        else:
            found = re.compile(r"[^\s,()]+(?:[ \t]+[^\s,()]+)*").match(text, at)
            if not found:
                reason = "a list is written in (a, b); a value is missing here"
                raise QueryError("bad-list", reason, text, at if at < len(text) else opened)
            value, at = found.group(), found.end()
        values.append(value)
        at = skip(text, at)
        if text.startswith(")", at):
            return tuple(values), at + 1
        if not text.startswith(",", at):
            reason = "a list is written in (a, b); a comma or a closing parenthesis is missing here"
            raise QueryError("bad-list", reason, text, at)
        at += 1


def bound(text: str, at: int, key: str, start: int) -> tuple[Token, int]:
    """Answer a time bound; its value may be the next word, and a clock may follow a date."""
    start = skip(text, start)
    if start >= len(text):
        reason = f'{key}: needs a time, as in {key}:-15m; for a property of that name write "{key}":…'
        raise QueryError("missing-value", reason, text, start)
    value, end = value_at(text, start)
    clock = CLOCK.match(text, end) if DAY.fullmatch(value) else None
    if clock:
        value, end = f"{value} {clock.group().strip()}", clock.end()
    return (BOUND, (Bound(key, value), start), at), end


def value_at(text: str, at: int) -> tuple[str, int]:
    """Answer a value, quoted or a word."""
    return unquoted(text, at) if text[at] in "\"'" else bare(text, at)


def unquoted(text: str, at: int) -> tuple[str, int]:
    """Answer what stands in the quotes that open here; a backslash keeps a quote or a backslash."""
    quote = text[at]
    parts: list[str] = []
    start = place = at + 1
    while place < len(text):
        char = text[place]
        if char == "\\" and place + 1 < len(text) and text[place + 1] in (quote, "\\"):
            parts.append(text[start:place])
            start = place + 1
            place += 2
        elif char == quote:
            parts.append(text[start:place])
            return "".join(parts), place + 1
        else:
            place += 1
    raise QueryError("unbalanced-quote", f"the {quote} that opens here is never closed", text, at)


def bare(text: str, at: int) -> tuple[str, int]:
    """Answer the word that begins here: to the next blank, or to a parenthesis that it did not open."""
    start = at
    depth = 0
    while True:
        found = WORD.match(text, at)
        if found:
            at = found.end()
        if at < len(text) and text[at] == "(":
            depth += 1
        elif at < len(text) and text[at] == ")" and depth:
            depth -= 1
        else:
            return text[start:at], at
        at += 1


def slashed(text: str, at: int) -> tuple[str, int] | None:
    """Answer the pattern between slashes; None when it is a word such as `/api/orders`."""
    place = at + 1
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == "/":
            end = place + 1
            if place == at + 1 or (end < len(text) and not text[end].isspace() and text[end] != ")"):
                return None
            return text[at + 1 : place].replace("\\/", "/"), end
        place += 1
    return None
