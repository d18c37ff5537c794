"""Any notification whose name lies in a tier: the name is the category, the payload tells the rest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TIERS = ("app", "view", "db", "api", "cache", "job", "noise", "other")
TEXT_CHARS = 200
"""Longest title, in characters."""


def normalize(name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer the name as category, `title` and `description` out of the payload, the rest as annotations.

    A name in no tier answers None. A prefix ends at a dot: `application.x` lies in no tier.
    """
    if name.partition(".")[0] not in TIERS:
        return None
    if isinstance(payload, str):
        return name, payload[:TEXT_CHARS], "", None
    if not isinstance(payload, dict):
        return name, "", "", None
    # A copy: a notification that ends after its trace may still be filling the payload in.
    rest = dict(payload)
    title = rest.pop("title", "")
    description = rest.pop("description", "")
    # Listeners get the exception's message; out of the process goes its type alone.
    failed = rest.get("exception")
    if isinstance(failed, tuple):
        rest["exception"] = failed[0] if failed else ""
    return (
        name,
        title[:TEXT_CHARS] if isinstance(title, str) else "",
        description if isinstance(description, str) else "",
        rest or None,
    )
