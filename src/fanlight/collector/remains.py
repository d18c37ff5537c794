"""The traces of which a trail tells, as the batch that their process would have sent next: roots alone."""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING

from fanlight.aggregate.batches import MAX_NS
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table, cut
from fanlight.wire.account import CLIENT, DIGITS
from fanlight.wire.codec import decode
from fanlight.wire.messages import BATCH, ERROR, NO_PARENT, UNSAMPLED
from fanlight.wire.slots import ACCOUNT, PID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.collector.ledger import Client
    from fanlight.wire.codec import Message
    from fanlight.wire.slots import Read
    from fanlight.wire.trail import Name

    Row = tuple[Name, int, int]

TEXTS = 4
"""Strings of a name: endpoint, segment, category and title, in the order in which the table has them."""
CLIENT_DIGITS = 32


def table(rows: Sequence[Row]) -> Table:
    """Answer the strings and kinds of a batch of these traces: a row's texts stand together."""
    made = Table()
    for number, name in enumerate(dict.fromkeys(name for name, _, _ in rows)):
        made.strings += map(cut, (name.endpoint, name.segment, name.category, name.title))
        first = 1 + TEXTS * number
        made.kinds.append((first + 2, first + 3, 0))
    return made


def batch(rows: Sequence[Row], sequence: int) -> Message:
    """Answer the traces as `batches.parse` answers others."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _, _ in rows))}
    kinds = [numbers[name] for name, _, _ in rows]
    durations = array("Q", [min(duration_ns, MAX_NS - 1) for _, _, duration_ns in rows])
    failed = [ERROR if name.segment == "error" else 0 for name, _, _ in rows]
    return {
        **decode(BATCH, b""),
        "sequence": sequence,
        "trace_high": array("Q", os.urandom(8 * len(rows))),
        "trace_low": array("Q", os.urandom(8 * len(rows))),
        "trace_endpoint": array("I", [1 + TEXTS * number for number in kinds]),
        "trace_segment": array("I", [2 + TEXTS * number for number in kinds]),
        "trace_start": array("Q", [start_ns for _, start_ns, _ in rows]),
        "trace_duration": durations,
        "trace_spans": array("I", [1] * len(rows)),
        # Their parts are not known, so nothing is said about those.
        "trace_flags": array("I", [UNSAMPLED | flag for flag in failed]),
        "trace_lost": array("I", [0] * len(rows)),
        "span_kind": array("I", kinds),
        "span_parent": array("I", [NO_PARENT] * len(rows)),
        "span_start": array("Q", [0] * len(rows)),
        "span_duration": durations[:],
    }


def origin(read: Read, client: tuple[str, Client] | None) -> Origin:
    """Answer whose the traces are.

    Args:
        read: what the process told last.
        client: its id and what it said of itself; None where it never came.
    """
    service, pid = read.texts[0], read.head[PID]
    if client is not None and (hello := client[1].hello):
        return Origin(client[0], service, hello["host"], pid, hello["release"], hello["environment"])
    word = read.head[ACCOUNT][CLIENT]
    # One that ended before it had a name gets one of its own.
    name = f"{word:0{DIGITS}x}".ljust(CLIENT_DIGITS, "0") if word > 0 else os.urandom(16).hex()
    return Origin(client[0] if client is not None else name, service, os.uname().nodename, pid)
