"""DogStatsD: gauges with tags to Datadog's agent, over UDP or a unix socket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.targets.datagrams import Datagrams
from fanlight.targets.gauges import OPTION, TYPES, Typed
from fanlight.targets.habits import Habits
from fanlight.wire.quantities import LABELS, Totals, worker_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fanlight.targets import Place
    from fanlight.wire.readings import Snapshot

NOT_A_TAG = re.compile(r"[^\w\-:/.]")
OK, WARNING, CRITICAL = 0, 1, 2
BOOTED, STALLED, RESTARTS = "workers.booted", "workers.stalled", "workers.restarts"


class DogStatsd:
    """Sends every value of every snapshot, and if wanted events of restarts and a check of workers."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "address": Option("text", "127.0.0.1:8125", "HOST:PORT, or unix:/path of the agent's socket"),
        "namespace": Option("text", "", "stands before every name, with a dot between"),
        "tags": Option("names", (), "tags of every line, `name:value`"),
        "labels": Option("names", ("service", "server", "worker"), "labels that become tags", LABELS),
        "types": OPTION,
        "events": Option("flag", False, "whether an event tells of workers that were restarted"),
        "check": Option("flag", False, "whether a check says that workers are there and not stalled"),
    }
    HABITS: ClassVar[Habits] = Habits(only=True)

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        self.datagrams = Datagrams(options["address"], place.timeout_s, "dogstatsd")
        self.namespace = options["namespace"]
        self.tags = list(options["tags"])
        self.labels = options["labels"]
        self.typed = Typed(options["types"], tuple(TYPES), "target 'dogstatsd'")
        self.events = options["events"]
        self.check = options["check"]
        self.restarts = Totals()

    def send(self, messages: Sequence[Any]) -> None:
        """Send the snapshots' lines.

        Raises:
            OSError: the agent is not there.
        """
        self.datagrams.send([line for snapshot in messages for line in self.lines(snapshot)])

    def close(self) -> None:
        """Close the socket."""
        self.datagrams.close()

    def lines(self, snapshot: Snapshot) -> Iterator[str]:
        """Yield what is said of a snapshot."""
        labels = snapshot.labels
        tags = [f"{name}:{labels[name]}" for name in self.labels if labels.get(name)] + self.tags
        for name, value, kind in self.typed.values(snapshot):
            yield metric(worker_name(name, labels), value, kind, tags, self.namespace)
        if "worker" in labels:
            return
        restarted = None
        if self.events and RESTARTS in snapshot.values:
            restarted = self.restarts.added(RESTARTS, labels, snapshot.values[RESTARTS])
        if restarted:
            yield event(
                "Workers restarted", f"{restarted} of {labels.get('service', '')}", "warning", tags=tags
            )
        if self.check and BOOTED in snapshot.values:
            status, why = health(snapshot.values)
            yield service_check(f"{self.namespace or 'fanlight'}.workers", status, why, tags=tags)


def health(values: Mapping[str, Any]) -> tuple[int, str]:
    """Answer the status of a server's workers, and why it is not well."""
    if not values[BOOTED]:
        return CRITICAL, "no worker is ready"
    if stalled := values.get(STALLED):
        return WARNING, f"{stalled} workers say nothing"
    return OK, ""


def metric(name: str, value: Any, kind: str, tags: Sequence[str] = (), namespace: str = "") -> str:
    """Answer the line of one value.

    Args:
        name: as it is; the namespace is put before it.
        value: an int or a float.
        kind: g, c, ms, h or d.
        tags: `name:value`.
        namespace: of all names; "" for none.
    """
    head = f"{namespace}.{name}" if namespace else name
    return f"{head}:{value}|{kind}{tagged(tags)}"


def event(title: str, text: str, alert: str = "", tags: Sequence[str] = ()) -> str:
    """Answer the line of an event; lengths are those of the UTF-8 bytes.

    Args:
        title: one line.
        text: any; line ends are escaped.
        alert: error, warning, info or success; "" for none.
        tags: `name:value`.
    """
    title, text = (part.replace("\n", "\\n") for part in (title, text))
    lengths = f"{len(title.encode())},{len(text.encode())}"
    return f"_e{{{lengths}}}:{title}|{text}{f'|t:{alert}' if alert else ''}{tagged(tags)}"


def service_check(name: str, status: int, text: str = "", tags: Sequence[str] = ()) -> str:
    """Answer the line of a check.

    Args:
        name: of the check.
        status: 0 ok, 1 warning, 2 critical, 3 unknown.
        text: why; "" for none.
        tags: `name:value`.
    """
    said = text.replace("\n", "\\n").replace("m:", "m\\:")
    return f"_sc|{name}|{status}{tagged(tags)}{f'|m:{said}' if said else ''}"


def tagged(tags: Sequence[str]) -> str:
    """Answer tags as they stand in a line, in which some characters have a meaning."""
    return f"|#{','.join(NOT_A_TAG.sub('_', tag) for tag in tags)}" if tags else ""
