"""The whole exception tree.

    FanlightError
    ├── ConfigError      an option, key or name that cannot be used; carries the nearest name
    ├── WireError        bytes that are no Fanlight message
    ├── SpoolError       the spool cannot be opened, locked or written
    ├── StoreError       the store cannot be opened, read or written
    ├── UnreachableError nothing of Fanlight answers where it was looked for
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


class UnreachableError(FanlightError):
    """Nothing of Fanlight answers where it was looked for."""


class MissingExtraError(FanlightError):
    """A library that one of the extras brings is not installed here."""
