"""What Fanlight itself took: CPU time that its own processes and threads measured, and of how many requests.

What a request pays on its own path is measured by nobody while it runs; what that is on one machine stands in
docs/performance.md. Only what was measured is told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]


def told(collector: Mapping[str, Any] | None, server_cpu_ns: int, stored: int) -> list[Json]:
    """Answer a row for each that measured: `who`, `service`, `cpu` in ns, `requests` that it was for.

    Args:
        collector: its status; None when it does not answer.
        server_cpu_ns: CPU time of the server since it started, pages and queries included.
        stored: requests that it stored in that time.
    """
    rows: list[Json] = []
    sums: dict[str, list[int]] = {}
    for client in (collector or {}).get("clients", ()):
        known = sums.setdefault(client["service"], [0, 0])
        known[0] += client.get("spent", 0)
        known[1] += client.get("taken", 0)
    for service, (cpu_ns, requests) in sorted(sums.items()):
        rows.append({"who": "application", "service": service, "cpu": cpu_ns, "requests": requests})
    if collector and "cpu" in collector:
        rows.append(row("collector", collector["cpu"], collector["taken"]))
    rows.append(row("server", server_cpu_ns, stored))
    return [each for each in rows if each["requests"] > 0]


def row(who: str, cpu_ns: int, requests: int) -> Json:
    """Answer the row of a process for all services."""
    return {"who": who, "service": "", "cpu": cpu_ns, "requests": requests}
