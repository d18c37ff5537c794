"""What `start()` or the environment gives: where traces go, and the share of requests to record."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from fanlight.agent.destination import Destination

SCHEME = "unix://"


def receiver(dsn: str | None, environ: Mapping[str, str]) -> tuple[str, Destination | None]:
    """Answer the address that traces go to, without any token, and the server where it is one.

    Raises:
        ConfigError: the address is none, or does not go with the strategy.
    """
    given = dsn or environ.get("FANLIGHT_DSN", "")
    # Nothing else of the embedded strategy is imported unless it is chosen, rightly or not.
    if given.lower().startswith("http") or environ.get("FANLIGHT_STRATEGY", "standalone") != "standalone":
        from fanlight.agent.destination import destination

        server = destination(dsn, environ)
        if server is not None:
            return server.shown, server
    return address(dsn, environ), None


def address(dsn: str | None, environ: Mapping[str, str]) -> str:
    """Answer the path of the collector's socket.

    Raises:
        ConfigError: the address is of a kind that there is none of, or cannot be a socket's path.
    """
    from fanlight import config

    given = dsn or environ.get("FANLIGHT_DSN", "")
    path = given.removeprefix(SCHEME) or environ.get("FANLIGHT_SOCKET", "")
    if given and not given.startswith(SCHEME + "/"):
        from fanlight.errors import ConfigError

        # What stands before an @ is a token, which is no log's business.
        shown = given if "@" not in given else "…@" + given.rpartition("@")[2]
        raise ConfigError(
            f"{shown!r} is no address of a collector; one looks like unix:///path/collector.sock"
        )
    path = path or config.collector_socket(config.data_directory(environ))
    if len(os.fsencode(path)) > config.SOCKET_LIMIT:
        from fanlight.errors import ConfigError

        size = len(os.fsencode(path))
        raise ConfigError(f"{path!r} has {size} bytes; a socket's path may have {config.SOCKET_LIMIT}")
    return path


def read_share(sample: float, environ: Mapping[str, str]) -> float:
    """Answer the share of requests to record.

    Raises:
        ConfigError: it is no number from 0 to 1.
    """
    given: Any = environ.get("FANLIGHT_SAMPLE") or sample if sample == 1.0 else sample
    try:
        share = float(given)
    except (TypeError, ValueError):
        share = -1.0
    if not 0.0 <= share <= 1.0:
        from fanlight.errors import ConfigError

        raise ConfigError(f"sample is {given!r}; expected a number from 0 to 1")
    return share
