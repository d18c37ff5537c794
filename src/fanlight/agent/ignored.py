"""Endpoints that are counted as ignored and not reported, named by globs."""

from __future__ import annotations

from fanlight.config.keys import IGNORE, NOTHING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KNOWN = 4_096
"""Names whose answer is kept; an application that makes more asks the globs for each trace."""


class Ignored(dict[str, bool]):
    """Endpoint to whether it is ignored: one look-up for a name that was asked for before.

    Args:
        globs: `*` is any text, `?` any character; a name is taken with its method (`GET /ping`) and
            without, a slash at its end does not count.
    """

    __slots__ = ("globs", "match")

    def __init__(self, globs: tuple[str, ...]) -> None:
        super().__init__()
        self.globs = globs
        self.match: Callable[[str], object] | None = None

    def __missing__(self, endpoint: str) -> bool:
        """Answer for a name that was not asked for before, and keep the answer."""
        # Made in the background, with the first trace: expressions are slow to import and to compile.
        self.match = self.match or matcher(self.globs)
        found = any(map(self.match, forms(endpoint)))
        if len(self) < KNOWN:
            self[endpoint] = found
        return found


def matcher(globs: tuple[str, ...]) -> Callable[[str], object]:
    """Answer what tells whether a whole name is described by any of the globs."""
    import re

    parts = [re.escape(glob.rstrip("/") or glob) for glob in globs]
    wild = "|".join(part.replace(r"\*", ".*").replace(r"\?", ".") for part in parts)
    # Without globs, what nothing matches.
    return re.compile(wild or r"(?!)", re.DOTALL).fullmatch


def forms(endpoint: str) -> tuple[str, str]:
    """Answer a name and the path behind its method, both without the slash at their end."""
    method, space, path = endpoint.partition(" ")
    bare = path if space and method.isupper() else endpoint
    return endpoint.rstrip("/"), bare.rstrip("/") or bare


def ignored(environ: Mapping[str, str]) -> Ignored:
    """Answer what the environment says is ignored: globs joined with commas, `-` for none."""
    text = environ.get("FANLIGHT_IGNORE", "")
    given = [part.strip() for part in text.split(",")] if text else list(IGNORE)
    return Ignored(tuple(part for part in given if part and part != NOTHING))
