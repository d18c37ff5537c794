"""A worker's trail: the last requests it has answered, behind its slot, for whoever finds the worker dead.

A ring of entries, then names. An entry is three words: which of the process's traces it is, counted from
1; when that began, as wall-clock ns; the number of its name and how long it took. A name is what such
traces share. Names are only ever added, each before the first entry that has its number.
"""

from __future__ import annotations

from array import array
from struct import Struct

from fanlight.wire.account import FINISHED
from fanlight.wire.slots import WORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENTRIES = 2_048
"""What a worker can answer in the quarter of a second before it sends, and more."""
ENTRY_WORDS = 3
ORDER, START, REST = range(ENTRY_WORDS)
NAME_SHIFT = 48
LONGEST_NS = (1 << NAME_SHIFT) - 1
"""78 hours; what takes longer is told as that."""
NAMES_AT = ENTRIES * ENTRY_WORDS * WORD
NAMES_BYTES = 16 << 10
SIZE = NAMES_AT + NAMES_BYTES
HEAD = Struct("<BBIIII")
"""Of a name: 1 as a mark, whether it is ignored, and how many bytes each of its texts has."""


class Name:
    """What traces share.

    Attributes:
        endpoint, segment: as they are counted.
        category, title: of their roots.
        ignored: whether nobody wants to hear of them.
    """

    __slots__ = ("category", "endpoint", "ignored", "segment", "title")

    def __init__(self, endpoint: str, segment: str, category: str, title: str, *, ignored: bool) -> None:
        self.endpoint = endpoint
        self.segment = segment
        self.category = category
        self.title = title
        self.ignored = ignored

    def packed(self) -> bytes:
        """Answer it as it is written."""
        given = (self.endpoint, self.segment, self.category, self.title)
        texts = [text.encode("utf-8", "replace") for text in given]
        return HEAD.pack(1, self.ignored, *map(len, texts)) + b"".join(texts)


def names(data: bytes) -> Iterator[Name]:
    """Answer the names that were written, in the order of their numbers, which begin with 1."""
    at = 0
    while at + HEAD.size <= len(data):
        mark, ignored, *sizes = HEAD.unpack_from(data, at)
        at += HEAD.size
        if mark != 1 or at + sum(sizes) > len(data):
            return
        texts = []
        for size in sizes:
            texts.append(data[at : at + size].decode("utf-8", "replace"))
            at += size
        yield Name(*texts, ignored=bool(ignored))


def last(data: bytes, account: Sequence[int], many: int) -> list[tuple[Name, int, int]]:
    """Answer the last traces of a process: name, begin and duration of each that left a whole entry.

    Args:
        data: the trail as it was found, whatever it is.
        account: of the process.
        many: how many of its traces nobody got.
    """
    if len(data) < SIZE:
        return []
    words = array("Q", data[:NAMES_AT])
    named = list(names(data[NAMES_AT:]))
    found = []
    finished = account[FINISHED]
    for order in range(max(finished - min(many, ENTRIES), 0) + 1, finished + 1):
        at = order % ENTRIES * ENTRY_WORDS
        number = words[at + REST] >> NAME_SHIFT
        if words[at + ORDER] == order and 0 < number <= len(named):
            found.append((named[number - 1], words[at + START], words[at + REST] & LONGEST_NS))
    return found
