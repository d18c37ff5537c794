"""Kept traces, releases and moments as JSON tells them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fanlight.server import split
from fanlight.server.shape import spans
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from fanlight.event.trace import TraceRow
    from fanlight.stores.answers import Release, Trace

    Json = dict[str, Any]


def document(found: Trace) -> Json:
    """Answer one kept trace with its spans."""
    row, told = found.row, spans(found.spans)
    return {
        **sample(row),
        "service": row.service,
        "endpoint": row.endpoint,
        "segment": row.segment,
        "environment": row.environment,
        "host": row.host,
        "pid": row.pid,
        "lost": row.lost,
        **split.of_trace(told, row.duration_ns),
        "spans": told,
    }


def release(row: Release) -> Json:
    """Answer a release that the whole service ran in the range; its minutes are told by their begin."""
    return {
        "release": row.release,
        "first": rfc3339(row.first_ns),
        "last": rfc3339(row.last_ns),
        "count": row.n,
    }


def sample(row: TraceRow) -> Json:
    """Answer one kept trace as a line of a list."""
    return {
        "id": row.id,
        "time": rfc3339(row.start_ns),
        "duration": row.duration_ns,
        "error": bool(row.flags & ERROR),
        "spans": row.spans,
        "whole": bool(row.flags & WHOLE),
        "weight": row.weight,
    }


def rfc3339(time_ns: int) -> str:
    """Answer a time in UTC with milliseconds."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"
