"""What a snapshot says, as names and values in the order in which they are written."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fanlight.config.options import Option
from fanlight.wire import quantities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.wire.readings import Snapshot

TIME = "time"
LABELS = Option(
    "names",
    (),
    "labels that are written, `time` before the values, the others behind them; `*` for all",
    ("*", TIME, *quantities.LABELS),
)
"""The option that formatters with names and values have. None by default, as in the classic forms."""


def pairs(snapshot: Snapshot, labels: Sequence[str]) -> dict[str, Any]:
    """Answer names and values with the wanted labels; what is unknown is not in it.

    Args:
        snapshot: its values may be numbers, texts, or nothing.
        labels: names of labels, `time` among them, or `*` for all.
    """
    wanted = [TIME, *snapshot.labels] if "*" in labels else labels
    found: dict[str, Any] = {TIME: rfc3339(snapshot.time_ns)} if TIME in wanted else {}
    found |= {name: value for name, value in snapshot.values.items() if is_known(value)}
    return found | {name: snapshot.labels[name] for name in wanted if name in snapshot.labels}


def is_known(value: Any) -> bool:
    """Answer whether a value says anything: nothing and NaN do not."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def rfc3339(time_ns: int) -> str:
    """Answer a moment in UTC to the millisecond."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns // 1_000_000 % 1000:03}Z"
