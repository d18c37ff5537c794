"""One thing that can go wrong, told once when it begins and once when it is over."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Trouble:
    """A state that is well, or a text that says what is wrong.

    Args:
        tell: is given each message, a line without its end.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.text = ""
        self.lock = Lock()

    def begin(self, text: str) -> None:
        """Say what is wrong; the same again is not said again."""
        with self.lock:
            known, self.text = self.text, text
        if not known:
            self.tell(text)

    def end(self, text: str) -> None:
        """Say that all is well again, if it was not."""
        with self.lock:
            known, self.text = self.text, ""
        if known:
            self.tell(text)
