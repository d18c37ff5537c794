"""A template that was rendered: its name as the loader knows it."""

from __future__ import annotations

from fanlight.recording.views import title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INLINE = "<string>"
"""Title of a template that was made from a string and has no name."""


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `view.render.template` titled with the template's name, of a path what is below a root.

    Args:
        _name: `view.render`.
        payload: the template's name or None, or a dict with `template`.
    """
    if isinstance(payload, dict):
        payload = payload.get("template")
    name = title(payload) if isinstance(payload, str) and payload else INLINE
    return "view.render.template", name, "", None
