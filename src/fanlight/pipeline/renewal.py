"""Whether a process runs code that is no longer on disk: then its supervisor starts it anew.

Nothing that a peer says has a part in it: a newer agent is answered in the older protocol.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    Version = tuple[int, int, int]

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

RENEWED = 7
"""Exit code of a child that ended because its files have changed."""

LOOK_EVERY_S = 4.0
"""How often to look."""
WHOLE = 5
"""One look of so many asks each file, a hundred calls of stat; the others ask their directories, in which
it shows that one was replaced, but not that one was written to."""


class OwnFiles:
    """The files that this process's own modules came from, as they were when it loaded them.

    Args:
        package: directory of the package.
    """

    def __init__(self, package: str = PACKAGE) -> None:
        self.package = package
        self.main = os.path.join(package, "__init__.py")
        self.begun: dict[str, Version | None] = {}
        self.last: dict[str, Version | None] = {}
        self.folders: dict[str, Version | None] = {}
        """The files' directories, as they were when all files were what they were at first."""
        self.looks = 0
        self.modules = 0
        self.learn()

    def learn(self) -> None:
        """Note the files of modules that were loaded since."""
        if len(sys.modules) == self.modules:
            return
        self.modules = len(sys.modules)
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if path and path not in self.begun and path.startswith(self.package + os.sep):
                self.begun[path] = version(path)

    def are_renewed(self) -> bool:
        """Answer whether other files stand there by now, and nobody is still putting them there.

        An installer takes away and puts back for a while: only what has stood still since the last
        look counts, and a package that is taken away altogether is not renewed.
        """
        self.learn()
        # Before the files: what is replaced meanwhile shows in the next look.
        folders = {path: version(path) for path in {os.path.dirname(path) for path in self.begun}}
        self.looks += 1
        # A fast path: all is as it was.
        if folders == self.folders and self.looks % WHOLE:
            return False
        now = {path: version(path) for path in self.begun}
        stood_still = now == self.last
        self.last = now
        self.folders = folders if now == self.begun else {}
        return stood_still and now != self.begun and version(self.main) is not None


def version(path: str) -> Version | None:
    """Answer what changes whenever a file is replaced or written to; None for no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
