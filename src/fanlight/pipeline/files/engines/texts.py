"""Lines with one of some texts, found by an engine for several texts at once.

FAST PATH: a search for words is this and little more.
"""

from __future__ import annotations

from fanlight.pipeline.files.engines.letters import FEW, PROBE, SAMPLE, finder, rare_letter, steps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fanlight.pipeline.files.engines.letters import Wanted
    from fanlight.pipeline.files.engines.patterns import Scanner, Text

ENGINE = "aho-corasick"
STEP = 256 * 1024
"""Bytes that the engine looks at in one go: what it tells is small, and they stay in the CPU's cache."""
WHOLE, SHARE = 4, 3
"""Up to so many bytes a text is looked for as it is; of a longer one so many are."""
SPELLINGS = 28
"""Up to about so many texts the engine looks at many bytes at once, and knows them well apart."""
TEXTS = 3
"""For more than three it mixes up too many letters, and an engine for patterns is quicker."""
SELDOM = 4 * 1024
"""Three are for it where one of them comes no more than once in so many bytes: it tells each to Python."""
FILLERS = [b"\xff\xfe\xfd", b"\xfe\xfd\xfc", b"\xfd\xfc\xff", b"\xfc\xff\xfe"]
"""Hardly any file has these. Of texts with few first bytes the engine looks for those, mostly in vain."""
DENSE = 256
"""Where there is a hit in so many bytes, the engine tells more of a line than is wanted to be known."""
PAUSE = 16
"""Steps after which the engine is tried again."""
STARTS = 3
"""Of texts with no more first bytes it looks for these, which is quicker where they are rare."""


def by_engine(wanted: Wanted, sample: bytes) -> Scanner | None:
    """Answer a scanner by the engine; None when it is not installed, or these texts are not for it.

    It is asked for a short share of each text in all its spellings; a line with one is looked at again.

    Args:
        wanted: texts to look for.
        sample: bytes like those that are looked at.
    """
    few = started(wanted, sample[:SAMPLE])
    starts = {share[:1] for share, _ in few}
    usual = spelled(wanted, sample[:SAMPLE].lower()) + [(each, False) for each in FILLERS]
    found_by = automaton(few or usual) if suits(wanted, sample[:SAMPLE].lower()) else None
    if found_by is None:
        return None
    find, is_whole = found_by
    has, by_hand = having(wanted), finder(wanted, sample)
    pause = 0

    def scan(text: Text, begin: int, end: int) -> list[int]:
        nonlocal pause, starts, find, is_whole
        hits: list[int] = []
        with memoryview(text) as view:
            for low, high in steps(text, begin, end, STEP):
                # Of a line longer than a step one hit is enough, and the engine would tell all of them.
                if pause or high - low > STEP:
                    pause = max(pause - 1, 0)
                    hits += by_hand(text, low, high)
                    continue
                if are_many(starts, text, low, high):
                    starts.clear()
                    find, is_whole = automaton(usual) or found_by
                with view[low:high] as part:
                    found = find(part)
                if len(found) * DENSE > high - low:
                    pause = PAUSE
                edge = -1
                for which, at, _ in found:
                    if at + low > edge:
                        edge = text.find(b"\n", at + low, high)
                        if is_whole[which] or has(text, low, edge):
                            hits.append(edge)
        return hits

    return scan


def suits(wanted: Wanted, sample: bytes) -> bool:
    """Tell whether texts are for the engine, by a sample in lower case."""
    if len(wanted) < TEXTS:
        return True
    return len(wanted) == TEXTS and sum(sample.count(text) for text, _ in wanted) * SELDOM <= len(sample)


def automaton(shares: list[tuple[bytes, bool]]) -> tuple[Any, list[bool]] | None:
    """Answer what finds some texts, and of each whether it is all of one; None without the engine."""
    try:
        from ahocorasick_rs import BytesAhoCorasick, MatchKind
    except ImportError:
        return None
    # The quick way. A match may hide others that overlap it, but none of another line.
    found = BytesAhoCorasick([share for share, _ in shares], MatchKind.LeftmostFirst)
    return found.find_matches_as_indexes, [is_whole for _, is_whole in shares]


def are_many(starts: set[bytes], text: Text, begin: int, end: int) -> bool:
    """Tell whether letters that were rare are so no longer."""
    return bool(starts) and sum(map(text[begin : min(begin + PROBE, end)].count, starts)) * FEW > PROBE


def started(wanted: Wanted, sample: bytes) -> list[tuple[bytes, bool]]:
    """Answer what to look for by its first bytes, and whether it is all of a text; nothing if they are many.

    Args:
        wanted: texts to look for.
        sample: bytes by which it is judged what is rare.
    """
    found: set[tuple[bytes, bool]] = set()
    for text, ignores_case in wanted:
        letter = rare_letter((text, ignores_case), sample)
        if not letter:
            return []
        at = text.find(letter)
        share = text[at : at + WHOLE]
        found |= {(each, share == text) for each in spellings(share, ignores_case=ignores_case)}
    return in_order(found) if len({share[:1] for share, _ in found}) <= STARTS else []


def spelled(wanted: Wanted, sample: bytes) -> list[tuple[bytes, bool]]:
    """Answer what to look for, and whether it is all of a text.

    Args:
        wanted: texts to look for.
        sample: in lower case.
    """

    def share_of(text: bytes) -> bytes:
        return min((text[at : at + SHARE] for at in range(len(text) - SHARE + 1)), key=sample.count)

    found: set[tuple[bytes, bool]] = set()
    for longest in (WHOLE, SHARE):
        found.clear()
        for text, ignores_case in wanted:
            share = text if len(text) <= longest else share_of(text)
            found |= {(each, share == text) for each in spellings(share, ignores_case=ignores_case)}
        if len(found) <= SPELLINGS:
            break
    return in_order(found)


def spellings(share: bytes, *, ignores_case: bool) -> set[bytes]:
    """Answer a text in all cases, where that does not matter."""
    from itertools import product

    return set(map(bytes, product(*zip(share, share.upper(), strict=True)))) if ignores_case else {share}


def in_order(found: set[tuple[bytes, bool]]) -> list[tuple[bytes, bool]]:
    """Answer what to look for; of two alike the one that is all of a text says so."""
    return sorted(found, key=lambda each: not each[1])


def having(wanted: Wanted) -> Callable[[Text, int, int], bool]:
    """Answer what tells whether a line has one of some texts: of a piece, its begin, and the line's end."""
    any_case = [text for text, ignores_case in wanted if ignores_case]
    exact = [text for text, ignores_case in wanted if not ignores_case]

    def has(text: Text, begin: int, edge: int) -> bool:
        line = text[text.rfind(b"\n", begin, edge) + 1 or begin : edge]
        lowered = line.lower() if any_case else line
        return any(each in lowered for each in any_case) or any(each in line for each in exact)

    return has
