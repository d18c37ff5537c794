"""A request to another service: `GET host`, without path and query."""

from __future__ import annotations

from fanlight.recording.exchange import OTHER_METHOD, TITLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOST_CHARS = 120


def normalize(_name: str, payload: Any) -> tuple[str, str, str, dict[str, Any] | None] | None:
    """Answer `api.http.get` titled `GET host:port`.

    Args:
        _name: `http.request`.
        payload: (method, host, status, error), or a dict of those; status 0 for none, error the
            exception's class name or "". The host may still carry a user's name and password,
            a scheme or a path: they are cut off.
    """
    if isinstance(payload, dict):
        payload = tuple(payload.get(key, "") for key in ("method", "host", "status", "error"))
    method, host, status, error = payload if isinstance(payload, tuple) and len(payload) == 4 else ("",) * 4
    method = str(method).upper()
    if method not in TITLES:
        method = OTHER_METHOD
    notes: dict[str, Any] = {}
    if isinstance(status, int) and status:
        notes["status"] = status
    if error:
        notes["error"] = str(error)
    return f"api.http.{method.lower()}", f"{method} {bare(str(host))}".rstrip(), "", notes or None


def bare(host: str) -> str:
    """Answer the host and port of an address, nothing else of it."""
    _, scheme, rest = host.partition("://")
    host = rest if scheme else host
    for end in "/?#":
        host = host.partition(end)[0]
    return host.rpartition("@")[2][:HOST_CHARS]
