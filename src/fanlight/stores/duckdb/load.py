"""Commits into a day's tables: local indices to the day's ids, then columns into the engine."""

# ruff: noqa: S608 - statements hold the schema's own names and integers, never a text from outside

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fanlight.stores.duckdb import columns
from fanlight.stores.duckdb.engine import insert
from fanlight.stores.duckdb.trim import trim
from fanlight.wire.messages import NOTE_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fanlight.stores.duckdb.columns import Columns
    from fanlight.stores.duckdb.engine import Connection
    from fanlight.stores.quota import Quota
    from fanlight.wire.codec import Message

NAMES_KEPT = 100_000
TEXT_KEPT = 16_000_000
"""Names, and characters of them, that a day's writer remembers; past that it forgets them all, and
gives what comes again a second id. Readers merge by text, so that costs room, never an answer."""


class Part(NamedTuple):
    """What one commit brings to one day."""

    strings: list[str]
    columns: Columns
    ledger: list[tuple[str, int]]


Portions = dict[int, list[tuple[int, Part]]]
"""Day to what it is given: (position, part) in order."""


def divided(records: Iterable[tuple[int, Message]], floor: int, home: int) -> Portions:
    """Answer what each day is given of some records, oldest day first.

    Args:
        records: (position behind the record, COMMIT message).
        floor: rows of this day and older ones are left out, being expired.
        home: the day that accounts for a commit none of whose days is kept.

    Raises:
        WireError: a message contradicts itself.
    """
    found: Portions = {}
    for position, commit in records:
        rows = columns.read(commit)
        ledger = list(zip(commit["ledger_service"], commit["ledger_accepted"], strict=True))
        told = columns.days(rows)
        if not told and not ledger:
            continue
        # A commit is accounted for once, in its first day's file.
        for day in [day for day in told if day > floor] or [home]:
            # Fast path: all rows are one day's.
            mine = rows if told == [day] else columns.of_day(rows, day)
            found.setdefault(day, []).append((position, Part(commit["strings"], mine, ledger)))
            ledger = []
    return dict(sorted(found.items()))


class Interned:
    """Values to ids that count up; those added since the last `keep` are new to the file."""

    def __init__(self, known: Iterable[tuple[Any, int]], next_id: int) -> None:
        self.ids: dict[Any, int] = dict(known)
        self.next_id = next_id
        self.kept_id = next_id
        self.fresh: list[Any] = []

    def lookup(self, values: Iterable[Any]) -> list[int]:
        """Answer each value's id; a value not seen yet gets the next one."""
        ids, found = self.ids, []
        for value in values:
            number = ids.get(value)
            if number is None:
                ids[value] = number = self.next_id
                self.next_id += 1
                self.fresh.append(value)
            found.append(number)
        return found

    def keep(self) -> None:
        """The new values are in the file."""
        self.fresh = []
        self.kept_id = self.next_id

    def forget(self) -> None:
        """The new values did not get into the file."""
        for value in self.fresh:
            self.ids.pop(value, None)
        self.fresh = []
        self.next_id = self.kept_id


class Names:
    """A day's string, kind and group tables as its writer knows them."""

    def __init__(self, cursor: Connection, alias: str) -> None:
        texts = cursor.execute(f"SELECT text, id FROM {alias}.strings").fetchall()
        self.strings = Interned(texts, len(texts))
        kinds = cursor.execute(f"FROM {alias}.kinds").fetchall()
        self.kinds = Interned(((row[1:], row[0]) for row in kinds), len(kinds))
        groups = cursor.execute(
            f"SELECT g.*, coalesce(environment, {self.strings.ids.get('', 0)})::UINTEGER "
            f"FROM {alias}.groups g LEFT JOIN {alias}.environments ON grp = id"
        ).fetchall()
        self.groups = Interned(((row[1:], row[0]) for row in groups), len(groups))
        self.characters = sum(map(len, self.strings.ids))
        self.keep()
        self.strings.lookup([""])

    def write(self, cursor: Connection, alias: str) -> None:
        """Append the new values to the file's tables."""
        texts = self.strings.fresh
        if texts:
            ids = np.arange(self.strings.kept_id, self.strings.next_id, dtype=np.uint32)
            insert(cursor, f"{alias}.strings", {"id": ids, "text": np.array(texts, dtype=object)})
        for table, interned in (("kinds", self.kinds), ("groups", self.groups)):
            if interned.fresh:
                ids = np.arange(interned.kept_id, interned.next_id, dtype=np.uint32)
                rows = np.array(interned.fresh, dtype=np.uint32)
                parts = {f"c{place}": rows[:, place].copy() for place in range(3)}
                insert(cursor, f"{alias}.{table}", {"id": ids} | parts)
                if interned is self.groups:
                    told = rows[:, 3] != self.strings.ids[""]
                    environments = {"grp": ids[told], "environment": rows[told, 3]}
                    insert(cursor, f"{alias}.environments", environments)

    def keep(self) -> None:
        """What was written is committed."""
        interned = (self.strings, self.kinds, self.groups)
        self.characters += sum(map(len, self.strings.fresh))
        for one in interned:
            one.keep()
        if self.characters > TEXT_KEPT or max(len(one.ids) for one in interned) > NAMES_KEPT:
            # Kinds and groups are triples of string ids: all three go together.
            self.characters = 0
            for one in interned:
                one.ids.clear()

    def forget(self) -> None:
        """What was written is rolled back."""
        for interned in (self.strings, self.kinds, self.groups):
            interned.forget()


def rows(part: Part, names: Names, next_trace: int) -> dict[str, list[Any]]:
    """Answer one part's columns per table, in the tables' column order, with the day's ids.

    Raises:
        IndexError: a text annotation points outside the record's strings.
    """
    c = part.columns
    text = np.array(names.strings.lookup(part.strings or [""]), dtype=np.uint32)
    parts = (text[c[f"kind_{name}"]].tolist() for name in ("category", "title", "description"))
    kind = np.array(names.kinds.lookup(zip(*parts, strict=True)), dtype=np.uint32)
    group = groups(c, text, names)
    numbers = np.arange(next_trace, next_trace + len(c["trace_high"]), dtype=np.uint32)
    span_trace = np.repeat(numbers, c["span_owned"])
    first = np.cumsum(c["span_owned"]) - c["span_owned"]
    note_trace = span_trace[c["note_span"]]
    note_span = c["note_span"] - first[note_trace - np.uint32(next_trace)]
    is_text = c["note_type"] == NOTE_TEXT
    value = c["note_value"].copy()
    value[is_text] = text[value[is_text]]
    counted = group[c["count_group"]]
    return {
        "traces": [
            numbers,
            c["trace_high"],
            c["trace_low"],
            group[c["trace_group"]],
            c["trace_start"],
            c["trace_duration"],
            c["trace_spans"],
            c["trace_flags"],
            c["trace_lost"],
            c["trace_weight"],
            text[c["trace_host"]],
            c["trace_pid"],
        ],
        "spans": [span_trace, kind[c["span_kind"]], c["span_parent"], c["span_start"], c["span_duration"]],
        "notes": [note_trace, note_span, text[c["note_key"]], c["note_type"], value],
        "counts_new": [counted, *(c[f"count_{name}"] for name in COUNT_COLUMNS)],
        "latency_new": [
            counted[c["latency_count"]],
            c["count_minute"][c["latency_count"]],
            c["latency_bucket"],
            c["latency_n"],
        ],
        "nodes_new": [
            group[c["node_group"]],
            *(c[f"node_{name}"] for name in NODE_KEYS),
            kind[c["node_kind"]],
            text[c["node_location"]],
            *(c[f"node_{name}"] for name in NODE_VALUES),
        ],
        "releases_new": [
            text[c["release_service"]],
            text[c["release_text"]],
            c["release_minute"],
            c["release_n"],
        ],
        "placed_new": placed(c, text),
        "events": events(c, text),
    }


def groups(c: Columns, text: NDArray[Any], names: Names) -> NDArray[Any]:
    """Answer the day's ids of groups, environments telling them apart too."""
    where = np.full(len(c["group_service"]), names.strings.lookup([""])[0], dtype=np.uint32)
    where[c["environment_group"]] = text[c["environment_text"]]
    triples = (text[c[f"group_{name}"]].tolist() for name in ("service", "endpoint", "segment"))
    return np.array(names.groups.lookup(zip(*triples, where.tolist(), strict=True)), dtype=np.uint32)


def placed(c: Columns, text: NDArray[Any]) -> list[NDArray[Any]]:
    """Answer the columns of releases whose environment is known, with the day's ids of texts."""
    told = c["release_environment"] != 0
    texts = (text[c[f"release_{name}"][told]] for name in ("service", "text", "environment"))
    return [*texts, c["release_minute"][told], c["release_n"][told]]


def events(c: Columns, text: NDArray[Any]) -> list[NDArray[Any]]:
    """Answer the columns of events beside traces, with the day's ids of texts."""
    return [
        text[c["event_service"]],
        c["event_time"].astype(np.int64),
        text[c["event_shape"]],
        c["event_values"],
    ]


COUNT_COLUMNS = ("minute", "n", "errors", "sum", "min", "max")
NODE_KEYS = ("hour", "octave", "path", "parent")
NODE_VALUES = (
    "n",
    "traces",
    "total",
    "self",
    "offset",
    "repeated",
    "repeat_sum",
    "repeat_total",
    "repeat_max",
)


def admitted(part: Part, names: Names, next_trace: int, quota: Quota) -> dict[str, list[Any]]:
    """Answer the rows of what is kept of a part, and enter into the quota what they take.

    Part by part: what one brings counts for the next, however many come at once.
    """
    strings, kept = trim(part.strings, part.columns, quota)
    known = len(names.strings.fresh)
    found = rows(part._replace(strings=strings, columns=kept), names, next_trace)
    texts = sum(map(len, names.strings.fresh[known:]))
    services = list(dict.fromkeys(strings[text] for text in kept["group_service"].tolist()))
    for service in services:
        # Records of several services are rare, and new texts are soon the exception.
        quota.add(service, texts // len(services), 0)
    return found


def load(
    cursor: Connection, alias: str, parts: list[Part], names: Names, next_trace: int, quota: Quota
) -> dict[str, int]:
    """Append the parts to the day's tables, as far as there is room, inside the caller's transaction.

    Answers:
        how many rows each table was given.
    """
    told: list[dict[str, list[Any]]] = []
    ledger: list[tuple[int, int]] = []
    traces = next_trace
    for part in parts:
        told.append(admitted(part, names, traces, quota))
        traces += len(told[-1]["traces"][0])
        services = names.strings.lookup(service for service, _ in part.ledger)
        ledger += zip(services, (n for _, n in part.ledger), strict=True)
    held = zip(names.strings.lookup(quota.added), quota.added.values(), strict=True)
    values = ", ".join(f"({service}, {size}, {left})" for service, (size, left) in held)
    names.write(cursor, alias)
    if values:
        cursor.execute(f"INSERT INTO {alias}.held VALUES {values}")
    given: dict[str, int] = {}
    for table in told[0]:
        gathered = {
            f"c{place:02}": np.concatenate(same) if len(same) > 1 else same[0]
            for place, same in enumerate(zip(*(one[table] for one in told), strict=True))
        }
        given[table] = len(gathered["c00"])
        if given[table]:
            insert(cursor, f"{alias}.{table}", gathered)
    if ledger:
        sums: dict[int, int] = {}
        for service, n in ledger:
            sums[service] = sums.get(service, 0) + n
        values = ", ".join(f"({service}, {n})" for service, n in sums.items())
        cursor.execute(f"INSERT INTO {alias}.ledger VALUES {values}")
    return given
