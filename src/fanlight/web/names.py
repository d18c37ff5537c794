"""The names that a server answers to, and the origin that a page under each of them has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fanlight.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?"
)
PORTS = {"http": "80", "https": "443"}
"""The ports that browsers leave out."""


def origins(names: Iterable[str], port: str) -> dict[str, str]:
    """Answer each value of a Host header that is ours with the origin that goes with it.

    Args:
        names: `NAME`, `NAME:PORT`, or with a scheme as a browser shows it behind a proxy,
            `https://NAME`.
        port: where the server listens; a name without port and scheme has it.

    Raises:
        ConfigError: one that is no exact name.
    """
    found: dict[str, str] = {}
    for name in names:
        match = NAME.fullmatch(name.lower())
        if match is None:
            raise ConfigError(
                f"{name!r} is no name that a server can answer to\n"
                "  expected NAME, NAME:PORT or https://NAME, exactly as a browser's address has it"
            )
        host = match["host"]
        scheme = match["scheme"] or "http"
        number = match["port"] or (PORTS[scheme] if match["scheme"] else port)
        whole = f"{host}:{number}"
        usual = number == PORTS[scheme]
        origin = f"{scheme}://{host if usual else whole}"
        found.update({host: origin, whole: origin} if usual else {whole: origin})
    return found


def literal(server: tuple[str, int | None] | None) -> str:
    """Answer the Host of whoever typed the address that a connection came in at; "" for none.

    A page that was fetched under a name rebound to us has that name as Host, never a number.
    """
    if server is None or server[1] is None:
        return ""
    # A socket for both families shows addresses of the older one in the newer one's clothes.
    host = server[0].removeprefix("::ffff:")
    return f"[{host}]:{server[1]}" if ":" in host else f"{host}:{server[1]}"
