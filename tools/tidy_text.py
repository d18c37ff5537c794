"""Rules about one text file of any kind: leftovers, places of one machine, unsafe markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tidy_code import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Written in two parts so that this file does not find itself.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
PLACE = re.compile(r"(?<![\w.~])/(wor" r"k|ro" r"ot|ho" r"me)/")
REGISTRY = re.compile(r"pypi\.o" r"rg|pythonho" r"sted|registry\.npm" r"js|proxy\.go" r"lang|index-u" r"rl")
UNSAFE_MARKUP = re.compile(
    r"inner"
    r"HTML|outer"
    r"HTML|insertAdjacent"
    r"HTML|document\.wr"
    r"ite|\|\s*sa"
    r"fe\b|autoescape\s+fa"
    r"lse"
)
REASONLESS = re.compile(
    r"#\s*(?:no" r"qa|type:\s*ig" r"nore)(?!:\s*[A-Z]+[0-9]+|\[)|" r"#\s*no" r"qa:[A-Z0-9, ]+$"
)
PAGES = {".css", ".html", ".jinja", ".js"}


def check(path: Path, text: str) -> Iterator[Violation]:
    """Answer the violations of one text file; `path` is relative to the project's root."""
    vendored = "vendor" in path.parts
    for number, line in enumerate(text.splitlines(), 1):
        if vendored:
            continue
        if leftover := LEFTOVER.search(line):
            text = f"{leftover[0]} is a note to oneself; do it or write it where it is seen"
            yield Violation("leftover", str(path), number, "", text)
        if place := PLACE.search(line):
            yield Violation("place", str(path), number, "", f"{place[0]} is a place of one machine")
        if host := REGISTRY.search(line):
            yield Violation("place", str(path), number, "", f"{host[0]} is a registry's address")
        if in_web(path) and (markup := UNSAFE_MARKUP.search(line)):
            text = f"{markup[0]} lets content become markup"
            yield Violation("unsafe-markup", str(path), number, "", text)
        if path.suffix == ".py" and REASONLESS.search(line):
            text = "a suppressed rule names its code, and on the same line its reason"
            yield Violation("suppression", str(path), number, "", text)


def in_web(path: Path) -> bool:
    """Answer whether a file makes what a browser shows."""
    return path.parts[:3] == ("src", "fanlight", "web") or path.suffix in PAGES
