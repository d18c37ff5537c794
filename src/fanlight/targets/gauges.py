"""Which of statsd's types a value has, and the number that is written for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.config.keys import METRICS
from fanlight.config.options import Option
from fanlight.errors import ConfigError
from fanlight.registry import known_or_error, suggestion
from fanlight.wire.quantities import COUNTERS, DURATIONS, NS_PER_MS, RESTARTS, Totals, is_total

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fanlight.wire.readings import Snapshot

TYPES = {"count": "c", "distribution": "d", "gauge": "g", "histogram": "h", "timing": "ms"}
"""Name to what stands in a line."""
OPTION = Option(
    "pairs", {}, 'name of a value to its type, such as {"queue.time" = "timing"}; the others are gauges'
)


class Typed:
    """Values with their types.

    Args:
        types: name to type, as the option has it.
        known: types that the receiver knows.
        what: whose option it is, for people.

    Raises:
        ConfigError: a type that the receiver does not know, or a count of what is none.
    """

    def __init__(self, types: Mapping[str, str], known: tuple[str, ...], what: str) -> None:
        self.types = dict(types)
        self.totals = Totals()
        for name, kind in types.items():
            if not name.startswith(RESTARTS):
                known_or_error(name, list(METRICS), f"metric in `types` of {what}")
            known_or_error(kind, list(known), f"type of {name!r} of {what}")
            if kind == "count" and not is_total(name):
                near = suggestion(name, sorted(COUNTERS))
                raise ConfigError(f"{name!r} of {what} is no total, so it cannot be a count{near}")

    def values(self, snapshot: Snapshot) -> Iterator[tuple[str, Any, str]]:
        """Yield name, number and type; times in milliseconds, as statsd has them."""
        for name, value in snapshot.values.items():
            if isinstance(value, str) or value is None:
                continue
            kind = self.types.get(name, "gauge")
            if kind == "count":
                added = self.totals.added(name, snapshot.labels, value)
                if added is not None:
                    yield name, added, TYPES[kind]
            else:
                yield name, value / NS_PER_MS if name in DURATIONS else value, TYPES[kind]
