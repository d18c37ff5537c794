"""Times as the formats of a file have them: which shape, and on whose clock where none is told."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from fanlight.event import stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.event.stamps import Moment

HTTPD = rb"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [-+]\d{4}"
ISO = rb"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?Z| ?[-+]\d\d:?\d\d| UTC| GMT)?"
EPOCHS = rb"\d{9,19}(?:\.\d{1,9})?"


class Machine(tzinfo):
    """The clock on this machine's wall, summer and winter."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Answer how far east of UTC it is; of an hour that comes twice, the first."""
        parts = (1970, 1, 1, 0, 0, 0) if when is None else when.timetuple()[:6]
        return timedelta(seconds=time.localtime(time.mktime((*parts, 0, 0, -1))).tm_gmtoff)

    def dst(self, when: datetime | None) -> timedelta | None:  # noqa: ARG002 the class asks so
        """Answer None: it is in the offset."""
        return None

    def tzname(self, when: datetime | None) -> str:  # noqa: ARG002 the class asks so
        """Answer what it is called."""
        return "local"


MACHINE = Machine()


class Stamps:
    """Reads the times of one format.

    Args:
        zone: name of the zone that is meant where no offset is written; None is this machine's.

    Raises:
        ConfigError: there is no such zone.
    """

    def __init__(self, zone: str | None = None) -> None:
        self.zone: tzinfo = MACHINE
        if zone is not None:
            from zoneinfo import ZoneInfo

            from fanlight.errors import ConfigError

            try:
                self.zone = ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise ConfigError(
                    f"unknown time zone {zone!r}; a name such as Europe/Berlin or UTC is expected"
                ) from None

    def iso(self, text: bytes) -> Moment:
        """Read ISO 8601, also with slashes, and with UTC or GMT behind it."""
        if text[4:5] == b"/":
            text = text[:10].replace(b"/", b"-") + text[10:]
        if text.endswith((b"UTC", b"GMT")):
            text = text[:-4] + b"Z"
        return stamps.iso(text, self.zone)

    def original(self, text: bytes) -> Moment:
        """Read `MM/dd/yy HH:mm:ss[,SSS]`."""
        return stamps.original(text, self.zone)

    def any(self, text: bytes) -> Moment:
        """Read ISO 8601, an access log's time, `MM/dd/yy HH:mm:ss` or a number since 1970.

        Raises:
            ValueError: none of them.
        """
        if text[4:5] in (b"-", b"/"):
            return self.iso(text)
        if text[2:3] == b"/":
            return stamps.access(text) if text[6:7] == b"/" else self.original(text)
        return stamps.epoch(text)


def reading(found: Stamps, kind: str) -> Callable[[bytes], Moment]:
    """Answer the reader of a kind of time: access, iso, original, epoch or any.

    Raises:
        ConfigError: there is no such kind.
    """
    from fanlight.registry import known_or_error

    readers: dict[str, Callable[[bytes], Moment]] = {
        "access": stamps.access,
        "iso": found.iso,
        "original": found.original,
        "epoch": stamps.epoch,
        "any": found.any,
    }
    return readers[known_or_error(kind, list(readers), "kind of time")]
