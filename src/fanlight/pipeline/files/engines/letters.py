"""Lines with one of some texts, found by what the standard library has: a letter at a time, or a text.

FAST PATH: which way is the quickest depends on the bytes that are looked at. The C library looks for one
character ten times as quickly as Python does for several, and Python's patterns for one that is followed
by others about as quickly as `rfind` for a text; but a pattern need not have everything in small letters.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator
    from typing import Any

    from fanlight.pipeline.files.engines.patterns import Scanner, Text

    Wanted = list[tuple[bytes, bool]]
    """Texts of one line, and of each whether case does not matter; then it is in lower case."""
    Way = Callable[[Text, int, int, set[int]], bool]
    """(text, begin, end, ends of lines found so far): enters more; False where it is not the quickest."""

STEP = 256 * 1024
"""Bytes that are looked at in one go: they stay in the CPU's cache for the next way."""
COPIED = 32 * 1024
"""Bytes that are copied in one go: of more the memory is given back, and asked for again, each time."""
SAMPLE = 32 * 1024
"""Bytes by which it is judged what is rare."""
RARE = 2 * 1024
"""A letter is rare when it comes no more than once in so many bytes."""
FEW = 64
"""One that comes no more than once in so many bytes is looked for by a pattern."""
PROBE = 1024
"""Bytes of a step by which it is judged whether that holds on."""
WORTH = 8 << 20
"""Bytes that are looked at without patterns, which take as long to be loaded."""


def finder(wanted: Wanted, sample: bytes = b"") -> Scanner:
    """Answer a scanner of the standard library.

    Args:
        wanted: texts to look for.
        sample: bytes like those that are looked at; without them no letter is known to be rare.
    """
    sample = sample[:SAMPLE]
    ways: list[tuple[tuple[bytes, bool], int, Way]] = []
    common: Wanted = []
    for each in wanted:
        if letter := rare_letter(each, sample):
            ways.append((each, 0, by_letter(each, {letter, letter.upper()} if each[1] else {letter})))
        elif letter := few_letter(each, sample):
            ways.append((each, WORTH, by_pattern(each, letter)))
        else:
            common.append(each)
    seen = 0

    def scan(text: Text, begin: int, end: int) -> list[int]:
        nonlocal seen
        hits: list[int] = []
        for low, high in steps(text, begin, end, COPIED if common or seen < WORTH else STEP):
            found: set[int] = set()
            left = common.copy()
            for each in ways.copy():
                if seen < each[1]:
                    left.append(each[0])
                elif not each[2](text, low, high, found):
                    left.append(each[0])
                    ways.remove(each)
                    common.append(each[0])
            if left:
                in_copy(text[low:high], left, low, found)
            hits += sorted(found)
            seen += high - low
        return hits

    return scan


def rare_letter(wanted: tuple[bytes, bool], sample: bytes) -> bytes:
    """Answer the rarest letter of a text; none where none is rare."""
    count, found = min((sum(map(sample.count, set(both))), both[0]) for both in letters(wanted))
    return found if count * RARE < len(sample) else b""


def few_letter(wanted: tuple[bytes, bool], sample: bytes) -> bytes:
    """Answer a letter of a text that is worth a pattern, in its case that is not rare; none where none is.

    Of one that is common in both cases there would be two patterns.
    """
    counts = [sorted((sample.count(each), each) for each in both) for both in letters(wanted)]
    some = [high for low, high in counts if low[0] * RARE < len(sample) or low[1] == high[1]]
    count, found = min(some, default=(len(sample), b""))
    return found if wanted[1] and count * FEW < len(sample) else b""


def letters(wanted: tuple[bytes, bool]) -> Iterator[tuple[bytes, bytes]]:
    """Yield each letter of a text in both its cases."""
    text, ignores_case = wanted
    for at in range(len(text)):
        letter = text[at : at + 1]
        yield letter, letter.upper() if ignores_case else letter


def by_letter(wanted: tuple[bytes, bool], spellings: set[bytes]) -> Way:
    """Answer how to look for a text by a letter that is rare.

    Args:
        wanted: the text.
        spellings: of the letter.
    """
    text, ignores_case = wanted

    def look(piece: Text, low: int, high: int, found: set[int]) -> bool:
        find, rfind = piece.find, piece.rfind
        left = (high - low) // RARE + 1
        for each in spellings:
            at = find(each, low, high)
            while at >= 0:
                edge = find(b"\n", at, high)
                line = piece[rfind(b"\n", low, at) + 1 or low : edge]
                if text in (line.lower() if ignores_case else line):
                    found.add(edge)
                left -= 1
                if left < 0:
                    return False
                at = find(each, edge, high)
        return True

    return look


def by_pattern(wanted: tuple[bytes, bool], letter: bytes) -> Way:
    """Answer how to look for a text by a letter that is not rare, but is so in its other case.

    Args:
        wanted: the text, whose case does not matter.
        letter: in the case that is not rare.
    """
    rarely = by_letter(wanted, {letter.swapcase()} - {letter})
    search: Callable[[Text, int, int], Any] | None = None

    def look(piece: Text, low: int, high: int, found: set[int]) -> bool:
        nonlocal search
        if piece[low : min(low + PROBE, high)].count(letter) * FEW > 2 * PROBE:
            return False
        if search is None:
            search = pattern_of(wanted[0], letter).search
        edge = low
        while hit := search(piece, edge, high):
            last = hit.end() - 1
            # It holds the piece, which cannot be unmapped then: who is interrupted below would be told that.
            del hit
            edge = piece.find(b"\n", last, high)
            found.add(edge)
        return rarely(piece, low, high, found)

    return look


def pattern_of(text: bytes, letter: bytes) -> re.Pattern[bytes]:
    """Answer the pattern of a text in any case, but for a letter of it, which the engine looks for first."""
    import re

    def either(part: bytes) -> bytes:
        found = (re.escape(part[at : at + 1]) for at in range(len(part)))
        return b"".join(b"[%b%b]" % (each, each.upper()) if each.isalpha() else each for each in found)

    before, _, behind = text.partition(letter.lower())
    mark = re.escape(letter)
    return re.compile(mark + (rb"(?<=%b%b)" % (either(before), mark) if before else b"") + either(behind))


def in_copy(piece: bytes | bytearray, wanted: Wanted, begin: int, found: set[int]) -> None:
    """Enter the ends of lines with one of some texts.

    FAST PATH: `rfind` is about twice as quick as `find`, whose loop looks at more bytes for each that it
    can skip.

    Args:
        piece: a copy of whole lines.
        wanted: the texts.
        begin: where the piece begins.
        found: the ends so far.
    """
    lowered = piece.lower() if any(ignores_case for _, ignores_case in wanted) else piece
    for text, ignores_case in wanted:
        look = lowered if ignores_case else piece
        find, rfind = look.find, look.rfind
        at = rfind(text)
        while at >= 0:
            found.add(find(b"\n", at) + begin)
            # On with the line before: one hit a line is enough.
            edge = rfind(b"\n", 0, at)
            at = rfind(text, 0, edge) if edge >= 0 else -1


def steps(text: Text, begin: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where pieces of whole lines begin and end; what has no line's end is left out."""
    while begin < end:
        edge = text.rfind(b"\n", begin, min(begin + size, end)) + 1 or text.find(b"\n", begin, end) + 1
        if not edge:
            return
        yield begin, edge
        begin = edge
