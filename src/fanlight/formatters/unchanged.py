"""Passthrough: snapshots as they are, for targets that read them themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.wire.readings import Snapshot


class Unchanged:
    """Writes nothing: a target for texts shows the values as Python shows a map."""

    OPTIONS: ClassVar[dict[str, Option]] = {}

    def __init__(self, options: Mapping[str, Any]) -> None:
        pass

    def __call__(self, snapshots: Sequence[Snapshot]) -> list[Any]:
        """Answer the snapshots."""
        return list(snapshots)
