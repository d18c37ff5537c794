"""The strings and kinds of one connection: what the indices in its batches mean."""

from __future__ import annotations

from fanlight.errors import WireError
from fanlight.recording.waiting.stamps import PROXY, TIME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.wire.codec import Message

MAX_STRINGS = 16_384
MAX_KINDS = 65_536
MAX_CHARACTERS = 4 << 20
"""Bounds of one table. An agent keeps to 8,192 strings or 1 MiB and begins a new generation then."""
MAX_LENGTH = 4_097
"""Characters of one string: 4,096 and the ellipsis that an agent puts where it cut."""


LOCATION = "location"
KEYS = frozenset((LOCATION, TIME, PROXY))
"""Keys of annotations that are added up here."""


class Table:
    """Both tables of one generation of one connection; they only grow.

    Attributes:
        generation: the client's number of this table.
        strings: by index; entry 0 is the empty string.
        kinds: (category, title, description) string indices, by index.
        characters: of all strings together, for memory accounts.
        keys: indices of the annotations' keys that mean something here, of those the client has sent.
    """

    __slots__ = ("characters", "generation", "keys", "kinds", "strings")

    def __init__(self, generation: int = 0) -> None:
        self.generation = generation
        self.strings = [""]
        self.kinds: list[tuple[int, int, int]] = []
        self.characters = 0
        self.keys: dict[str, int] = {}

    def extended(self, message: Message) -> Table:
        """Answer the table after a TABLE message: this one, grown, or the first of a new generation.

        Raises:
            WireError: the entries leave a gap, point outside the tables, or are too many.
        """
        afresh = message["generation"] != self.generation or (
            message["first_string"] == 1 and message["first_kind"] == 0
        )
        table = Table(message["generation"]) if afresh else self
        table.grow(message)
        return table

    def grow(self, message: Message) -> None:
        """Append a TABLE message's entries."""
        strings = message["strings"]
        kinds = message["kind_category"], message["kind_title"], message["kind_description"]
        check_place("string", message["first_string"], len(strings), len(self.strings), MAX_STRINGS)
        check_place("kind", message["first_kind"], len(kinds[0]), len(self.kinds), MAX_KINDS)
        if len({len(column) for column in kinds}) != 1:
            raise WireError("the table's kind columns differ in length")
        after = len(self.strings) + len(strings)
        if any(max(column, default=0) >= after for column in kinds):
            raise WireError(f"a kind names a string beyond the {after} that the table holds")
        characters = self.characters + sum(map(len, strings))
        if characters > MAX_CHARACTERS:
            raise WireError(f"the table holds {characters} characters, more than {MAX_CHARACTERS}")
        for key in KEYS.intersection(strings):
            self.keys[key] = len(self.strings) + strings.index(key)
        self.characters = characters
        self.strings += map(cut, strings)
        self.kinds += zip(*kinds, strict=True)


def cut(text: str) -> str:
    """Answer a string that is no longer than one may be."""
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"


def check_place(what: str, first: int, more: int, there: int, limit: int) -> None:
    """Raise unless `more` new entries from index `first` continue a table of `there` entries."""
    if more and first != there:
        raise WireError(f"the table's {what}s continue at {first}, but {there} are known")
    if there + more > limit:
        raise WireError(f"the table has {there + more} {what}s, more than {limit}")
