"""Targets: where snapshots of saturation go, besides the store.

In come the messages of one instant, as transform and formatter made them; they go to a stream, a
socket or a page. A target runs in a thread of its own behind a queue: it may raise, and it may wait as
long as its timeout says. What it cannot deliver is lost and counted, for the next snapshot is newer.

To add one: a file here with a class that meets `Target`, and one line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, cast

from fanlight.config.options import made
from fanlight.errors import ConfigError
from fanlight.registry import load, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.targets.habits import Habits


class Place(NamedTuple):
    """What the process that a target is in can give it.

    Attributes:
        streams: descriptors of a program's `stdout` and `stderr`, as far as they were handed over.
        timeout_s: how long one delivery may wait.
    """

    streams: Mapping[str, int]
    timeout_s: float = 5.0


class Target(Protocol):
    """Made once with its options; delivers in one thread, from the first `send` to `close`.

    Attributes:
        OPTIONS: what can be set of it.
        HABITS: what it goes with.
    """

    OPTIONS: ClassVar[dict[str, Option]]
    HABITS: ClassVar[Habits]

    def send(self, messages: Sequence[Any]) -> None:
        """Deliver what was formatted of one instant; raises whatever keeps it from that."""

    def close(self) -> None:
        """Let go of what it holds; called in any thread, also while `send` waits."""


TABLE: dict[str, str] = {
    "dogstatsd": "fanlight.targets.dogstatsd:DogStatsd",
    "http": "fanlight.targets.http:Http",
    "log": "fanlight.targets.log:Log",
    "prometheus": "fanlight.targets.prometheus:Prometheus",
    "statsd": "fanlight.targets.statsd:Statsd",
    "stream": "fanlight.targets.stream:Stream",
}
"""Name, as users write it, to a class that is made with its options and its place."""


def part(name: str) -> type[Target]:
    """Answer the class of a target.

    Args:
        name: of the table, of an entry point, or `module:callable`, which gets each message.

    Raises:
        ConfigError: there is no such target; says the nearest, or why it cannot be imported.
    """
    scheme, mark, _ = name.partition("://")
    if mark:
        raise ConfigError(
            f"target {name!r} is an address; expected a name{suggestion(scheme, list(TABLE))}\n"
            "  where to is an option of the target: address=HOST:PORT, of http url=URL"
        )
    if name not in TABLE and ("." in name or ":" in name):
        from fanlight.targets.called import called

        return called(name)
    return cast("type[Target]", load(name, TABLE, "targets"))


def target(name: str, place: Place, given: Mapping[str, Any] | None = None) -> Target:
    """Answer a new target.

    Args:
        name: as for `part`.
        place: where it runs.
        given: its options; what is left out has its default.

    Raises:
        ConfigError: there is no such target or option, or it cannot be set so.
    """
    return cast("Target", made(part(name), given, f"target {name!r}", place))
