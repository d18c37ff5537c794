"""Everything that can be set about a collector."""

from __future__ import annotations

from typing import NamedTuple

from fanlight.aggregate.aggregator import SPANS_PER_S, TRACES_PER_S


class Options(NamedTuple):
    """Frozen; paths are absolute.

    Attributes:
        socket: path of the unix socket that agents connect to, at most 107 bytes.
        spool: directory of the spool's segments.
        allowed_uids: who may connect besides the collector's own user.
        spool_max_bytes: bound of the spool; from nine tenths on only counts and latency are kept.
        segment_bytes, segment_s: a segment with this much, or this old with content, is followed
            by the next.
        group_bytes, group_s: a group commit closes at this much input, or this old.
        spans_per_s, traces_per_s: per service: spans kept in whole traces; rows kept of all traces.
        connections: how many peers at once.
        memory_bytes: what all connections' incomplete frames and tables may hold together.
        first_frame_s: how long a new peer may say nothing.
        frame_s: how long a frame may take to arrive.
        retry_s: pause before a record that could not be written is tried again.
        lock_wait_s: how long to wait for a predecessor to leave the spool.
        parent_pid: the process without which the collector leaves; 0 for none.
    """

    socket: str
    spool: str
    allowed_uids: tuple[int, ...] = ()
    spool_max_bytes: int = 1 << 30
    segment_bytes: int = 16 << 20
    segment_s: float = 60.0
    group_bytes: int = 4 << 20
    group_s: float = 0.1
    spans_per_s: float = SPANS_PER_S
    traces_per_s: float = TRACES_PER_S
    connections: int = 256
    memory_bytes: int = 64 << 20
    first_frame_s: float = 1.0
    frame_s: float = 30.0
    retry_s: float = 0.5
    lock_wait_s: float = 5.0
    parent_pid: int = 0
