"""Posted reports: from bytes that anybody with the token may have made to a COMMIT that may be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.errors import WireError
from fanlight.stores.readings import told
from fanlight.wire.codec import F64, U32, U64, decode
from fanlight.wire.messages import COMMIT, HELLO, NOTE_TEXT, WHOLE
from fanlight.wire.report import REPORT, split

if TYPE_CHECKING:
    from array import array

    from fanlight.wire.codec import Message

HEX = frozenset("0123456789abcdef")
MAX_NAME = 255
MAX_SEQUENCE = 1 << 53
MAX_REASONS = 64
MAX_INSTRUMENTS = 100
TOP = 1 << 63
"""No sum of ns or counts is larger; the store adds such up."""

TABLES = (
    *("kind", "group", "environment", "trace", "span", "note", "count", "latency", "node", "release"),
    "event",
)
COLUMNS = {
    table: [
        name for name, (_, kind) in COMMIT.items() if kind in (U32, U64, F64) and name.startswith(f"{table}_")
    ]
    for table in TABLES
}
"""Those of each table; all are of one length."""
POINTERS = (
    ("kind_category kind_title kind_description group_service group_endpoint group_segment", "strings"),
    ("trace_host note_key node_location release_service release_text", "strings"),
    ("event_service event_shape environment_text", "strings"),
    ("span_kind node_kind", "kind_category"),
    ("trace_group count_group node_group environment_group", "group_service"),
    ("note_span", "span_kind"),
    ("latency_count", "count_group"),
)
"""Columns that hold places in another one."""


class Posted(NamedTuple):
    """A report that may be kept: who sent it, and its records, each with itself as bytes."""

    hello: Message
    sequence: int
    dropped_reason: list[str]
    dropped_count: array[Any]
    commits: list[tuple[Message, bytes]]


def parse(data: bytes) -> Posted:
    """Answer a REPORT whose every part agrees with itself.

    Raises:
        WireError: it is none, or it contradicts itself; nothing of it may be kept.
    """
    report = decode(REPORT, data)
    hello = decode(HELLO, report["hello"])
    client, service = hello["client"], hello["service"]
    if len(client) != 32 or not HEX.issuperset(client):
        raise WireError("the client of a report's HELLO is 32 hex digits")
    if not 0 < len(service) <= MAX_NAME or len(hello["host"]) > MAX_NAME:
        raise WireError(f"service and host of a report's HELLO have 1 to {MAX_NAME} characters")
    hello["instruments"] = [name[:MAX_NAME] for name in hello["instruments"][:MAX_INSTRUMENTS]]
    for name in ("environment", "python", "program", "release", "version"):
        hello[name] = hello[name][:MAX_NAME]
    if not 0 < report["sequence"] < MAX_SEQUENCE:
        raise WireError(f"a report has the sequence {report['sequence']}; they count from 1")
    reasons, counts = report["dropped_reason"], report["dropped_count"]
    if len(reasons) != len(counts) or len(reasons) > MAX_REASONS:
        raise WireError("the drop counters and their reasons differ in number, or are too many")
    commits = []
    for body in split(report["records"]):
        commit = decode(COMMIT, body)
        check(commit)
        if set(commit["client"]) != {client} or max(commit["client_sequence"]) != report["sequence"]:
            raise WireError("a report's record is of another client or sequence than the report")
        commits.append((commit, body))
    if len(commits) != 1:
        raise WireError(f"a report holds one record, this one {len(commits)}")
    return Posted(hello, report["sequence"], reasons, counts, commits)


def check(commit: Message) -> None:
    """Refuse a COMMIT whose columns do not agree with one another.

    Raises:
        WireError: says which do not.
    """
    if len(commit["client"]) != len(commit["client_sequence"]) or not commit["client"]:
        raise WireError("the record's clients and sequences differ in number, or there are none")
    if len(commit["ledger_service"]) != len(commit["ledger_accepted"]):
        raise WireError("the record's ledger columns differ in length")
    for table, names in COLUMNS.items():
        sizes = {name: len(commit[name]) for name in names}
        if len(set(sizes.values())) > 1:
            raise WireError(f"the record's {table} columns differ in length: {sizes}")
    owned = sum(
        n for n, flags in zip(commit["trace_spans"], commit["trace_flags"], strict=True) if flags & WHOLE
    )
    if owned != len(commit["span_kind"]):
        raise WireError(f"the record has {len(commit['span_kind'])} spans, its whole traces own {owned}")
    for pointers, target in POINTERS:
        for name in pointers.split():
            # Where there are no strings, entry 0 is the empty one all the same.
            below(name, commit[name], max(len(commit[target]), target == "strings"))
    check_events(commit)
    texts = [
        value
        for kind, value in zip(commit["note_type"], commit["note_value"], strict=True)
        if kind == NOTE_TEXT
    ]
    below("note_value", texts, max(len(commit["strings"]), 1))
    below("latency_bucket", commit["latency_bucket"], 1 << 16)
    below("node_octave", commit["node_octave"], 64)
    below("note_type", commit["note_type"], 1 << 8)
    for name in (
        "count_n",
        "count_errors",
        "count_sum",
        "latency_n",
        "ledger_accepted",
        "node_n",
        "release_n",
    ):
        below(name, commit[name], TOP)
    counted = sum(commit["count_n"])
    if sum(commit["ledger_accepted"]) > counted:
        raise WireError(f"the record's ledger tells of more traces than its counts, {counted}")


def check_events(commit: Message) -> None:
    """Refuse events that nobody could read again."""
    below("event_time", commit["event_time"], TOP)
    try:
        for event in told(commit):
            event.event()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise WireError(f"an event of the record cannot be read: {error}") from error


def below(name: str, column: array[Any] | list[int], limit: int) -> None:
    """Refuse a column that reaches `limit`."""
    if len(column) and max(column) >= limit:
        raise WireError(f"the record's {name} holds {max(column)}, which must be below {limit}")
