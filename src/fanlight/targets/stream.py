"""Stream: a line for each snapshot on the program's stdout or stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.targets.habits import Habits
from fanlight.targets.lines import stream_of, text_of, to, write_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.targets import Place


class Stream:
    """Writes to the stream that `fanlight run` handed over."""

    OPTIONS: ClassVar[dict[str, Option]] = {"to": to("stdout")}
    HABITS: ClassVar[Habits] = Habits("json", "cloudwatch", streams=True)

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        self.stream = stream_of(options, place.streams)

    def send(self, messages: Sequence[Any]) -> None:
        """Write the lines whole, or drop them.

        Raises:
            OSError: some were dropped.
        """
        write_all(self.stream, [line for each in messages for line in text_of(each).splitlines()])

    def close(self) -> None:
        """Let the descriptor alone: it is the collector's."""
