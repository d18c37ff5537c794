"""The dialect's regular expressions, about characters, as patterns about bytes that select no less."""

from __future__ import annotations

import re

from fanlight.event.lazy import lazily

TOKEN = lazily(
    r"\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P<\w+>|\(\?:|\(\?|.",
    re.DOTALL,
)
WIDE = rb"(?:[^\n\x80-\xff]|[\x80-\xff]{1,4})"
"""One character, or a byte that is no part of one: up to four bytes."""
GIVE_UP = frozenset({"(?", r"\A", r"\z", "^", "$"})
NOTHING = frozenset({r"\b", r"\B"})
FOLDED = {
    **dict.fromkeys("kK", b"(?:k|\xe2\x84\xaa)"),
    **dict.fromkeys("sS", b"(?:s|\xc5\xbf)"),
    r"\w": rb"(?:\w|\xe2\x84\xaa|\xc5\xbf)",
}
"""ASCII letters that stand for one of more bytes as well where case does not matter: U+212A, U+017F."""
MAY_FOLD = rb"|\xe2\x84\xaa|\xc5\xbf"
OPEN_END = lazily(r"(?<!\\)((?:\\\\)*)(?:\.|\\[dwsDWS]|\[[^\]\\]*\])\*\??$")


class Bytewise:
    """A pattern as a look at raw bytes can use it.

    Args:
        source: the pattern.
        fold: case does not matter.

    Attributes:
        pattern: over bytes; None when there is none that is safe.
        begins: the text begins with it.
        ends: the text ends with it.
        crosses: a match may go over a line's end.
    """

    __slots__ = ("begins", "crosses", "ends", "fold", "pattern")

    def __init__(self, source: str, *, fold: bool) -> None:
        self.fold = fold
        self.begins = source.startswith("^") and "|" not in source
        self.ends = source.endswith("$") and not source.endswith("\\$") and "|" not in source
        body = source[self.begins : len(source) - self.ends]
        if not self.ends:
            # What may be empty at the end asks for nothing.
            body = OPEN_END.sub(r"\1", body)
        self.crosses = False
        self.pattern = self.translated(body)

    def translated(self, body: str) -> bytes | None:
        """Answer the pattern over bytes, None when a part of it cannot be said about bytes."""
        out: list[bytes] = []
        tokens = TOKEN.findall(body)
        for place, atom in enumerate(tokens):
            # Bytes know the case of ASCII alone.
            if atom in GIVE_UP or (self.fold and (not atom.isascii() or atom.startswith(r"\x"))):
                return None
            if atom in NOTHING:
                continue
            repeated = tokens[place + 1] in ("*", "+") if place + 1 < len(tokens) else False
            folded = FOLDED.get(atom) if self.fold else None
            piece = folded or self.piece(atom, repeated=repeated)
            if piece is None:
                return None
            out.append(piece)
        found = b"".join(out)
        try:
            # What matches the empty text is on every line.
            return found if found and re.compile(found).match(b"") is None else None
        except (re.error, OverflowError, RecursionError):
            return None

    def piece(self, atom: str, *, repeated: bool) -> bytes | None:
        """Answer one atom over bytes."""
        if atom == ".":
            return rb"[^\n]" if repeated else WIDE
        if atom in (r"\D", r"\W", r"\S"):
            self.crosses = self.crosses or atom != r"\S"
            return atom.encode() if repeated else rb"(?:%s|[\x80-\xff]{1,4})" % atom.encode()
        if atom.startswith("["):
            return self.bracket(atom, repeated=repeated)
        if atom.startswith(r"\x"):
            return re.escape(chr(int(atom[2:].strip("{}"), 16)).encode("utf-8", "surrogatepass"))
        if atom in (r"\s", r"\n", "\n"):
            self.crosses = True
        if atom.isascii():
            return b"(?:" if atom.startswith("(?P<") else atom.encode()
        # A repetition behind it is of all its bytes.
        return b"(?:" + re.escape(atom.removeprefix("\\").encode("utf-8", "surrogateescape")) + b")"

    def bracket(self, atom: str, *, repeated: bool) -> bytes | None:
        """Answer a class over bytes."""
        negated = atom.startswith("[^")
        wide = (
            negated
            or not atom.isascii()
            or r"\x" in atom
            or any(each in atom for each in (r"\D", r"\W", r"\S"))
        )
        self.crosses = self.crosses or wide or r"\s" in atom or r"\n" in atom or "\n" in atom
        if not wide:
            return b"(?:" + atom.encode() + MAY_FOLD + b")" if self.fold else atom.encode()
        if not atom.isascii() or r"\x" in atom:
            return None
        return atom.encode() if repeated else rb"(?:%s|[\x80-\xff]{1,4})" % atom.encode()


def needs_letter(source: str) -> bool:
    """Tell whether no number matches a pattern, for all that does has a letter; False when in doubt."""
    depth = 0
    found = False
    tokens = TOKEN.findall(source)
    for place, atom in enumerate(tokens):
        behind = "".join(tokens[place + 1 : place + 2])
        depth += atom.startswith("(") - (atom == ")")
        if depth == 0 and atom == "|":
            return False
        # Numbers have an `e` at times, but those are none that are written as whole ones.
        found = found or (depth == 0 and len(atom) == 1 and atom.isalpha() and behind not in ("*", "?", "{"))
    return found
