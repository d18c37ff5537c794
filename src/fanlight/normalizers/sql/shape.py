"""Tokens to the one text that all statements of a shape share: lists folded, spaces evened out."""

from __future__ import annotations

from fanlight.normalizers.sql.lexer import HOLE, NAME, PUNCTUATION, WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.normalizers.sql.lexer import Token

ITEM_TOKENS = 200
CLOSERS = {"(": ")", "[": "]"}
SIGNED_AFTER = frozenset({"(", "[", ",", "=", "<", ">", "<=", ">=", "<>", "!=", "+", "-", "*", "/", "%"})
BEFORE_A_SETTING = {"PRAGMA": frozenset({"=", "("}), "SET": frozenset({"=", ":=", "TO"})}
"""What stands before the value of a setting, by the statement's verb."""
SAVEPOINTS = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK"})
SAVEPOINT_WORDS = frozenset({"SAVEPOINT", "RELEASE", "ROLLBACK", "TO", "WORK", "TRANSACTION", "TRAN"})


def text(tokens: list[Token]) -> str:
    """Answer the statement's sanitised text."""
    kept = folded(unsigned(anonymous(tokens)))
    while kept and kept[-1].text == ";":
        kept.pop()
    return "".join(f" {each.text}" if each.space else each.text for each in kept).strip()


def anonymous(tokens: list[Token]) -> list[Token]:
    """Put a hole where a statement carries a made-up or secret word: savepoint names, settings' values."""
    first = tokens[0].upper if tokens else ""
    keep = frozenset[str]()
    if first in SAVEPOINTS:
        keep = SAVEPOINT_WORDS
        start = 1
    elif first in BEFORE_A_SETTING:
        keep = BEFORE_A_SETTING[first]
        start = next((at for at, each in enumerate(tokens) if each.upper in keep), len(tokens))
    elif first == "COPY":
        # What stands behind STDIN is rows of data.
        start = next((at for at, each in enumerate(tokens) if each.upper == "STDIN"), len(tokens)) + 1
        return tokens[:start]
    else:
        return tokens
    for each in tokens[start:]:
        if each.kind in (WORD, NAME) and each.upper not in keep:
            each.text, each.kind = "?", HOLE
    return tokens


def unsigned(tokens: list[Token]) -> list[Token]:
    """Drop the sign of a number, so that -5 and 5 are one shape."""
    kept: list[Token] = []
    for token in tokens:
        is_signed = token.kind == HOLE and len(kept) > 1 and kept[-1].text in ("-", "+") and not token.space
        if is_signed and (kept[-2].upper in SIGNED_AFTER or (kept[-2].kind == WORD and kept[-1].space)):
            token.space = kept.pop().space
        kept.append(token)
    return kept


class Group:
    """An open parenthesis or bracket.

    Args:
        closer: what ends it.
        folds: whether equal neighbours in it are shown once.
        start: where its current item begins in the kept tokens.
    """

    __slots__ = ("closer", "folds", "item", "start")

    def __init__(self, closer: str, folds: bool, start: int) -> None:
        self.closer = closer
        self.folds = folds
        self.start = start
        self.item: list[str] = []

    def ends_item(self, kept: list[Token]) -> None:
        """Drop the item that ends here when it equals the one before it."""
        # Long items are never equal; not looking at them keeps deep nesting linear.
        is_short = len(kept) - self.start <= ITEM_TOKENS
        item = [each.text for each in kept[self.start :]] if is_short else []
        if item == self.item and "?" in item:
            del kept[self.start - 1 :]  # the comma too
        self.item = item
        self.start = len(kept) + 1


def folded(tokens: list[Token]) -> list[Token]:
    """Show the items of IN (…), ARRAY […] and the rows of VALUES once."""
    kept: list[Token] = []
    groups: list[Group] = []
    rows = Rows()
    for token in tokens:
        rows.sees(token, len(groups), kept)
        mark = token.text if token.kind == PUNCTUATION else ""
        if mark in CLOSERS:
            folds = mark == "[" or (bool(kept) and kept[-1].upper in ("IN", "ANY", "ARRAY"))
            kept.append(token)
            groups.append(Group(CLOSERS[mark], folds, len(kept)))
            continue
        if groups and mark == groups[-1].closer:
            group = groups.pop()
            if group.folds:
                group.ends_item(kept)
            kept.append(token)
            rows.closes(len(groups), kept)
            continue
        if groups and mark == "," and groups[-1].folds:
            groups[-1].ends_item(kept)
        kept.append(token)
    return kept


class Rows:
    """The rows after VALUES: the first one stays."""

    __slots__ = ("cut", "depth", "have_one")

    def __init__(self) -> None:
        self.depth = -1
        self.have_one = False
        self.cut = -1

    def sees(self, token: Token, depth: int, kept: list[Token]) -> None:
        """Take note of a token that is about to be kept."""
        if token.upper == "VALUES" and token.kind == WORD:
            self.depth, self.have_one, self.cut = depth, False, -1
        elif depth == self.depth and token.text not in ("(", ",", ")") and token.upper != "ROW":
            self.depth = -1
        elif depth == self.depth and token.text == "(" and self.have_one and kept[-1].text in (",", "ROW"):
            self.cut = len(kept) - (2 if kept[-1].upper == "ROW" else 1)

    def closes(self, depth: int, kept: list[Token]) -> None:
        """Drop the row that has just been closed, unless it is the first."""
        if depth != self.depth:
            return
        if self.cut >= 0:
            del kept[self.cut :]
            self.cut = -1
        self.have_one = True
