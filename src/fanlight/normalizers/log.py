"""A line that the application logged: `log.warning`, titled by its logger."""

from __future__ import annotations

from fanlight.recording.redaction import Scrubber

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MESSAGE_CHARACTERS = 500
LEVELS = ((50, "log.critical"), (40, "log.error"))
LOWEST = "log.warning"


class Messages:
    """Takes secrets out of messages; the patterns are compiled when the first one comes."""

    def __init__(self) -> None:
        self.scrubber: Scrubber | None = None

    def scrubbed(self, message: str) -> str:
        """Answer a message's first line without secrets."""
        if self.scrubber is None:
            self.scrubber = Scrubber()
        return self.scrubber.scrub(message, MESSAGE_CHARACTERS)


MESSAGES = Messages()


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer the level's category, titled by the logger; the message is an annotation.

    A message is another each time, so it can't be part of what traces are merged by.

    Args:
        _name: `log.record`.
        payload: (level, logger, message, type name of the exception or ""); anything else is skipped.
    """
    if not isinstance(payload, tuple) or len(payload) != 4:
        return None
    level, logger, message, error = payload
    category = LOWEST
    for least, name in LEVELS:
        if isinstance(level, int) and level >= least:
            category = name
            break
    notes: dict[str, Any] = {"message": MESSAGES.scrubbed(message if isinstance(message, str) else "")}
    if isinstance(error, str) and error:
        notes["error"] = error
    return category, logger if isinstance(logger, str) else "", "", notes
