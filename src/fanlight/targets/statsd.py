"""Plain statsd: gauges without tags, which are part of the names instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.targets.datagrams import Datagrams
from fanlight.targets.gauges import OPTION, Typed
from fanlight.targets.habits import Habits
from fanlight.wire.quantities import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fanlight.targets import Place
    from fanlight.wire.readings import Snapshot

NOT_A_NAME = re.compile(r"[^\w.-]", re.ASCII)
KNOWN = ("count", "gauge", "timing")
"""What every receiver reads: `h` and `d` are counters for one and errors for another."""


class Statsd:
    """Sends every value of every snapshot as `PREFIX.SERVICE.NAME`, of a worker `….worker.N.NAME`."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "address": Option("text", "127.0.0.1:8125", "HOST:PORT, or unix:/path of the receiver's socket"),
        "prefix": Option("text", "fanlight", "begins every name, with a dot behind"),
        "labels": Option(
            "names", ("service",), "labels that stand before the name, each a part of it", LABELS
        ),
        "types": OPTION,
    }
    HABITS: ClassVar[Habits] = Habits(only=True)

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        self.datagrams = Datagrams(options["address"], place.timeout_s, "statsd")
        self.prefix = options["prefix"]
        self.labels = options["labels"]
        self.typed = Typed(options["types"], KNOWN, "target 'statsd'")

    def send(self, messages: Sequence[Any]) -> None:
        """Send the snapshots' lines.

        Raises:
            OSError: the receiver is not there.
        """
        self.datagrams.send([line for snapshot in messages for line in self.lines(snapshot)])

    def close(self) -> None:
        """Close the socket."""
        self.datagrams.close()

    def lines(self, snapshot: Snapshot) -> Iterator[str]:
        """Yield what is said of a snapshot."""
        labels = snapshot.labels
        parts = [labels[name].replace(".", "_") for name in self.labels if labels.get(name)]
        if "worker" in labels:
            parts += ["worker", labels["worker"]]
        for name, value, kind in self.typed.values(snapshot):
            # Of one worker, `workers.` says nothing that is not said already.
            own = name.removeprefix("workers.") if "worker" in labels else name
            full = NOT_A_NAME.sub("_", ".".join(filter(None, [self.prefix, *parts, own])))
            if kind == "g" and value < 0:
                # A sign means a change, so a value below zero is one from zero.
                yield f"{full}:0|g"
            yield f"{full}:{value}|{kind}"
