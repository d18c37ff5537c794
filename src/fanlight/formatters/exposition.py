"""Prometheus' text exposition, and OpenMetrics, which says the same more strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.event.names import NAMES
from fanlight.formatters.pairs import is_known
from fanlight.wire.quantities import DURATIONS, NS_PER_S, RESTARTS, is_total, worker_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.wire.readings import Snapshot

NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
TEXT = str.maketrans({"\\": "\\\\", "\n": "\\n"})
VALUE = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
SECONDS = "seconds"
TOTAL = "_total"


class Page(str):
    """All snapshots of an instant as one text.

    Attributes:
        openmetrics: the same in that notation, for who asks for it.
    """

    __slots__ = ("openmetrics",)
    openmetrics: str


class Family:
    """All samples of one metric; they must stand together.

    Args:
        name: of the family, without `_total`.
        metric: our own name of it.
    """

    __slots__ = ("is_counter", "meaning", "name", "rows", "unit")

    def __init__(self, name: str, metric: str) -> None:
        self.name = name
        self.is_counter = is_total(metric)
        self.unit = SECONDS if metric in DURATIONS else ""
        known = NAMES.get(metric)
        self.meaning = (known.meaning if known else metric).translate(TEXT)
        self.rows: dict[str, Any] = {}

    def lines(self, *, strict: bool) -> list[str]:
        """Answer what is written of it.

        Args:
            strict: as OpenMetrics, where the metadata of a counter lacks the `_total` that its
                samples have, and a unit must be the end of the name.
        """
        sample = f"{self.name}{TOTAL}" if self.is_counter else self.name
        family = self.name if strict else sample
        lines = [f"# HELP {family} {self.meaning}"]
        if strict and self.unit:
            lines.append(f"# UNIT {family} {self.unit}")
        lines.append(f"# TYPE {family} {'counter' if self.is_counter else 'gauge'}")
        return lines + [f"{sample}{labels} {value}" for labels, value in self.rows.items()]


class Exposition:
    """Writes one page; names with `prefix`, units of their own, and counters as such."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "prefix": Option("text", "fanlight", "stands before every name, with `_` between"),
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.prefix = f"{options['prefix']}." if options["prefix"] else ""

    def __call__(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer the page, as the only message."""
        families: dict[str, Family] = {}
        for snapshot in snapshots:
            labels = labelled(snapshot.labels)
            for metric, value in snapshot.values.items():
                if not is_known(value) or isinstance(value, str):
                    continue
                behind = labels
                if metric.startswith(RESTARTS):
                    # Whoever adds up reasons and their sum counts each restart twice.
                    behind = labelled({**snapshot.labels, "reason": metric.removeprefix(RESTARTS)})
                    metric = f"{RESTARTS}by_reason"  # noqa: PLW2901 what it is called here
                name = self.name_of(metric, snapshot.labels)
                family = families.get(name)
                if family is None:
                    family = families[name] = Family(name, metric)
                family.rows[behind] = value / NS_PER_S if family.unit else value
        page = Page("".join(f"{line}\n" for each in families.values() for line in each.lines(strict=False)))
        strict = "".join(f"{line}\n" for each in families.values() for line in each.lines(strict=True))
        page.openmetrics = f"{strict}# EOF\n"
        return [page]

    def name_of(self, metric: str, labels: dict[str, str]) -> str:
        """Answer what the family of a metric is called."""
        name = NOT_A_NAME.sub("_", self.prefix + worker_name(metric, labels))
        if metric in DURATIONS:
            name = f"{name}_{SECONDS}"
        elif name.endswith(TOTAL) and not is_total(metric):
            # Prometheus takes that end for a counter's.
            name = name.removesuffix(TOTAL) + "_configured"
        return f"_{name}" if name[:1].isdigit() else name


def labelled(labels: Mapping[str, str]) -> str:
    """Answer labels as they stand behind a name; those that say nothing are left out."""
    found = [
        f'{NOT_A_NAME.sub("_", name)}="{text.translate(VALUE)}"' for name, text in labels.items() if text
    ]
    return f"{{{','.join(found)}}}" if found else ""
