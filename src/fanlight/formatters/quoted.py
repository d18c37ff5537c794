"""logfmt with every text in quotes: a snapshot as one line of `key=value`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.formatters.pairs import LABELS, pairs
from fanlight.wire.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.wire.readings import Snapshot

ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})
KEY = str.maketrans(dict.fromkeys(' "=\n\r\t', "_"))


class Quoted:
    """Writes pairs; texts in quotes, numbers bare."""

    OPTIONS: ClassVar[dict[str, Option]] = {"labels": LABELS}

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.labels = options["labels"]

    def __call__(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer a line for each snapshot."""
        return [
            " ".join(
                f"{name.translate(KEY)}={worded(value)}" for name, value in pairs(each, self.labels).items()
            )
            for each in snapshots
        ]


def worded(value: Any) -> str:
    """Answer a value as it stands behind its `=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Quantity):
        return str(value)
    return f'"{str(value).translate(ESCAPES)}"'
