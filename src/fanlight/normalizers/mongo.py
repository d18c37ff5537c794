"""A command sent to MongoDB: its name and its collection, such as `find product`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME_CHARS = 32
COLLECTION_CHARS = 120
UNKNOWN = "other"


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `db.mongo.find` titled `find product`.

    Args:
        _name: `mongo.command`.
        payload: (command, collection, error), or a dict of those; error the failure's name or "".
    """
    if isinstance(payload, dict):
        payload = tuple(payload.get(key, "") for key in ("command", "collection", "error"))
    command, collection, error = payload if isinstance(payload, tuple) and len(payload) == 3 else ("",) * 3
    if not (
        isinstance(command, str) and len(command) <= NAME_CHARS and command.isascii() and command.isalpha()
    ):
        command = UNKNOWN
    place = collection[:COLLECTION_CHARS] if isinstance(collection, str) else ""
    notes = {"error": error} if isinstance(error, str) and error else None
    return f"db.mongo.{command.lower()}", f"{command} {place}".rstrip(), "", notes
