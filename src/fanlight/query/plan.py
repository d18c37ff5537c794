"""What can be decided without reading an event: bytes that its raw line must hold, names that are needed."""

from __future__ import annotations

from fanlight.event.lazy import lazily
from fanlight.event.names import canonical
from fanlight.query.nodes import Among, And, Exists, Field, Keyword, Node, Not, Or, Path, Pattern
from fanlight.query.regex import SPECIAL, literal_parentheses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fanlight.query.setting import Setting

RUN = lazily(r"[\x20-\x7e]+")
FOLDED_RUN = lazily(r"[\x20-JL-RT-jl-rt-\x7e]+")
"""Without `k` and `s`: where case does not matter, a regular expression finds U+212A and U+017F by them."""
OPEN_TO_ESCAPES = lazily(r"[^A-Za-z0-9_.-]")
OWN = frozenset({"time", "raw", "line", "kind"})


class Literal:
    """Bytes, of which one variant of case must stand in a raw line.

    Attributes:
        text: ASCII; in lower case when `fold`.
        fold: the case of ASCII letters does not matter.
        plain: of letters, digits, `_`, `.`, `-` alone, which formats rarely write as escapes.
    """

    __slots__ = ("fold", "plain", "text")

    def __init__(self, text: str, *, fold: bool) -> None:
        self.text = text.lower().encode() if fold else text.encode()
        self.fold = fold
        self.plain = OPEN_TO_ESCAPES.search(text) is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and (self.text, self.fold) == (other.text, other.fold)

    def __hash__(self) -> int:
        return hash((self.text, self.fold))

    def __repr__(self) -> str:
        return f"Literal({self.text!r}, fold={self.fold})"


class Prefilter:
    """Conjuncts, each a tuple of literals of which a raw event must hold at least one.

    It nominates, the predicate decides. It holds for texts as they stand in the raw line: a format that
    may write a character as an escape has to let lines with its escape character pass as well.
    """

    __slots__ = ("conjuncts",)

    def __init__(self, conjuncts: Iterable[tuple[Literal, ...]]) -> None:
        self.conjuncts = tuple(conjuncts)

    def best(self) -> tuple[Literal, ...]:
        """Answer the conjunct that likely passes fewest lines: the one whose shortest literal is longest."""
        return max(self.conjuncts, key=lambda some: (min(len(one.text) for one in some), -len(some)))

    def passes(self, raw: bytes, escape: bytes | None = None) -> bool:
        """Tell whether the predicate may select a raw event.

        Args:
            raw: all its lines.
            escape: the format's escape character, when it has one.
        """
        if escape is not None and escape in raw:
            return True
        lower = raw.lower()
        return all(any(one.text in (lower if one.fold else raw) for one in some) for some in self.conjuncts)

    def __repr__(self) -> str:
        return f"Prefilter({self.conjuncts!r})"


def prefilter(node: Node | None, setting: Setting) -> Prefilter | None:
    """Answer what every raw event must hold that a tree can select; None when nothing is sure."""
    conjuncts = [] if node is None else list(required(node, setting))
    return Prefilter(conjuncts) if conjuncts else None


def required(node: Node, setting: Setting) -> Iterator[tuple[Literal, ...]]:
    """Yield the conjuncts of a tree; a negation requires nothing."""
    if isinstance(node, And):
        for part in node.parts:
            yield from required(part, setting)
    elif isinstance(node, Or):
        yield from united([list(required(part, setting)) for part in node.parts])
    elif isinstance(node, Keyword):
        yield from literal(node.text, fold=setting.fold_keywords)
    elif isinstance(node, Pattern):
        yield from literal(held(node.text), fold=setting.fold_keywords, is_pattern=True)
    elif isinstance(node, Among) and node.path.text not in OWN:
        fold = setting.fold_fields
        yield from united([list(words(value, value, fold=fold)) for value in node.values])
    elif isinstance(node, Field):
        yield from of_field(node, setting)


def united(sides: list[list[tuple[Literal, ...]]]) -> Iterator[tuple[Literal, ...]]:
    """Yield what alternatives require: of each side the best conjunct; nothing when a side has none."""
    if all(sides):
        yield tuple(dict.fromkeys(one for side in sides for one in Prefilter(side).best()))


def of_field(node: Field, setting: Setting) -> Iterator[tuple[Literal, ...]]:
    """Yield what a comparison requires: the text itself, where no number or time is meant by it."""
    if node.op not in ("=", ":", "~") or node.path.text in OWN:
        return
    if node.op == "=":
        text = node.value
    else:
        text = held(literal_parentheses(node.value) if node.op == ":" else node.value)
    yield from words(text, node.value, fold=setting.fold_fields, is_pattern=node.op != "=")


def words(text: str, value: str, *, fold: bool, is_pattern: bool = False) -> Iterator[tuple[Literal, ...]]:
    """Yield what a text requires that stands for itself alone.

    `200` may be written 2e2, `5xx` means others, and so do a range, a time, true and false.
    """
    named = value.lower() in ("true", "false", "now", "today", "yesterday")
    if text and not named and ".." not in value and value[0] not in "+-.0123456789" and value[:3] != "now":
        yield from literal(text, fold=fold, is_pattern=is_pattern)


def held(pattern: str) -> str:
    """Answer the longest text that whatever a pattern finds must hold; "" when there is none.

    Only plain characters side by side are seen; a group or an alternative ends the search.
    """
    runs: list[str] = [""]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "\\" and at < len(pattern) and not pattern[at].isalnum():
            runs[-1] += pattern[at]
            at += 1
        elif char in "|(":
            return ""
        elif char == "[":
            close = pattern.find("]", at + 1 + (pattern[at : at + 1] == "^"))
            # A bracket with an escape in it may end elsewhere.
            if close < 0 or "\\" in pattern[at:close]:
                return ""
            at = close + 1
            runs.append("")
        elif char in "*?{":
            runs[-1] = runs[-1][:-1]
            runs.append("")
            at = at if char != "{" else max(pattern.find("}", at), at - 1) + 1
        elif char == "\\":
            # An escape with a letter may take more behind it, as \x41 does.
            return ""
        elif char in SPECIAL:
            runs.append("")
        else:
            runs[-1] += char
    return max(runs, key=len)


def literal(text: str, *, fold: bool, is_pattern: bool = False) -> Iterator[tuple[Literal, ...]]:
    """Yield the longest run of ASCII in a text, if there is any."""
    runs = (FOLDED_RUN if fold and is_pattern else RUN).findall(text)
    if runs:
        yield (Literal(max(runs, key=len), fold=fold),)


def names(node: Node | None) -> frozenset[str]:
    """Answer the names that a tree looks up, in every way in which a property may be called so."""
    return spellings(path for path in paths(node))


def spellings(looked_up: Iterable[Path]) -> frozenset[str]:
    """Answer paths as written, as the dictionary has them, and what a dotted one may lead through."""
    found: set[str] = set()
    for path in looked_up:
        found |= {path.text} if path.exact else {path.text, canonical(path.text)}
        steps = [] if path.exact else path.text.split(".")
        found |= {".".join(steps[:cut]) for cut in range(1, len(steps))}
    return frozenset(found)


def looks_everywhere(node: Node | None) -> bool:
    """Tell whether a tree has a keyword or a pattern, which any property may meet."""
    if isinstance(node, And | Or):
        return any(looks_everywhere(part) for part in node.parts)
    return looks_everywhere(node.part) if isinstance(node, Not) else isinstance(node, Keyword | Pattern)


def patterns(node: Node | None) -> list[Pattern]:
    """Answer the patterns of a tree that any text may meet."""
    if isinstance(node, And | Or):
        return [each for part in node.parts for each in patterns(part)]
    if isinstance(node, Not):
        return patterns(node.part)
    return [node] if isinstance(node, Pattern) else []


def paths(node: Node | None) -> Iterator[Path]:
    """Yield the paths that a tree looks up."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from paths(part)
    elif isinstance(node, Not):
        yield from paths(node.part)
    elif isinstance(node, Field | Among | Exists):
        yield node.path
