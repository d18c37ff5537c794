"""Log: a line for each snapshot among the program's log, with the head of one."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.targets.habits import Habits
from fanlight.targets.lines import stream_of, text_of, to, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.targets import Place

NS_PER_S = 1_000_000_000


def classic(now_ns: int) -> str:
    """Answer the head that the classic form has, in local time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now_ns // NS_PER_S))
    return f"I, [{stamp}.{now_ns // 1000 % 1_000_000:06} #{os.getpid()}]  INFO -- : "


def python(now_ns: int) -> str:
    """Answer a head as Python's `logging` writes it, in local time."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now_ns // NS_PER_S))
    return f"{stamp},{now_ns // 1_000_000 % 1000:03} INFO fanlight: "


def bare(_now_ns: int) -> str:
    """Answer no head."""
    return ""


HEADS: dict[str, Callable[[int], str]] = {"classic": classic, "none": bare, "python": python}


class Log:
    """Writes to the stream that `fanlight run` handed over."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "to": to("stderr"),
        "head": Option("text", "classic", "what stands before each line", tuple(HEADS)),
    }
    HABITS: ClassVar[Habits] = Habits("logfmt", streams=True)

    def __init__(
        self, options: Mapping[str, Any], place: Place, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.stream = stream_of(options, place.streams)
        self.head = HEADS[options["head"]]
        self.now_ns = now_ns

    def send(self, messages: Sequence[Any]) -> None:
        """Write the lines whole, or drop them.

        Raises:
            OSError: some were dropped.
        """
        head = self.head(self.now_ns())
        write_all(self.stream, [head + line for each in messages for line in text_of(each).splitlines()])

    def close(self) -> None:
        """Let the descriptor alone: it is the collector's."""
