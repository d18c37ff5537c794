"""Where in the application's own code we are: `shop/cart.py:88`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
DEMO = OURS + "demo" + os.sep
STANDARD = os.path.dirname(os.__file__) + os.sep
PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
DEPTH = 200
"""Frames looked at: more than that below the application's code is a recursion of somebody else's."""
FILES = 4_096


class Own(dict[str, str]):
    """File name of a code object to its name for people; empty when it is not the application's."""

    def __missing__(self, path: str) -> str:
        name = own_name(path)
        if len(self) < FILES:
            self[path] = name
        return name


OWN = Own()


def location(frame: FrameType | None = None) -> str:
    """Answer file and line of the innermost frame that is the application's own code.

    Frames of the standard library, of installed packages and of Fanlight (but for its demo) are
    passed over. Answers "" when none is left. Takes 1 to 4 µs, so it is asked for rarely.

    Args:
        frame: where to begin, the caller when None.
    """
    if frame is None:
        frame = sys._getframe(1)  # noqa: SLF001  there is no public name for it
    for _ in range(DEPTH):
        if frame is None:
            return ""
        name = OWN[frame.f_code.co_filename]
        if name:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


def own_name(path: str) -> str:
    """Answer a source file's path relative to its project, or "" when it is not the application's."""
    if path.startswith("<"):
        return ""
    path = os.path.abspath(path)
    foreign = path.startswith((OURS, STANDARD)) or any(part in path for part in PACKAGES)
    return "" if foreign and not path.startswith(DEMO) else relative(path)


def relative(path: str) -> str:
    """Answer a path from where the project begins: the working directory, or its import root."""
    try:
        roots = [os.getcwd()]
    except FileNotFoundError:  # the directory was deleted under the process
        roots = []
    roots += [root for root in sys.path if isinstance(root, str) and root]
    for root in roots:
        beginning = os.path.join(os.path.abspath(root), "")
        if path.startswith(beginning) and len(beginning) > 1:
            return path[len(beginning) :]
    return path
