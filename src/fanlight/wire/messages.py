"""What travels and what is kept: every message's fields, as `fanlight.proto` numbers them.

A string is an index into a string table whose entry 0 is the empty string (absent); a kind is an
index into a table of (category, title, description) string triples. On a connection both tables
grow with `TABLE` messages; inside a `COMMIT` record they are the record's own.
"""

from __future__ import annotations

from fanlight.wire.codec import BLOB, F64, TEXT, TEXTS, U32, U64, UINT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.wire.codec import Schema

PROTOCOL = 1
"""Protocol version: goes up when an older reader could misread a newer writer."""

NO_PARENT = 0xFFFFFFFF
"""`span_parent` of a root span."""

# Bits of `trace_flags`.
ERROR = 1
UNSAMPLED = 2
PRUNED = 4
WHOLE = 8

# Values of `note_type`: how the 64 bits of `note_value` read.
NOTE_INT = 0
NOTE_FLOAT = 1
NOTE_TEXT = 2
NOTE_BOOL = 3

QUEUE = "queue"
"""Category of the node of a merged tree that is no span: how long requests waited before they began.

It stands below the root; `n` and `traces` count the requests of which that is known. `repeated` are
those that waiting made longer than a tenth of a second, `repeat_total` by how many ns it did.
"""

HELLO: Schema = {
    "protocol": (1, UINT),
    "version": (2, TEXT),
    "client": (3, TEXT),
    "service": (4, TEXT),
    "environment": (5, TEXT),
    "host": (6, TEXT),
    "pid": (7, UINT),
    "python": (8, TEXT),
    "program": (9, TEXT),
    "release": (10, TEXT),
    "generation": (11, UINT),
    "instruments": (12, TEXTS),
}
"""Agent to collector, first on every connection. `client` is 32 hex digits, new per process."""

WELCOME: Schema = {"protocol": (1, UINT), "version": (2, TEXT), "sequence": (3, UINT)}
"""Collector's answer to HELLO; `sequence` is the last batch of this client that is on disk."""

TABLE: Schema = {
    "generation": (1, UINT),
    "first_string": (2, UINT),
    "strings": (3, TEXTS),
    "first_kind": (4, UINT),
    "kind_category": (5, U32),
    "kind_title": (6, U32),
    "kind_description": (7, U32),
}
"""Agent to collector: entries `first_…` onward of the connection's string and kind tables.

Entry 0 of the strings is always the empty string and is never sent: `first_string` starts at 1.
A new generation starts both tables anew.
"""

TRACE_COLUMNS: Schema = {
    "trace_high": (16, U64),
    "trace_low": (17, U64),
    "trace_endpoint": (18, U32),
    "trace_segment": (19, U32),
    "trace_start": (20, U64),
    "trace_duration": (21, U64),
    "trace_spans": (22, U32),
    "trace_flags": (23, U32),
    "trace_lost": (24, U32),
    "span_kind": (32, U32),
    "span_parent": (33, U32),
    "span_start": (34, U64),
    "span_duration": (35, U64),
    "note_span": (40, U32),
    "note_key": (41, U32),
    "note_type": (42, U32),
    "note_value": (43, U64),
}
"""Traces as columns. Spans stand in pre-order, root first, the spans of one trace together.

`trace_start` is wall-clock ns since 1970; `span_start` is ns after its trace's start;
`span_parent` counts within the trace; `trace_spans` says how many spans of the span columns are
this trace's; `trace_lost` how many more it had. `note_span` counts over the whole span columns.
`note_value`: two's complement integer, IEEE double bits, string index, or 0/1, by `note_type`.
"""

BATCH: Schema = {
    "generation": (1, UINT),
    "sequence": (2, UINT),
    "dropped_reason": (3, TEXTS),
    "dropped_count": (4, U64),
    "spent": (5, UINT),
    "taken": (6, UINT),
    **TRACE_COLUMNS,
}
"""Agent to collector: finished traces. `dropped_…` are totals since this client began.

So are `spent`, CPU time in ns of the thread that packs and sends, and `taken`, the traces it did so with.

One batch is outstanding; it is resent unchanged, with its table before it, until acknowledged.
"""

ACK: Schema = {"sequence": (1, UINT)}
"""Collector to agent: batches up to `sequence` are on disk."""

REFUSAL: Schema = {"code": (1, TEXT), "text": (2, TEXT)}
"""Collector to agent, before it closes: why. Codes: version, uid, frame, order, full."""

STATUS_REQUEST: Schema = {}
STATUS: Schema = {"json": (1, BLOB)}
"""Collector's own state as one JSON object, for `fanlight status`."""

WATCH: Schema = {"period_ms": (1, UINT)}
"""Asks the collector for the snapshots of saturation from now on, one message each period."""

SNAPSHOTS: Schema = {"json": (1, BLOB)}
"""Those of one instant, as a JSON array of `{"time_ns", "labels", "values"}`; maxima are of this
period and of nobody else's. Comes until the connection is closed."""

COMMIT: Schema = {
    "client": (1, TEXTS),
    "client_sequence": (2, U64),
    "ledger_service": (3, TEXTS),
    "ledger_accepted": (4, U64),
    "strings": (5, TEXTS),
    "kind_category": (6, U32),
    "kind_title": (7, U32),
    "kind_description": (8, U32),
    "group_service": (9, U32),
    "group_endpoint": (10, U32),
    "group_segment": (11, U32),
    "environment_group": (12, U32),
    "environment_text": (13, U32),
    **{
        name: entry
        for name, entry in TRACE_COLUMNS.items()
        if name not in ("trace_endpoint", "trace_segment")
    },
    "trace_group": (25, U32),
    "trace_weight": (26, F64),
    "trace_host": (27, U32),
    "trace_pid": (28, U32),
    "count_group": (50, U32),
    "count_minute": (51, U32),
    "count_n": (52, U64),
    "count_errors": (53, U64),
    "count_sum": (54, U64),
    "count_min": (55, U64),
    "count_max": (56, U64),
    "latency_count": (60, U32),
    "latency_bucket": (61, U32),
    "latency_n": (62, U64),
    "node_group": (70, U32),
    "node_hour": (71, U32),
    "node_octave": (72, U32),
    "node_path": (73, U64),
    "node_parent": (74, U64),
    "node_kind": (75, U32),
    "node_n": (76, U64),
    "node_traces": (77, U64),
    "node_total": (78, U64),
    "node_self": (79, U64),
    "node_offset": (80, U64),
    "node_repeated": (81, U64),
    "node_repeat_sum": (82, U64),
    "node_repeat_max": (83, U64),
    "node_repeat_total": (84, U64),
    "node_location": (85, U32),
    "release_service": (90, U32),
    "release_text": (91, U32),
    "release_minute": (92, U32),
    "release_n": (93, U64),
    "release_environment": (94, U32),
    "event_service": (100, U32),
    "event_time": (101, U64),
    "event_shape": (102, U32),
    "event_values": (103, TEXTS),
}
"""One spool record: what one fsync made durable. Everything in it adds up with other records.

* `client…`: the batches in it, for de-duplication after a restart.
* `ledger…`: traces accepted, per service: the conservation account.
* `strings` begin with "" at index 0; `group…` name (service, endpoint, segment) by string index.
* `environment…`: of groups whose application told where it runs, such as production, that; the same
  name in two environments is two groups.
* `trace…`: a row per kept trace; WHOLE ones own `trace_spans` spans, the others own none.
  `trace_weight` is the inverse of the share that was kept.
* `count…`: exact counts per (group, minute since 1970); `latency_count` indexes those rows.
* `node…`: merged trees per (group, hour since 1970, octave of the root's duration). `node_path` is
  the stable 64-bit hash of the kinds from the root down, `node_parent` the parent's path (0 for a
  root). `n` spans, `traces` containing it, `total` and `self` ns, `offset` the sum of start offsets
  in ns. `repeated` traces had it 5 times or more under one parent for 50 ms or more in all;
  `repeat_sum`/`repeat_max` its repeats in those, `repeat_total` their ns; `location` its file:line.
* `release…`: traces per (service, release, minute since 1970, environment), of processes that told a
  release; the environment is "" where they told none. Earlier collectors wrote no environments.
* `event…`: events that are no traces, such as readings of servers: whose, wall-clock ns since 1970, and
  two JSON texts: what events of one sort share, [kind, format of the time, true, [[name, type, unit,
  format], …]], by string index; and [null, null, value, …], a value for each of those names.
"""
