"""Tokens to a tree: OR of ANDs of runs of terms, in which keywords unite and everything else narrows."""

from __future__ import annotations

from fanlight.errors import QueryError
from fanlight.query.lexer import AND, BOUND, CLOSE, FLAG, NOT, OPEN, OR, STAGE, TERM, lex
from fanlight.query.nodes import Bound, Keyword, Node, Pattern, every, negated, some

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from fanlight.query.lexer import Token

DEEPEST = 100
"""Groups and negations in one another; more is nobody's question."""


class Parsed:
    """A query's parts.

    Attributes:
        node: None selects everything.
        bounds: time bounds, and where the value of each begins.
        case: the flag that came last, or None.
        stages: the text behind the first `|`, and where it begins; None when there is none.
        united: keywords stood side by side, so that one of them is enough.
    """

    __slots__ = ("bounds", "case", "depth", "node", "place", "stages", "text", "tokens", "united")

    def __init__(self, text: str) -> None:
        self.text = text
        self.bounds: list[tuple[Bound, int]] = []
        self.case: str | None = None
        self.stages: tuple[str, int] | None = None
        self.united = False
        self.tokens: list[Token] = []
        self.place = self.depth = 0
        for token in lex(text):
            if token[0] == FLAG:
                self.case = token[1]
            elif token[0] == STAGE:
                self.stages = token[1], token[2]
            else:
                self.tokens.append(token)
        self.tokens.append(("end", "", len(text)))
        self.node = self.expression() if len(self.tokens) > 1 else None
        kind, _, at = self.tokens[self.place]
        if kind == CLOSE:
            self.fail("unbalanced-group", "this ) closes nothing", at)

    def fail(self, code: str, reason: str, at: int) -> NoReturn:
        """Raise the error at a place of the text."""
        raise QueryError(code, reason, self.text, at)

    def expression(self) -> Node | None:
        """Read `and { OR and }`."""
        before = len(self.bounds)
        first = self.conjunction()
        if self.tokens[self.place][0] != OR:
            return first
        parts = [first]
        while self.tokens[self.place][0] == OR:
            self.place += 1
            parts.append(self.conjunction())
        if len(self.bounds) > before:
            self.inside(self.bounds[before][1], "one side of OR")
        return some([part for part in parts if part is not None])

    def conjunction(self) -> Node | None:
        """Read `seq { AND seq }`."""
        parts = [self.sequence()]
        while self.tokens[self.place][0] == AND:
            self.place += 1
            parts.append(self.sequence())
        narrowing = [part for part in parts if part is not None]
        return every(narrowing) if narrowing else None

    def sequence(self) -> Node | None:
        """Read terms side by side: keywords unite, everything else narrows."""
        united: list[Node] = []
        narrowing: list[Node] = []
        bounds = 0
        while True:
            kind, what, at = self.tokens[self.place]
            if kind == TERM:
                self.place += 1
                (united if isinstance(what, Keyword | Pattern) else narrowing).append(what)
            elif kind == BOUND:
                self.place += 1
                self.bounds.append(what)
                bounds += 1
                if self.depth:
                    self.inside(at, "a group or a negation")
            elif kind in (NOT, OPEN):
                narrowing.append(self.unary())
            else:
                break
        if len(united) > 1:
            self.united = True
        if not united and not narrowing:
            if not bounds:
                self.missing()
            return None
        if not united:
            return narrowing[0] if len(narrowing) == 1 else every(narrowing)
        return every([some(united), *narrowing])

    def unary(self) -> Node:
        """Read a negation or a group."""
        kind, what, at = self.tokens[self.place]
        self.place += 1
        if kind == TERM:
            return what  # type: ignore[no-any-return]
        if kind == BOUND:
            self.inside(at, "a group or a negation")
        if kind not in (NOT, OPEN):
            self.place -= 1
            self.missing()
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail("too-deep", f"more than {DEEPEST} groups in one another", at)
        if kind == NOT:
            follower = self.tokens[self.place]
            if follower[0] not in (TERM, BOUND, NOT, OPEN):
                self.fail("incomplete-negation", f"{what} has nothing behind it to negate", at)
            part: Node | None = negated(self.unary())
        else:
            if self.tokens[self.place][0] == CLOSE:
                self.fail("empty-group", "there is nothing in these parentheses", at)
            part = self.expression()
            if self.tokens[self.place][0] != CLOSE:
                self.fail("unbalanced-group", "the ( that opens here is never closed", at)
            self.place += 1
        self.depth -= 1
        assert part is not None
        return part

    def missing(self) -> NoReturn:
        """Raise the error about an operator that lacks a side."""
        kind, what, at = self.tokens[self.place]
        if kind in (AND, OR):
            reason = f"{what} has nothing on its left; to look for the word, put it in quotes"
            self.fail("missing-operand", reason, at)
        if self.place:
            _, what, at = self.tokens[self.place - 1]
            self.fail("missing-operand", f"{what} has nothing on its right to go with", at)
        self.fail("unbalanced-group", "this ) closes nothing", at)

    def inside(self, at: int, where: str) -> NoReturn:
        """Raise the error about a time bound that does not bound the whole query."""
        reason = (
            f"a time bounds the whole query, so it cannot stand in {where}; "
            "put it outside, as in (a OR b) from:-15m"
        )
        self.fail("bound-inside", reason, at)
