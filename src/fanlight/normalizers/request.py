"""A request that the application serves: `GET`, with its status."""

from __future__ import annotations

from fanlight.recording.exchange import TITLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SERVERS = ("wsgi", "asgi", "http")


def normalize(name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `app.wsgi.request` titled with the method; path, query and headers never get through.

    Args:
        name: `request`.
        payload: a dict of which `server` (`wsgi`, `asgi`, `http`), `method` and `status` are read.
    """
    given = dict(payload) if isinstance(payload, dict) else {}
    server = given.get("server")
    method = given.get("method")
    status = given.get("status")
    category = f"app.{server}.request" if server in SERVERS else f"app.{name}"
    notes: dict[str, Any] = {}
    title = TITLES.get(method, "") if isinstance(method, str) else ""
    if title:
        notes["method"] = method
    if isinstance(status, int):
        notes["status"] = status
    return category, title, "", notes or None
