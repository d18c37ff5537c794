"""Passthrough: a snapshot as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.config.options import Option
    from fanlight.wire.readings import Snapshot


class Passthrough:
    """Changes nothing."""

    OPTIONS: ClassVar[dict[str, Option]] = {}

    def __init__(self, options: Mapping[str, Any]) -> None:
        pass

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """Answer the snapshot."""
        return snapshot
