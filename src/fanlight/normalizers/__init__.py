"""Notifications to spans: what a span is called, and what of its payload may leave the process.

Comes in: a notification's name and its payload, in the agent's background task, long after the
request. The payload is text, numbers, or tuples and dicts of those; never an object of the
application. Goes out: (category, title, description, annotations), or None to skip the span, whose
children then move up to its parent. A normalizer never raises, never answers a literal of a
statement, a query string, a header or a body, and takes time linear in the payload.

To add one: a file here with `normalize(name, payload)`, and one line in the table.
A name that the table lacks goes to `default`. Entry points are not asked: scanning them costs an
application 47 ms and a hundred modules.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    Span = tuple[str, str, str, dict[str, Any] | None]

    class Normalizer(Protocol):
        """What each file of this room offers under the name `normalize`."""

        def __call__(self, name: str, payload: Any, /) -> Span | None:
            """Answer (category, title, description, annotations), or None to skip the span."""


TABLE: dict[str, str] = {
    "aws.call": "fanlight.normalizers.aws:normalize",
    "cache.operation": "fanlight.normalizers.cache:normalize",
    "default": "fanlight.normalizers.default:normalize",
    "file.send": "fanlight.normalizers.file:normalize",
    "http.request": "fanlight.normalizers.http:normalize",
    "job.enqueue": "fanlight.normalizers.job:normalize",
    "log.record": "fanlight.normalizers.log:normalize",
    "mongo.command": "fanlight.normalizers.mongo:normalize",
    "redis.command": "fanlight.normalizers.redis:normalize",
    "request": "fanlight.normalizers.request:normalize",
    "sql.query": "fanlight.normalizers.sql:normalize",
    "sql.query.mysql": "fanlight.normalizers.sql:normalize",
    "sql.query.sqlite": "fanlight.normalizers.sql:normalize",
    "view.render": "fanlight.normalizers.template:normalize",
}
"""Notification name to the normalizer that knows its payload."""


class Loaded(dict[str, "Callable[[str, Any], Span | None]"]):
    """The normalizers by notification name, each imported when its first notification comes."""

    def __missing__(self, name: str) -> Callable[[str, Any], Span | None]:
        from importlib import import_module

        where, _, attribute = TABLE.get(name, TABLE["default"]).partition(":")
        found: Callable[[str, Any], Span | None] = getattr(import_module(where), attribute)
        # Names are the application's own words: past a thousand they are looked up each time.
        if name in TABLE or len(self) < 1000:
            self[name] = found
        return found


NORMALIZERS = Loaded()


def normalize(name: str, payload: Any) -> Span | None:
    """Answer (category, title, description, annotations) of a span, or None to skip it.

    Args:
        name: the notification's name, or a category in a tier.
        payload: as it was recorded.
    """
    return NORMALIZERS[name](name, payload)


def names() -> list[str]:
    """Answer the notification names that become spans though they lie in no tier."""
    return [name for name in TABLE if name != "default"]
