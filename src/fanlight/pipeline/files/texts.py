"""Lines with one of some texts: found by an engine for several texts at once, or by the standard library.

FAST PATH: a search for words is this and little more.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fanlight.pipeline.files.engine import Scanner, Text

    Wanted = list[tuple[bytes, bool]]
    """Texts of one line, and of each whether case does not matter; then it is in lower case."""

ENGINE = "aho-corasick"
STEP = 256 * 1024
"""Bytes that the engine looks at in one go: what it tells is small, and they stay in the CPU's cache."""
COPIED = 64 * 1024
"""Bytes that are copied in one go: of more the memory is given back, and asked for again, each time."""
SAMPLE = 32 * 1024
"""Bytes by which it is judged what is rare."""
WHOLE, SHARE = 4, 3
"""Up to so many bytes a text is looked for as it is; of a longer one so many are."""
SPELLINGS = 28
"""Up to about so many texts the engine looks at many bytes at once, and knows them well apart."""
TEXTS = 2
"""For more than two it mixes up too many letters, and an engine for patterns is quicker."""
FILLERS = [b"\xff\xfe\xfd", b"\xfe\xfd\xfc", b"\xfd\xfc\xff", b"\xfc\xff\xfe"]
"""Hardly any file has these. Of texts with few first bytes the engine looks for those, mostly in vain."""
DENSE = 256
"""Where there is a hit in so many bytes, the engine tells more of a line than is wanted to be known."""
PAUSE = 16
"""Steps after which the engine is tried again."""
RARE = 2 * 1024
"""A letter is rare when it comes no more than once in so many bytes."""


def by_engine(wanted: Wanted, sample: bytes) -> Scanner | None:
    """Answer a scanner by the engine; None when it is not installed, or these texts are not for it.

    It is asked for a short share of each text in all its spellings; a line with one is looked at again.

    Args:
        wanted: texts to look for.
        sample: bytes like those that are looked at.
    """
    if len(wanted) > TEXTS:
        return None
    shares = spelled(wanted, sample[:SAMPLE].lower())
    try:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind
    except ImportError:
        return None
    # The quick way. A match may hide others that overlap it, but none of another line.
    kind = MatchKind.LeftmostFirst
    find = BytesAhoCorasick([share for share, _ in shares] + FILLERS, kind).find_matches_as_indexes
    is_whole = [whole for _, whole in shares] + [False] * len(FILLERS)
    has, by_hand = having(wanted), finder(wanted, sample)
    pause = 0

    def scan(text: Text, begin: int, end: int) -> list[int]:
        nonlocal pause
        hits: list[int] = []
        with memoryview(text) as view:
            for low, high in steps(text, begin, end, STEP):
                # Of a line longer than a step one hit is enough, and the engine would tell all of them.
                if pause or high - low > STEP:
                    pause = max(pause - 1, 0)
                    hits += by_hand(text, low, high)
                    continue
                with view[low:high] as part:
                    found = find(part)
                if len(found) * DENSE > high - low:
                    pause = PAUSE
                edge = -1
                for which, at, _ in found:
                    if at + low > edge:
                        edge = text.find(b"\n", at + low, high)
                        if is_whole[which] or has(text[text.rfind(b"\n", low, edge) + 1 or low : edge]):
                            hits.append(edge)
        return hits

    return scan


def spelled(wanted: Wanted, sample: bytes) -> list[tuple[bytes, bool]]:
    """Answer what to look for, and whether it is all of a text.

    Args:
        wanted: texts to look for.
        sample: in lower case.
    """
    from itertools import product

    def share_of(text: bytes) -> bytes:
        return min((text[at : at + SHARE] for at in range(len(text) - SHARE + 1)), key=sample.count)

    found: set[tuple[bytes, bool]] = set()
    for longest in (WHOLE, SHARE):
        found.clear()
        for text, ignores_case in wanted:
            share = text if len(text) <= longest else share_of(text)
            some = product(*zip(share, share.upper(), strict=True)) if ignores_case else [share]
            found |= {(bytes(each), share == text) for each in some}
        if len(found) <= SPELLINGS:
            break
    # Of two alike the one that is all of a text says so.
    return sorted(found, key=lambda each: not each[1])


def having(wanted: Wanted) -> Callable[[bytes | bytearray], bool]:
    """Answer what tells whether a line has one of some texts."""
    any_case = [text for text, ignores_case in wanted if ignores_case]
    exact = [text for text, ignores_case in wanted if not ignores_case]

    def has(line: bytes | bytearray) -> bool:
        lowered = line.lower() if any_case else line
        return any(text in lowered for text in any_case) or any(text in line for text in exact)

    return has


def finder(wanted: Wanted, sample: bytes = b"") -> Scanner:
    """Answer a scanner of the standard library.

    Args:
        wanted: texts to look for.
        sample: bytes like those that are looked at; without them no letter is known to be rare.
    """
    rare: list[tuple[bytes, bool, bytes]] = []
    common: Wanted = []
    for text, ignores_case in wanted:
        letter = rare_letter(text, sample[:SAMPLE].lower() if ignores_case else sample[:SAMPLE])
        if letter is None:
            common.append((text, ignores_case))
        else:
            rare.append((text, ignores_case, letter))

    def scan(text: Text, begin: int, end: int) -> list[int]:
        hits: list[int] = []
        for low, high in steps(text, begin, end, COPIED):
            piece = text[low:high]
            found: set[int] = set()
            for each in rare.copy():
                if not by_letter(piece, each, found):
                    rare.remove(each)
                    common.append(each[:2])
            lowered = piece.lower() if any(ignores_case for _, ignores_case in common) else piece
            for wanted_text, ignores_case in common:
                from_behind(lowered if ignores_case else piece, wanted_text, found)
            hits += [edge + low for edge in sorted(found)]
        return hits

    return scan


def rare_letter(text: bytes, sample: bytes) -> bytes | None:
    """Answer the rarest letter of a text; None where none is rare."""
    letter = min((text[at : at + 1] for at in range(len(text))), key=sample.count)
    return letter if sample.count(letter) * RARE < len(sample) else None


def by_letter(piece: bytes | bytearray, rare: tuple[bytes, bool, bytes], found: set[int]) -> bool:
    """Enter the ends of lines with a text, found by a letter of it; answer whether that was rare.

    FAST PATH: the C library looks for one character many times as quickly as Python does for two.
    """
    text, ignores_case, letter = rare
    count = 0
    for each in {letter, letter.upper()} if ignores_case else {letter}:
        at = piece.find(each)
        while at >= 0:
            count += 1
            edge = piece.find(b"\n", at)
            line = piece[piece.rfind(b"\n", 0, at) + 1 : edge]
            if text in (line.lower() if ignores_case else line):
                found.add(edge)
            at = piece.find(each, edge)
    return count * RARE <= len(piece)


def from_behind(piece: bytes | bytearray, text: bytes, found: set[int]) -> None:
    """Enter the ends of lines with a text.

    FAST PATH: `rfind` is about twice as quick as `find`, whose loop looks at more bytes for each that it
    can skip.
    """
    find, rfind = piece.find, piece.rfind
    at = rfind(text)
    while at >= 0:
        found.add(find(b"\n", at))
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
