"""Leaving out of a day's part what a service has no room for, and measuring what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fanlight.stores.quota import COUNTS, NOTE_BYTES, ROW_BYTES, SPAN_BYTES, WHOLE
from fanlight.wire import messages
from fanlight.wire.messages import NOTE_TEXT

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from fanlight.stores.duckdb.columns import Columns
    from fanlight.stores.quota import Quota

TEXTS = (
    *("kind_category", "kind_title", "kind_description", "trace_host", "note_key", "node_location"),
    *("release_service", "release_text", "release_environment", "event_service", "event_shape"),
    *("group_service", "group_endpoint", "group_segment", "environment_text"),
)
"""Columns that hold indices of texts."""


def trim(strings: list[str], c: Columns, quota: Quota) -> tuple[list[str], Columns]:
    """Answer the texts and columns of a part that are kept, and enter them into the quota."""
    names = [strings[text] for text in c["group_service"].tolist()]
    services = list(dict.fromkeys(names))
    quota.meet(services)
    keeps = [quota.keeps(service) for service in services]
    place = {service: number for number, service in enumerate(services)}
    of_group = np.array([place[name] for name in names], dtype=np.intp)
    was = measure(c, of_group, len(services))
    left = [0] * len(services)
    if any(kept != WHOLE for kept in keeps):
        # Slow path: somebody floods.
        owner = of_group[c["trace_group"]]
        whole = np.array([kept == WHOLE for kept in keeps])[owner]
        rows = np.array([kept != COUNTS for kept in keeps])[owner]
        lost = ~rows | (~whole & (c["trace_flags"] & messages.WHOLE != 0))
        left = np.bincount(owner[lost], minlength=len(services)).tolist()
        c = without(c, whole, rows)
        strings = blanked(strings, c)
        was = measure(c, of_group, len(services))
    for service, size, lost_traces in zip(services, was, left, strict=True):
        quota.add(service, size, lost_traces)
    return strings, c


def measure(c: Columns, of_group: NDArray[Any], services: int) -> list[int]:
    """Answer the bytes of each service's traces, their texts apart."""
    if not len(c["trace_group"]):
        return [0] * services
    owner = of_group[c["trace_group"]]
    sizes = ROW_BYTES + SPAN_BYTES * c["span_owned"].astype(np.int64)
    if len(c["note_span"]):
        ends = np.cumsum(c["span_owned"])
        noted = np.searchsorted(ends, c["note_span"], side="right")
        sizes += NOTE_BYTES * np.bincount(noted, minlength=len(sizes))
    if services == 1:
        return [int(sizes.sum())]
    return [int(sizes[owner == number].sum()) for number in range(services)]


def without(c: Columns, whole: NDArray[Any], rows: NDArray[Any]) -> Columns:
    """Answer the columns with the spans of `whole` traces alone, and the rows of `rows` alone."""
    chosen = dict(c)
    spans = np.repeat(whole, c["span_owned"])
    notes = spans[c["note_span"]]
    cut = ~whole & (c["trace_flags"] & messages.WHOLE != 0)
    chosen["trace_spans"] = np.where(cut, 0, c["trace_spans"]).astype(c["trace_spans"].dtype)
    flags = np.where(cut, c["trace_flags"] & ~np.uint32(messages.WHOLE), c["trace_flags"])
    chosen["trace_flags"] = flags.astype(c["trace_flags"].dtype)
    chosen["span_owned"] = np.where(whole, c["span_owned"], 0)
    for name in c:
        table = name.partition("_")[0]
        if name == "span_owned" or table == "trace":
            chosen[name] = chosen[name][rows]
        elif table in ("span", "note"):
            chosen[name] = c[name][spans if table == "span" else notes]
    # Where spans went, the indices of those that stayed move up.
    chosen["note_span"] = (np.cumsum(spans) - 1)[chosen["note_span"]]
    return chosen


def blanked(strings: list[str], c: Columns) -> list[str]:
    """Answer the texts with empty ones in the place of those that nothing refers to any more."""
    kinds = np.zeros(len(c["kind_category"]), dtype=bool)
    kinds[c["span_kind"]] = kinds[c["node_kind"]] = True
    used = np.zeros(max(len(strings), 1), dtype=bool)
    for name in TEXTS:
        used[c[name][kinds] if name.startswith("kind_") else c[name]] = True
    used[c["note_value"][c["note_type"] == NOTE_TEXT]] = True
    return [text if kept else "" for text, kept in zip(strings, used.tolist(), strict=False)]
