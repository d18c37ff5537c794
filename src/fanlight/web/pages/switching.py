"""The switch of every page: which service and which environment it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked

NAMED = ("/endpoint", "/trace/")
"""Pages of one thing of one service: another service is looked at on the front page."""
OWN_SERVICE = "/explore"
"""The page that chooses a service itself."""
ALONE = "/status"
"""The page that is of all; what it tells does not wait for the store to be asked."""


class Switch(NamedTuple):
    """A choice: its parameter, what it is called, the page that shows it, and what stays."""

    name: str
    label: str
    every: str
    path: str
    kept: dict[str, str]
    choices: list[str]
    chosen: str


def switches(answers: Any, context: Mapping[str, Any]) -> list[Switch]:
    """Answer what a page can be switched to; nothing where there is nothing to choose.

    Args:
        answers: has `environments(from_ns, to_ns)`.
        context: of the page's template; its `environments` are these, where it asked for them already.
    """
    asked: Asked = context["asked"]
    if asked.path == ALONE:
        return []
    known = context.get("environments")
    pairs = answers.environments(asked.from_ns, asked.to_ns) if known is None else known
    service, where = asked.get("service"), asked.get("env")
    is_named = asked.path.startswith(NAMED)
    # A trace knows its service, its address does not.
    service = service or str(context.get("service") or "") if is_named else service
    services = sorted({pair["service"] for pair in pairs} | ({service} if service else set()))
    told = {pair["environment"] for pair in pairs if service in ("", pair["service"])}
    environments = sorted((told | {where}) - {""})
    found = []
    if len(services) > 1 and asked.path != OWN_SERVICE:
        kept = asked.times() if is_named else without(asked, "service")
        path = "/" if is_named else asked.path
        found.append(Switch("service", "Service", "All services", path, kept, services, service))
    if environments:
        kept = without(asked, "env")
        found.append(Switch("env", "Environment", "All environments", asked.path, kept, environments, where))
    return found


def without(asked: Asked, name: str) -> dict[str, str]:
    """Answer the parameters of a page but one."""
    return {given: value for given, value in asked.given.items() if given != name}
