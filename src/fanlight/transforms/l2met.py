"""L2met: names that say how a log drain adds them up, and whose numbers they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.registry import known_or_error
from fanlight.wire.quantities import DURATIONS, LABELS, NS_PER_MS, Quantity, Totals, is_total

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fanlight.wire.readings import Snapshot

NAME = "Fanlight"
SOURCE = "{host}/{service}"


class L2met:
    """Writes `sample#` before every name, or in typed mode what the number is.

    Raises:
        ConfigError: `source` has something in braces that is no label.
    """

    OPTIONS: ClassVar[dict[str, Option]] = {
        "name": Option("text", NAME, "what is appended as `name`"),
        "source": Option(
            "text",
            SOURCE,
            "what is appended as `source`, labels in braces; of one worker with `.` and its number behind",
        ),
        "typed": Option(
            "flag", False, "`count#` with what was added, `measure#` in ms for times, `sample#` for the rest"
        ),
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.name = options["name"]
        self.source = options["source"]
        for name in re.findall(r"\{(.*?)\}", self.source):
            known_or_error(name, list(LABELS), "label in `source` of transform 'l2met'")
        self.typed = options["typed"]
        self.totals = Totals()

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """Answer the snapshot under names with their kind before them."""
        pairs = self.kinds(snapshot) if self.typed else self.samples(snapshot)
        appended = {"name": self.name, "source": self.source_of(snapshot.labels)}
        return snapshot._replace(values=dict(pairs) | appended)

    def samples(self, snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
        """Yield every value as the last one of its period."""
        for name, value in snapshot.values.items():
            yield f"sample#{name}", value

    def kinds(self, snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
        """Yield every value as what it is; of a count, what was added since the last snapshot."""
        for name, value in snapshot.values.items():
            if is_total(name):
                added = self.totals.added(name, snapshot.labels, value)
                if added is not None:
                    yield f"count#{name}", added
            elif name in DURATIONS:
                yield f"measure#{name}", Quantity(f"{value / NS_PER_MS:.10g}ms")
            else:
                yield f"sample#{name}", value

    def source_of(self, labels: Mapping[str, str]) -> str:
        """Answer whose numbers these are: the application's, not ours."""
        source: str = self.source
        for name, text in labels.items():
            source = source.replace(f"{{{name}}}", text)
        return f"{source}.{labels['worker']}" if "worker" in labels else source
