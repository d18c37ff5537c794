"""One record's strings and kinds, and the stable hashes of the paths that its kinds make."""

from __future__ import annotations

from array import array
from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Kinds:
    """The string table and the kind table of one COMMIT.

    Attributes:
        strings: by index; entry 0 is the empty string.
        category, title, description: a kind's string indices, by the kind's index.
    """

    __slots__ = ("category", "description", "kind_index", "paths", "string_index", "strings", "title")

    def __init__(self) -> None:
        self.strings = [""]
        self.string_index = {"": 0}
        self.category: array[Any] = array("I")
        self.title: array[Any] = array("I")
        self.description: array[Any] = array("I")
        self.kind_index: dict[tuple[int, int, int], int] = {}
        self.paths: dict[tuple[int, int], int] = {}

    def string(self, text: str) -> int:
        """Answer the index of a string, added if new."""
        index = self.string_index.get(text)
        if index is None:
            index = self.string_index[text] = len(self.strings)
            self.strings.append(text)
        return index

    def add(self, category: str, title: str, description: str) -> int:
        """Answer the index of a kind, added if new."""
        triple = self.string(category), self.string(title), self.string(description)
        index = self.kind_index.get(triple)
        if index is None:
            index = self.kind_index[triple] = len(self.category)
            self.category.append(triple[0])
            self.title.append(triple[1])
            self.description.append(triple[2])
        return index

    def texts(self, kind: int) -> tuple[str, str, str]:
        """Answer a kind's category, title and description."""
        strings = self.strings
        return strings[self.category[kind]], strings[self.title[kind]], strings[self.description[kind]]

    def path(self, above: int, kind: int) -> int:
        """Answer the stable 64-bit hash of a path: the one above it (0 for a root) and a kind."""
        found = self.paths.get((above, kind))
        if found is None:
            found = self.paths[above, kind] = path_hash(above, *self.texts(kind))
        return found


def path_hash(above: int, category: str, title: str, description: str) -> int:
    """Answer the hash that a node's path has in every process and for ever; never 0.

    Args:
        above: the hash of the parent's path, 0 for a root.
        category: of the node's kind, and so are the others.
        title: of the node's kind.
        description: of the node's kind.
    """
    texts = f"{category}\0{title}\0{description}".encode("utf-8", "replace")
    digest = blake2b(above.to_bytes(8, "little") + texts, digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1
