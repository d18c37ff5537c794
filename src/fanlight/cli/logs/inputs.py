"""What to say of a word that was meant to be a file and is none."""

from __future__ import annotations

import os

ENDINGS = frozenset({".csv", ".gz", ".json", ".jsonl", ".log", ".ndjson", ".out", ".tsv", ".txt", ".zst"})
"""Of names that are hardly ever words of a query."""


def is_waiting() -> bool:
    """Answer whether something was piped in and waits to be read."""
    import select
    import stat

    try:
        mode = os.fstat(0).st_mode
        if stat.S_ISREG(mode):
            return os.fstat(0).st_size > os.lseek(0, 0, os.SEEK_CUR)
        look = select.poll()
        look.register(0, select.POLLIN)
        # A pipe that has ended with nothing in it shows no more than that it was hung up.
        return stat.S_ISFIFO(mode) and any(told & select.POLLIN for _, told in look.poll(0))
    except OSError:
        return False


def looks_like_file(word: str) -> bool:
    """Answer whether a word of a query was rather meant to be read from."""
    if any(mark in word for mark in ":|=<>\"'() "):
        return False
    if os.path.isdir(word):
        return "/" in word.strip("/") or (word.endswith("/") and not word.startswith("/"))
    folder, name = os.path.split(word)
    if folder and (folder.strip("/") == "" or not os.path.isdir(folder)):
        return False
    stem, ending = os.path.splitext(name.lower())
    if ending[1:].isdigit():
        ending = os.path.splitext(stem)[1]
    return ending in ENDINGS or bool(folder)


def why_none(word: str) -> str:
    """Answer why a word is no file, and the nearest name of one that is."""
    if os.path.isdir(word):
        return f"{word!r} is a directory; name its files, as {os.path.join(word, '*.log')}"
    if any(mark in word for mark in "*?["):
        return f"{word!r} matches no file here, so it was read as a part of the query"
    if os.path.exists(word):
        return f"{word!r} is a file, but words of the query stand behind it; files come last"
    folder, name = os.path.split(word)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        names = []
    from difflib import get_close_matches

    near = get_close_matches(name, names, 1)
    hint = f"; did you mean {os.path.join(folder, near[0])!r}?" if near else ""
    return f"{word!r} is no file here, so it was read as a part of the query{hint}"
