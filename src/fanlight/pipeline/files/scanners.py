"""Scanners: which lines of a block hold one of some needles, by the quickest engine there is.

FAST PATH: this is where a search spends its time. A line that a scanner does not answer holds none
of the needles; one that it answers is looked at again by whoever asked, unless the needles are exact.
"""

from __future__ import annotations

import re

from fanlight.pipeline.files.engines import texts
from fanlight.pipeline.files.engines.letters import finder
from fanlight.pipeline.files.engines.patterns import compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    from fanlight.pipeline.files.engines.patterns import Scanner, Text
else:
    from fanlight.event.light import NamedTuple


class Needle(NamedTuple):
    """A regular expression over bytes, in the one dialect; never matches the empty text."""

    pattern: bytes
    ignores_case: bool = False
    literal: bytes | None = None
    """The text itself when it is nothing but text."""


def needle_of(text: bytes, *, ignores_case: bool) -> Needle:
    """Answer the needle of a plain text."""
    return Needle(re.escape(text), ignores_case, text.lower() if ignores_case else text)


def scanner_of(needles: list[Needle], sample: bytes = b"") -> tuple[Scanner, str]:
    """Answer a scanner, and the name of its engine.

    Args:
        needles: what to look for.
        sample: bytes like those that are looked at.
    """
    wanted = [(needle.literal, needle.ignores_case) for needle in needles if needle.literal is not None]
    is_text = len(wanted) == len(needles) and not any(b"\n" in text for text, _ in wanted)
    found = texts.by_engine(wanted, sample) if is_text else None
    if found is not None:
        return found, texts.ENGINE
    found = compiled([(needle.pattern, needle.ignores_case) for needle in needles])
    if found is not None:
        return found, ENGINE
    # Few texts are found quicker by the standard library than by an engine called for every hit.
    if is_text and len(wanted) <= FEW:
        return finder(wanted, sample), BYTES
    found = re2(needles)
    if found is not None:
        return found, "re2"
    return lines_of(needles), "re"


ENGINE, BYTES = "hyperscan", "bytes.find"
WHERE_IT_LIES = frozenset({texts.ENGINE, ENGINE, BYTES})
"""Those that look at a text where it lies, or copy little of it at a time; others copy all."""
FEW = 4


BEHIND, AT_END = rb"[ \r\n]", rb"(?:[ \r]|$)"
"""What formats say of the end of a value, and the same for an engine that is told nothing of line ends."""


def re2(needles: list[Needle]) -> Scanner | None:
    """Answer a scanner of google-re2, None when it is not there or cannot take the patterns."""
    try:
        import re2 as engine  # type: ignore[import-untyped]
    except ImportError:
        return None
    options = engine.Options()
    # A match never goes over a line's end, so that none hides the next line's.
    options.never_nl = True
    options.encoding = engine.Options.Encoding.LATIN1
    options.log_errors = False
    # Otherwise `^` is the beginning of the block alone.
    sources = [
        (rb"(?mi:%s)" if needle.ignores_case else rb"(?m:%s)") % needle.pattern.replace(BEHIND, AT_END)
        for needle in needles
    ]
    try:
        pattern = engine.compile(b"|".join(sources), options=options)
    except engine.error:
        return None

    def scan(buffer: Text, begin: int, end: int) -> list[int]:
        hits: list[int] = []
        block = bytes(memoryview(buffer)[begin:end])
        at = 0
        while at < len(block):
            found = pattern.search(block, at)
            if found is None:
                break
            edge = block.find(b"\n", max(found.end() - 1, found.start()))
            hits.append(edge + begin)
            at = edge + 1
        return hits

    return scan


def lines_of(needles: list[Needle]) -> Scanner:
    """Answer a scanner of last resort: every line, searched by the standard library."""
    patterns = [
        re.compile(needle.pattern, re.IGNORECASE if needle.ignores_case else 0).search for needle in needles
    ]

    def scan(buffer: Text, begin: int, end: int) -> list[int]:
        hits: list[int] = []
        at = begin
        while at < end:
            edge = buffer.find(b"\n", at, end)
            # With its end, which what a format says of a value may ask for.
            line = bytes(buffer[at : edge + 1])
            if any(search(line) for search in patterns):
                hits.append(edge)
            at = edge + 1
        return hits

    return scan
