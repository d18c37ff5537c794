"""A job that is handed to a queue: `Enqueue shop.tasks.send_mail`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME_CHARACTERS = 200


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `job.enqueue` titled by the job's name.

    Args:
        _name: `job.enqueue`.
        payload: the job's name, or (name, class name of the exception), or a dict with `job` and
            perhaps `error`.
    """
    error: Any = ""
    if isinstance(payload, dict):
        payload, error = payload.get("job"), payload.get("error")
    elif isinstance(payload, tuple) and len(payload) == 2:
        payload, error = payload
    name = payload[:NAME_CHARACTERS] if isinstance(payload, str) else ""
    notes = {"error": error} if isinstance(error, str) and error else None
    return "job.enqueue", f"Enqueue {name}".rstrip(), "", notes
