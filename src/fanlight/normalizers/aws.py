"""A call of a cloud's service: `s3 PutObject`; never a parameter of it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME_CHARS = 60
UNKNOWN = "other"


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `api.aws.s3` titled `s3 PutObject`.

    Args:
        _name: `aws.call`.
        payload: (service, operation, status, retries, error), or a dict of those; status 0 for none,
            error the exception's class name or "".
    """
    if isinstance(payload, dict):
        payload = tuple(
            payload.get(key, "") for key in ("service", "operation", "status", "retries", "error")
        )
    if not isinstance(payload, tuple) or len(payload) != 5:
        payload = ("",) * 5
    service, operation, status, retries, error = payload
    service, operation = name(service), name(operation)
    numbers = {"status": status, "retries": retries}
    notes: dict[str, Any] = {key: value for key, value in numbers.items() if isinstance(value, int) and value}
    if isinstance(error, str) and error:
        notes["error"] = error
    return f"api.aws.{service.lower()}", f"{service} {operation}", "", notes or None


def name(text: Any) -> str:
    """Answer a name as services and operations have them, `other` for any other text."""
    if not isinstance(text, str) or not 0 < len(text) <= NAME_CHARS:
        return UNKNOWN
    return text if text.isascii() and text.replace("-", "").isalnum() else UNKNOWN
