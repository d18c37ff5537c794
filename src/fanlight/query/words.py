"""The words of a stage, taken one by one."""

from __future__ import annotations

import re
from typing import NoReturn

from fanlight.errors import QueryError
from fanlight.query.lexer import unquoted
from fanlight.query.nodes import Path

TOKEN = re.compile(r"""\s*(?:([^\s,()|"':]+:[^\s,()|"']+|[^\s,()|"']+)|(.))""", re.DOTALL)


class Words:
    """A stage's text from left to right.

    Attributes:
        text: the whole query.
        at: where the next word is looked for.
        began: where the last one began.
    """

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.began = at

    def peek(self) -> str:
        """Answer the next word or sign without taking it; "" at the end of the stage."""
        found = TOKEN.match(self.text, self.at)
        sign = found and (found.group(1) or found.group(2))
        return "" if not sign or sign.isspace() or sign == "|" else sign

    def take(self) -> str:
        """Take the next word or sign; "" at the end of the stage."""
        found = TOKEN.match(self.text, self.at)
        word = self.peek()
        if found and word:
            self.began, self.at = found.start(1 if found.group(1) else 2), found.end()
        else:
            self.began = len(self.text) - len(self.text[self.at :].lstrip())
        return word

    def took(self, *words: str) -> bool:
        """Take the next word when it is one of these, in any case, and tell whether it was."""
        if self.peek().lower() in words:
            self.take()
            return True
        return False

    def path(self, what: str) -> Path:
        """Take a property's name.

        Raises:
            QueryError: there is none.
        """
        word = self.take()
        if word and word in "\"'":
            name, self.at = unquoted(self.text, self.began)
            return Path(name, exact=True)
        if not word or word in "(),":
            self.fail("missing-name", f"{what} takes a property's name here")
        return Path(word)

    def paths(self, what: str) -> tuple[Path, ...]:
        """Take names with commas between them."""
        found = [self.path(what)]
        while self.took(","):
            found.append(self.path(what))
        return tuple(found)

    def number(self, default: int) -> int:
        """Take a count of at least one, or answer the default when something else comes."""
        word = self.peek()
        if not (word.isascii() and word.isdigit()):
            return default
        self.take()
        if not 0 < int(word[:10]) < 10**9:
            self.fail("bad-stage", f"{word} is no count from 1 to 999999999")
        return int(word)

    def fail(self, code: str, reason: str) -> NoReturn:
        """Raise the error at the word that was taken last."""
        raise QueryError(code, reason, self.text, self.began)
