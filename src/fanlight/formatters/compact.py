"""Compact JSON: a snapshot as one object, without a blank."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.formatters.pairs import LABELS, pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.wire.readings import Snapshot


class Compact:
    """Writes objects, in the order of the snapshot; never `null`."""

    OPTIONS: ClassVar[dict[str, Option]] = {"labels": LABELS}

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.labels = options["labels"]

    def __call__(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer an object for each snapshot."""
        return [
            json.dumps(pairs(each, self.labels), separators=(",", ":"), ensure_ascii=False)
            for each in snapshots
        ]
