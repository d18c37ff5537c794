"""A file that is the response: one name for all of them; never a path or a file's name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TYPE_CHARS = 100
DEFAULT_TYPE = "application/octet-stream"


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `app.response.file` titled `send file`, with the file's type and disposition.

    Args:
        _name: `file.send`.
        payload: (type, whether it is an attachment, None unknown), or a dict with `type` and `attachment`.
    """
    if isinstance(payload, dict):
        payload = payload.get("type"), payload.get("attachment")
    kind, is_attachment = payload if isinstance(payload, tuple) and len(payload) == 2 else ("", False)
    kind = kind.partition(";")[0].strip()[:TYPE_CHARS] if isinstance(kind, str) else ""
    notes = {"type": kind or DEFAULT_TYPE}
    if is_attachment is not None:
        notes["disposition"] = "attachment" if is_attachment else "inline"
    return "app.response.file", "send file", "", notes
