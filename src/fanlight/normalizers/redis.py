"""A command sent to Redis: its name alone, such as `GET`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
CHARACTERS = LETTERS | frozenset("._-")
"""What names are made of; those of a module's commands have a dot."""
NAME_CHARS = 24
UNKNOWN = "OTHER"


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `db.redis.get` titled `GET`; a pipeline is `db.redis.pipeline`.

    Args:
        _name: `redis.command`.
        payload: the command's name; or (name, commands) for a pipeline; or either of them with the
            exception's class name, as (payload, error); or a dict with `command` and `error`.
    """
    error: Any = ""
    commands: Any = 0
    if isinstance(payload, dict):
        payload, error = payload.get("command"), payload.get("error")
    elif isinstance(payload, tuple) and len(payload) == 2 and isinstance(payload[1], str):
        payload, error = payload
    if isinstance(payload, tuple) and len(payload) == 2:
        payload, commands = payload
    title = payload.upper() if isinstance(payload, str) else ""
    title = title if is_name(title) else UNKNOWN
    notes: dict[str, Any] = {}
    if isinstance(commands, int) and commands:
        notes["commands"] = commands
    if isinstance(error, str) and error:
        notes["error"] = error
    return f"db.redis.{title.lower().replace('.', '_')}", title, "", notes or None


def is_name(title: str) -> bool:
    """Answer whether a text can be a command's name; a key or a value mostly can't."""
    return len(title) <= NAME_CHARS and title[:1] in LETTERS and CHARACTERS.issuperset(title)
