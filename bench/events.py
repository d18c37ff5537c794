"""What an event costs: one of a line that nobody has read, one that is read, and the reading of times."""

from __future__ import annotations

import sys
import time
import timeit
from typing import TYPE_CHECKING, Any

from rows import Row

from fanlight.event import stamps
from fanlight.event.event import Event
from fanlight.event.patterns import pattern
from fanlight.event.property import Property

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBER = 100_000
LINE = b'203.0.113.9 - - [10/Oct/2000:13:55:36 -0700] "GET /orders/7 HTTP/1.1" 200 1234 "-" "curl/8.5"'
BESIDE = 10_000_000
"""A line number that the interpreter does not keep ready."""
READ = Event([Property(name, 5) for name in "abcdefghijk"], time=0)


class Reader:
    """Reads a line as eleven properties, as an access log's line has; the same ones of each."""

    def fill(self, event: Event) -> None:
        event.schema, event.values = READ.read()
        event.instant = READ.instant


READER = Reader()
LOG4J = pattern("yyyy-MM-dd HH:mm:ss,SSS")


def lazy() -> Event:
    return Event.lazy(READER, LINE, BESIDE)


MEASURED: tuple[tuple[str, Callable[[], Any], float | None], ...] = (
    ("event of a line that nobody read", lazy, 0.2),
    ("value of an event that was read", lambda: READ.value("k"), None),
    ("time of an access log", lambda: stamps.access(b"10/Oct/2000:13:55:36 -0700"), None),
    ("time of log4j", lambda: stamps.iso(b"2026-01-31 23:59:59,123"), None),
    ("time of RFC 3339, ms and offset", lambda: stamps.iso(b"2026-01-31T23:59:59.123+01:00"), None),
    ("time of RFC 3339, ns and offset", lambda: stamps.iso(b"2026-01-31T23:59:59.123456789+01:00"), None),
    ("time of a date pattern", lambda: LOG4J.read(b"2026-01-31 23:59:59,123"), None),
)


def run(rounds: int) -> list[Row]:
    """Answer CPU of each, the least of many repetitions, less that of calling a function."""
    repeat = max(5, 3 * rounds)
    call = least(lambda: None, repeat)
    rows = [Row(what, (least(code, repeat) - call) * 1e6, "µs", limit) for what, code, limit in MEASURED]
    return [*rows, Row("memory of such an event beside its line", beside(), "B", 100)]


def least(code: Callable[[], Any], repeat: int) -> float:
    """Answer CPU seconds of one call."""
    return min(timeit.repeat(code, number=NUMBER, repeat=repeat, timer=time.process_time)) / NUMBER


def beside() -> int:
    """Answer bytes: the event with what the garbage collector adds, and the number of its line."""
    event = lazy()
    assert event.schema is None, "it was read"
    return sys.getsizeof(event) + sys.getsizeof(event.number)
