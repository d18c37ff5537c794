"""Settings to running parts, on one page: the only place that knows which class does what.

Every engine is imported inside the function that needs it, so the collector's process never loads
the store's and nobody pays for what is not used.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.config import Settings


def check_store(url: str) -> None:
    """Refuse a store URL whose scheme nobody knows, without loading any engine.

    Raises:
        ConfigError: lists the known schemes, the nearest first.
    """
    from importlib.metadata import entry_points

    from fanlight.registry import known_or_error
    from fanlight.stores import BUILT_IN

    scheme = url.partition(":")[0] if ":" in url else url
    if not entry_points(group="fanlight.stores", name=scheme):
        known_or_error(scheme, list(BUILT_IN), "store scheme")


def spool_directory(settings: Settings) -> str:
    """Answer where acknowledged commits wait for the store."""
    return os.path.join(settings["data"], "spool")
