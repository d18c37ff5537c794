"""An operation on a cache: `cache read`, and whether it found something; never a key."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TITLES = {
    "add": "cache add",
    "clear": "cache clear",
    "delete": "cache delete",
    "delete_many": "cache delete many",
    "get": "cache read",
    "get_many": "cache read many",
    "has_key": "cache look up",
    "incr": "cache increment",
    "set": "cache write",
    "set_many": "cache write many",
    "touch": "cache touch",
}
"""Operation to what it is called; others are not told apart."""


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `cache.get` titled `cache read`, with `hit` where that is known.

    Args:
        _name: `cache.operation`.
        payload: the operation, a blank, and `hit` or `miss` or nothing: `get hit`; or (operation,
            hits, misses); or a dict with `operation` and perhaps `hit`, or `hits` and `misses`.
    """
    outcome = ""
    if isinstance(payload, dict) and "hits" in payload:
        payload = payload.get("operation"), payload.get("hits"), payload.get("misses")
    if isinstance(payload, tuple):
        operation, hits, misses = payload if len(payload) == 3 else ("", None, None)
    elif isinstance(payload, dict):
        operation, hit = payload.get("operation"), payload.get("hit")
        outcome = {True: "hit", False: "miss"}.get(hit, "") if isinstance(hit, bool) else ""
    else:
        operation, _, outcome = payload.partition(" ") if isinstance(payload, str) else ("", "", "")
    title = TITLES.get(operation) if isinstance(operation, str) else None
    notes: dict[str, Any] | None = {"hit": outcome == "hit"} if outcome in ("hit", "miss") else None
    if isinstance(payload, tuple) and isinstance(hits, int) and isinstance(misses, int):
        notes = {"hits": hits, "misses": misses}
    return ("cache.other", "cache", "", notes) if title is None else (f"cache.{operation}", title, "", notes)
