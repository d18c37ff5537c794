"""The whole exception tree.

    FanlightError
    ├── ConfigError      an option, key or name that cannot be used; carries the nearest name
    ├── WireError        bytes that are no Fanlight message
    ├── SpoolError       the spool cannot be opened, locked or written
    ├── StoreError       the store cannot be opened, read or written
    │   ├── AwayError    it is being closed, or opened anew: whoever asks again is answered
    │   └── HardshipError  the machine has no memory or no room for it, or its disk fails; carries code
    ├── UnreachableError nothing of Fanlight answers where it was looked for
    ├── QueryError       a query that cannot be read; carries code, column, and a caret under the place
    ├── ParserError      a parser was asked for what it cannot do
    └── MissingExtraError a library that an extra brings is not installed

A message says what was asked, what was found, where, and what to do.
"""


class FanlightError(Exception):
    """Any failure that Fanlight itself reports."""


class ConfigError(FanlightError):
    """An option, key, address or name that cannot be used."""


class WireError(FanlightError):
    """Bytes that are no Fanlight message: cut off, over-sized, or of another shape."""


class SpoolError(FanlightError):
    """The spool cannot be opened, locked or written."""


class StoreError(FanlightError):
    """The store cannot be opened, read or written."""


class AwayError(StoreError):
    """The store is being closed, or opened anew: whoever asks again is answered."""


class HardshipError(StoreError):
    """The machine has no memory or no room on its disk for it, or the disk fails.

    Args:
        code: `memory`, `room` or `disk`.
        text: the whole message.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class UnreachableError(FanlightError):
    """Nothing of Fanlight answers where it was looked for."""


class ParserError(FanlightError):
    """A parser was asked for what it cannot do any more."""


class MissingExtraError(FanlightError):
    """A library that one of the extras brings is not installed here."""


class QueryError(FanlightError):
    """A query that cannot be read or answered.

    Args:
        code: what is wrong, in one hyphenated word; never changes.
        reason: the sentence, with what to do.
        text: the query.
        at: index of the character that is wrong.

    Attributes:
        column: of that character, from 1.
        caret: the query's line and a caret below the character.
    """

    def __init__(self, code: str, reason: str, text: str = "", at: int = 0) -> None:
        at = min(at, len(text))
        start = text.rfind("\n", 0, at) + 1
        line = text[start:].partition("\n")[0]
        blank = "".join("\t" if char == "\t" else " " for char in line[: at - start])
        self.code = code
        self.reason = reason
        self.column = at + 1
        self.text = text
        self.caret = f"{line}\n{blank}^"
        indented = self.caret.replace("\n", "\n  ")
        super().__init__(f"column {self.column}: {reason}\n  {indented}" if text else reason)
