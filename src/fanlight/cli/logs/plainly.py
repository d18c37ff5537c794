"""`fanlight query WORD… FILE`: the search for words in one file, with nothing loaded that it can do without.

FAST PATH: most searches are of this sort, and to load what others need costs more than to search.
"""

from __future__ import annotations

import os
import sys

from fanlight.cli.whole import write_whole
from fanlight.query.plainly import words_of


def answer(arguments: list[str]) -> int | None:
    """Write the lines of one file that have some words; answer the exit code, None to ask the usual way."""
    if len(arguments) < 2 or any(word.startswith("-") for word in arguments):
        return None
    *asked, path = arguments
    words = words_of(asked)
    if words is None or not os.path.isfile(path) or os.path.exists(asked[-1]) or sys.stdout.isatty():
        return None
    from fanlight.pipeline.files.plainly import opened

    search = opened(words, path)
    if search is None:
        return None
    out = sys.stdout.buffer
    try:
        for text in search.found():
            write_whole(out, text)
        out.flush()
    finally:
        search.source.close()
    told = []
    if words.united:
        told.append(
            f"{search.count:,} events with {' or '.join(words.united)}; for all of them, write AND between"
        )
    if search.cut:
        from fanlight.pipeline.files.search import cut_lines

        told.append(f"{path}: {cut_lines(search.cut)}")
    if told:
        from fanlight.cli.terminal import clean

        sys.stderr.write("".join(f"fanlight: {clean(line)}\n" for line in told))
    return 0
