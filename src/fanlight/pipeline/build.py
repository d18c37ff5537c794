"""Settings to running parts, on one page: the only place that knows which class does what.

Every engine is imported inside the function that needs it, so the collector's process never loads
the store's and nobody pays for what is not used.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.collector.collector import Collector
    from fanlight.config import Settings
    from fanlight.server.server import Server


def check_store(url: str) -> None:
    """Refuse a store URL that has no scheme or one nobody knows, without loading any engine.

    Raises:
        ConfigError: lists the known schemes, the nearest first.
    """
    from fanlight.stores import BUILT_IN, parts

    scheme, _ = parts(url)
    if scheme in BUILT_IN:
        # Looking through all that is installed would be half of a supervisor's start.
        return
    from importlib.metadata import entry_points

    from fanlight.registry import known_or_error

    if not entry_points(group="fanlight.stores", name=scheme):
        known_or_error(scheme, list(BUILT_IN), "store scheme")


def spool_directory(settings: Settings) -> str:
    """Answer where acknowledged commits wait for the store."""
    return os.path.join(settings["data"], "spool")


def collector(settings: Settings, parent_pid: int, streams: Mapping[str, int] | None = None) -> Collector:
    """Answer the collector that the settings describe, not running yet.

    Args:
        settings: where it listens and spools, its budgets, and where it publishes.
        parent_pid: the supervisor, without which it leaves.
        streams: descriptors of a program's `stdout` and `stderr`, as far as they were handed over.

    Raises:
        ConfigError: a target cannot be used.
    """
    from fanlight.collector.collector import Collector
    from fanlight.collector.options import Options
    from fanlight.pipeline.saturation import schedule
    from fanlight.pipeline.seen import Seen

    built = Collector(
        Options(
            socket=settings["socket"],
            spool=spool_directory(settings),
            spool_max_bytes=settings["spool.max_bytes"],
            spans_per_s=settings["store.spans_per_s"],
            traces_per_s=settings["store.traces_per_s"],
            parent_pid=parent_pid,
        )
    )
    if settings["telemetry.targets"]:
        from fanlight.pipeline.outlets import outlets

        built.outlets = outlets(settings, streams or {})
    built.schedule = schedule(settings, built)
    built.reception.told = Seen(built.committer.keep).take
    return built


def server(settings: Settings) -> Server:
    """Answer the server that the settings describe, with its store open, not applying yet.

    Raises:
        ConfigError: no such store.
        StoreError: the store is in use or cannot be read.
    """
    from fanlight.pipeline.asking import collector_status
    from fanlight.server.server import Server
    from fanlight.server.upkeep import Retention
    from fanlight.stores import open_store

    built = Server(
        open_store(settings["store"]),
        spool_directory(settings),
        lambda: collector_status(settings["socket"]),
        store_url=settings["store"],
        retention=Retention(
            settings["store.retention_days"], settings["store.max_bytes"], settings["store.import_days"]
        ),
    )
    built.inbox.max_bytes = settings["spool.max_bytes"]
    return built
