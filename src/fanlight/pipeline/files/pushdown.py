"""What of a query can be answered on raw bytes: the needles every selected line has, and sure verdicts."""

from __future__ import annotations

import re

from fanlight.event.names import canonical
from fanlight.parsers import Condition
from fanlight.pipeline.files.needles import Bytewise, needs_letter
from fanlight.pipeline.files.scanners import Needle, needle_of
from fanlight.query.nodes import And, Field, Keyword, Not, Or, Pattern
from fanlight.query.plan import literal as literals_of
from fanlight.query.plan import of_field
from fanlight.query.regex import literal_parentheses, plain, searcher
from fanlight.query.values import test_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fanlight.parsers import Format
    from fanlight.pipeline.files.engines.patterns import Text
    from fanlight.query.nodes import Node
    from fanlight.query.query import Query
    from fanlight.query.setting import Setting

    Conjunct = tuple[Needle, ...]
    """Every event that the query selects has a line with one of these."""
    Verdict = Callable[[bytes], bool]

ESCAPE = Needle(rb"\\", False, b"\\")
"""In a format with escapes, any line with one may hold what does not stand there as it is."""
ASCII_ESCAPE = Needle(rb"\\u00[2-7]", False, b"\\u00")
"""Letters and digits are hardly ever escaped, and then so."""
OWN = frozenset({"time", "raw", "line", "kind"})


class Texts:
    """Texts that decide on a line; in lower case when case does not matter."""

    __slots__ = ("ignores_case", "unwanted", "wanted")

    def __init__(self, wanted: list[bytes], unwanted: list[bytes], ignores_case: bool) -> None:
        self.wanted = wanted
        self.unwanted = unwanted
        self.ignores_case = ignores_case

    def beside(self, needles: tuple[Needle, ...]) -> Texts:
        """Answer what is left to be looked for in a line that has one of some needles."""
        found = needles[0].literal if len(needles) == 1 else None
        wanted = [
            text for text in self.wanted if text != found or needles[0].ignores_case < self.ignores_case
        ]
        return Texts(wanted, self.unwanted, self.ignores_case)

    def kept(self, buffer: Text, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Answer the spans whose bytes hold what is wanted and nothing that is not."""
        found = []
        wanted, unwanted, ignores_case = self.wanted, self.unwanted, self.ignores_case
        for span in spans:
            line = buffer[span[0] : span[1]]
            if ignores_case:
                line = line.lower()
            for text in unwanted:
                if text in line:
                    break
            else:
                for text in wanted:
                    if text not in line:
                        break
                else:
                    found.append(span)
        return found


class Pushdown:
    """One query against one format.

    Attributes:
        conjuncts: of each, one needle is in some line of every selected event; none: any event may be.
        is_exact: a line with a needle of the only conjunct is selected, with no further look.
        texts: all that decides, when it is which texts a raw line holds and which it does not.
        verdict: decides on the raw bytes as the predicate does; None when the event has to be read.
    """

    def __init__(self, query: Query, format: Format) -> None:  # noqa: A002 the thing's own word
        self.setting = query.setting
        self.format = format
        self.is_single = format.heads is None
        self.scaled = format.has_scaled
        escape = getattr(format, "escape", None)
        self.escape = ESCAPE if escape is None else needle_of(escape, ignores_case=False)
        self.plain_escape = (ASCII_ESCAPE,) if escape is None else ()
        node = query.node
        self.conjuncts = [] if node is None else list(self.required(node))
        if isinstance(node, And):
            self.conjuncts += self.chained([part for part in node.parts if isinstance(part, Field)])
            self.conjuncts = list(dict.fromkeys(self.conjuncts))
        # Which of an event's records has a text, its raw lines alone do not tell.
        is_text = format.raw_is_text and not has_records(format)
        self.is_exact = node is not None and is_text and self.is_words(node)
        self.texts = None if node is None or not is_text else self.held(node)
        self.verdict = None if node is None or not is_text else self.decided(node)

    def is_words(self, node: Node) -> bool:
        """Answer whether a query is keywords alone, one of which is enough, found whole by a needle."""
        if isinstance(node, Or):
            return all(self.is_words(part) for part in node.parts)
        return isinstance(node, Keyword) and self.is_sure(node.text)

    def is_sure(self, text: str) -> bool:
        """Answer whether a keyword is in an event just when it is in its raw text, byte for byte."""
        return text.isascii() and text.isprintable() and not (self.scaled and is_number(text))

    def required(self, node: Node) -> Iterator[Conjunct]:
        """Yield the conjuncts of a tree; a negation requires nothing."""
        if isinstance(node, And):
            for part in node.parts:
                yield from self.required(part)
        elif isinstance(node, Or):
            yield from self.any_of(node)
        elif isinstance(node, Keyword):
            if not (self.scaled and is_number(node.text)):
                for some in self.words(literals_of(node.text, fold=self.setting.fold_keywords)):
                    yield (*some, *self.shown_otherwise(node.text))
        elif isinstance(node, Pattern):
            yield from self.pattern(node.text)
        elif isinstance(node, Field):
            yield from self.field(node, self.setting)

    def refusing(self, node: Node, *, invert: bool = False) -> Conjunct:
        """Answer needles without which an event is sure to be selected; none: there is no such thing.

        Args:
            node: what is asked for.
            invert: what it does not select is.
        """
        if isinstance(node, Not):
            return self.refusing(node.part, invert=not invert)
        if invert:
            return min(self.required(node), key=looseness, default=())
        sides = [self.refusing(part) for part in node.parts] if isinstance(node, And | Or) else []
        if isinstance(node, And):
            return tuple(dict.fromkeys(each for side in sides for each in side)) if all(sides) else ()
        return min(filter(None, sides), key=looseness, default=())

    def chained(self, parts: list[Field]) -> Iterator[Conjunct]:
        """Yield what all of some comparisons require, where the format knows their places in a line."""
        asked = [
            self.condition(part, self.setting) for part in parts if part.op in (":", "=", "~", ">", ">=")
        ]
        found = self.format.chain([each for each in asked if each is not None]) if self.is_single else None
        if found is not None:
            yield (Needle(found, self.setting.fold_fields),)

    def any_of(self, node: Or) -> Iterator[Conjunct]:
        """Yield what any side requires: of each its best conjunct; a side without one leaves nothing."""
        joint: list[Needle] = []
        for part in node.parts:
            sides: list[Conjunct] = list(self.required(part))
            if not sides:
                return
            sides.sort(key=looseness)
            joint += sides[0]
        yield tuple(dict.fromkeys(joint))

    def words(self, found: Iterator[tuple[object, ...]]) -> Iterator[Conjunct]:
        """Yield conjuncts of literals, with the way out that a format with escapes needs."""
        for some in found:
            # A line of blanks is no event, and who looks for blanks would find it.
            if not all(one.text.strip() for one in some):  # type: ignore[attr-defined]
                continue
            needles = [needle_of(one.text, ignores_case=one.fold) for one in some]  # type: ignore[attr-defined]
            if not self.format.raw_is_text:
                is_plain = all(one.plain for one in some)  # type: ignore[attr-defined]
                needles += [*self.plain_escape] if is_plain else [self.escape]
            yield tuple(needles)

    def shown_otherwise(self, text: str) -> Iterator[Needle]:
        """Yield needles of what a line shows in place of a text that the keyword may be in."""
        for value, shown in self.format.hidden.items():
            if text.lower() in value:
                yield Needle(shown)

    def pattern(self, text: str) -> Iterator[Conjunct]:
        """Yield the conjunct of a regular expression that some property, or the raw text, matches."""
        found = Bytewise(text, fold=self.setting.fold_keywords)
        if found.pattern is None or found.begins or found.ends or self.crosses(found):
            return
        # A number that is converted on reading stands in the line as another.
        if self.scaled and not needs_letter(text):
            return
        if any(re.search(found.pattern, blank * 64) for blank in (b" ", b"\t")):
            return
        needle = Needle(found.pattern, self.setting.fold_keywords)
        meets = searcher(text, fold=self.setting.fold_keywords)
        hidden = [Needle(shown) for value, shown in self.format.hidden.items() if meets(value)]
        yield (needle, *hidden) if self.format.raw_is_text else (needle, self.escape, *hidden)

    def crosses(self, found: Bytewise) -> bool:
        """Answer whether a match may be spread over lines, which not every scanner sees."""
        return found.crosses and not self.is_single

    def field(self, node: Field, setting: Setting) -> Iterator[Conjunct]:
        """Yield what a comparison requires."""
        name = self.meant(node)
        if name in OWN or name.startswith(("#", "span.")) or node.op in ("!=", "!~", "<", "<="):
            return
        # Where two names may be meant, a line may have the key of either.
        is_plain = self.format.raw_is_text or name == node.path.text
        asked = self.condition(node, setting) if is_plain else None
        hint = None if asked is None else self.format.hint(asked)
        meets = test_of(node, setting).text
        hidden = [
            Needle(shown) for text, shown in self.format.hidden.items() if meets is not None and meets(text)
        ]
        if hint is not None:
            needle = Needle(hint, setting.fold_fields)
            yield (needle, *hidden) if self.format.raw_is_text else (needle, self.escape, *hidden)
            yield from self.chained([node])
        elif self.is_single or self.format.raw_is_text:
            for some in self.words(of_field(node, setting)):
                yield (*some, *hidden)

    def meant(self, node: Field) -> str:
        """Answer the name of the property that a comparison looks up: as written, else as it is known."""
        text = node.path.text
        fields = getattr(self.format, "fields", ())
        if node.path.exact or any(field.name == text for field in fields):
            return text
        return canonical(text)

    def condition(self, node: Field, setting: Setting) -> Condition | None:
        """Answer what a format may turn into a needle; None when there is no such thing."""
        name, value = self.meant(node), node.value
        numbers = test_of(node, setting).numbers
        if numbers is not None:
            whole = value.isascii() and value.rstrip("xX").isdigit() and bool(value.strip("xX"))
            # Engines spell out the ten digits, and look for ten texts; of more letters they look for none.
            shape = value.lower().replace("x", r"\w").encode() if whole and node.op in (":", "=") else None
            least = numbers.low if numbers.low > 0 else None
            return Condition(name, shape, True, True, least, True) if shape or least else None
        if node.op == "=":
            found = needle_of(value.encode("utf-8", "surrogateescape"), ignores_case=False)
            is_sure = value.isascii() or not setting.fold_fields
            return Condition(name, found.pattern, True, True) if is_sure else None
        if node.op in (":", "~"):
            source = literal_parentheses(value) if node.op == ":" else value
            if plain(source) is not None and not source.isascii() and setting.fold_fields:
                return None
            piece = Bytewise(source, fold=setting.fold_fields)
            if piece.pattern is None or self.crosses(piece) or ".." in value:
                return None
            return Condition(name, piece.pattern, piece.begins, piece.ends)
        return None

    def held(self, node: Node) -> Texts | None:
        """Answer the texts that a query of keywords, all of which narrow it, wants and does not want."""
        wanted: list[bytes] = []
        unwanted: list[bytes] = []
        for part in node.parts if isinstance(node, And) else (node,):
            inner = part.part if isinstance(part, Not) else part
            if not (isinstance(inner, Keyword) and self.is_sure(inner.text)):
                return None
            text = inner.text.encode()
            (wanted if inner is part else unwanted).append(
                text.lower() if self.setting.fold_keywords else text
            )
        return Texts(wanted, unwanted, self.setting.fold_keywords)

    def decided(self, node: Node) -> Verdict | None:
        """Answer what decides a tree of keywords on raw bytes; None when it holds something else."""
        if isinstance(node, Keyword):
            return self.holding(node.text.encode()) if self.is_sure(node.text) else None
        if isinstance(node, Not):
            inner = self.decided(node.part)
            return None if inner is None else lambda raw: not inner(raw)
        if not isinstance(node, And | Or):
            return None
        parts = [self.decided(part) for part in node.parts]
        sure = [part for part in parts if part is not None]
        if len(sure) < len(parts):
            return None
        if isinstance(node, And):
            return lambda raw: all(part(raw) for part in sure)
        return lambda raw: any(part(raw) for part in sure)

    def holding(self, text: bytes) -> Verdict:
        """Answer whether a text is in raw bytes."""
        if not self.setting.fold_keywords:
            return lambda raw: text in raw
        lowered = text.lower()
        return lambda raw: lowered in raw.lower()


def has_records(found: Format) -> bool:
    """Tell whether events of a format hold records of their own, which are asked one by one."""
    return getattr(found, "has_records", False)


def is_number(text: str) -> bool:
    """Answer whether a keyword may be in the digits of a number that is converted on reading."""
    return all(letter in "-0123456789" for letter in text)


def looseness(conjunct: Conjunct) -> tuple[int, int]:
    """Answer a rank of how many lines a conjunct lets through, by what can be known beforehand."""
    shortest = min(len(needle.literal or needle.pattern) for needle in conjunct)
    return -shortest, len(conjunct)
