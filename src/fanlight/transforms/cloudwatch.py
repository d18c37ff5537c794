"""CloudWatch: names without dots, which its log filters read as paths, and a message to filter by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.wire.readings import Snapshot

NAME = "Fanlight"
MESSAGE = "Publish telemetry"


class CloudWatch:
    """Writes `-` for `.` in names and appends who says it."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "name": Option("text", NAME, "what is appended as `name`"),
        "message": Option("text", MESSAGE, "what is appended as `message`"),
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.appended = {"name": options["name"], "message": options["message"]}

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """Answer the snapshot under names that a filter can have."""
        values: dict[str, Any] = {name.replace(".", "-"): value for name, value in snapshot.values.items()}
        # Updated, not merged in front: both stand last, as filters that cut a line expect.
        for name in self.appended:
            values.pop(name, None)
        return snapshot._replace(values=values | self.appended)
