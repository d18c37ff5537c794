"""What the agent says of its own doings, for whoever asked to hear more than faults."""

from __future__ import annotations

import os

from fanlight.log import DEFAULT_LEVEL, LEVELS, LOG, STDERR
from fanlight.wire.codec import decode
from fanlight.wire.messages import BATCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fanlight.agent.batch import Parcel
    from fanlight.agent.table import Table

HEADER_BYTES = 8


def configure(environ: Mapping[str, str]) -> None:
    """Set the log up as the environment says; a level that is none is told, and the usual one holds."""
    level = environ.get("FANLIGHT_LOG_LEVEL", "").lower() or DEFAULT_LEVEL
    path = environ.get("FANLIGHT_LOG", "") or STDERR
    wrong = "" if level in LEVELS else level
    LOG.begin("fanlight", DEFAULT_LEVEL if wrong else level, path if path == STDERR else absolute(path))
    if wrong:
        from fanlight.registry import suggestion

        LOG.warning(f"FANLIGHT_LOG_LEVEL: {wrong!r} is no level{suggestion(wrong, list(LEVELS))}")


def absolute(path: str) -> str:
    """Answer a path that still holds when the application changes its directory."""
    try:
        return os.path.abspath(os.path.expanduser(path))
    except OSError:  # the current directory is gone
        return path


def begun(service: str, path: str) -> None:
    """Say as what and where to the process reports, and what is hooked in it."""
    LOG.info(f"recording as {service!r} for the collector at {path}")
    if LOG.wants("debug"):
        from fanlight import instruments

        for line in instruments.report():
            LOG.debug(f"instrument {line}")


def chatter() -> Callable[[Parcel, Table], object] | None:
    """Answer what is to be told of each parcel, None when nobody wants to hear of them."""
    if not LOG.wants("debug"):
        return None
    return every_trace if LOG.wants("trace") else totals


def totals(parcel: Parcel, table: Table) -> None:
    """Say that a parcel is packed, and how large it is."""
    LOG.debug(
        f"batch {parcel.sequence}: {parcel.traces} traces in {len(parcel.data)} bytes, "
        f"{len(table.strings)} strings known"
    )


def every_trace(parcel: Parcel, table: Table) -> None:
    """Say each trace of a parcel: what leaves the process, read back from the bytes that do."""
    totals(parcel, table)
    columns = decode(BATCH, parcel.data[HEADER_BYTES:])
    rows = zip(
        *(columns[f"trace_{name}"] for name in ("endpoint", "segment", "duration", "spans")), strict=True
    )
    for endpoint, segment, duration_ns, spans in rows:
        names = f"{table.string_list[endpoint]} [{table.string_list[segment]}]"
        LOG.trace(f"  {names} {duration_ns / 1e6:.3f} ms, {spans} spans")
