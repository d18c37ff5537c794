"""Whatever bytes arrive, they are a batch that adds up or a WireError."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.aggregate import batches
from fanlight.aggregate.aggregator import Aggregator
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table
from fanlight.errors import WireError
from fanlight.wire import codec, messages

ORIGIN = Origin("c" * 32, "shop", "host", 1)


def sent(told):
    """Answer a table, and a batch of two traces with annotations, as columns."""
    notes = {"location": "a.py:1", "rows": 3}
    spans = [
        told.Span(("app", "GET", ""), -1, 0, 9, {}),
        told.Span(("db", "SELECT", "select 1"), 0, 1, 2, notes),
        told.Span(("db", "SELECT", "select 1"), 1, 1, 1, notes),
    ]
    trace = told.Trace(1, "/", "html", told.now_ns, 9, spans)
    body, batch = told.Sender().send([trace, trace._replace(id=2)], {"queue_full": 3})
    return Table().extended(codec.decode(messages.TABLE, body)), codec.decode(messages.BATCH, batch)


def add(told, table, body):
    """Parse, aggregate and encode; the way of every batch."""
    record = Aggregator(random.random).begin(told.now_ns)
    record.add(batches.parse(body, table), table, ORIGIN)
    return codec.encode(messages.COMMIT, record.message())


def planted(name, index, value):
    def change(batch):
        batch[name][index] = value

    return change


WRONG = {
    "sequence zero": lambda batch: batch.update(sequence=0),
    "sequence beyond 64 bits": lambda batch: batch.update(sequence=1 << 69),
    "another generation": lambda batch: batch.update(generation=2),
    "reason without count": lambda batch: batch["dropped_reason"].append("x"),
    "a column that is short": lambda batch: batch["trace_lost"].pop(),
    "a span column that is short": lambda batch: batch["span_start"].pop(),
    "a note column that is short": lambda batch: batch["note_key"].pop(),
    "an endpoint beyond the table": planted("trace_endpoint", 0, 99),
    "a segment beyond the table": planted("trace_segment", 1, 99),
    "a kind beyond the table": planted("span_kind", 5, 9),
    "spans that no trace owns": planted("trace_spans", 1, 2),
    "spans that are not there": planted("trace_spans", 1, 4),
    "a second root": planted("span_parent", 2, messages.NO_PARENT),
    "a root with a parent": planted("span_parent", 0, 0),
    "a span that is its own parent": planted("span_parent", 4, 1),
    "a duration of centuries": planted("span_duration", 1, 1 << 63),
    "a start of centuries": planted("span_start", 1, 1 << 63),
    "a trace of centuries": planted("trace_duration", 1, 1 << 63),
    "a note of no span": planted("note_span", 3, 6),
    "a note of no key": planted("note_key", 0, 99),
    "a note of no type": planted("note_type", 0, 4),
    "a text beyond the table": planted("note_value", 0, 99),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_batch_that_contradicts_itself_is_refused(told, wrong):
    table, batch = sent(told)
    add(told, table, codec.encode(messages.BATCH, batch))
    WRONG[wrong](batch)
    with pytest.raises(WireError):
        add(told, table, codec.encode(messages.BATCH, batch))


def test_too_many_reasons_are_refused(told):
    table, batch = sent(told)
    batch["dropped_reason"], batch["dropped_count"] = ["x"] * 65, array("Q", [1] * 65)
    with pytest.raises(WireError):
        batches.parse(codec.encode(messages.BATCH, batch), table)


def test_annotations_in_any_order_follow_their_spans(told):
    table, batch = sent(told)
    straight = add(told, table, codec.encode(messages.BATCH, batch))
    for name in batches.NOTE:
        batch[name] = batch[name][2:] + batch[name][:2]
    assert add(told, table, codec.encode(messages.BATCH, batch)) == straight


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_a_batch_or_a_wire_error(told, changes):
    table, batch = sent(told)
    body = bytearray(codec.encode(messages.BATCH, batch))
    for place, value in changes:
        body[place % len(body)] = value
    try:
        add(told, table, bytes(body))
    except WireError:
        return


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=200))
def test_garbage_is_a_batch_or_a_wire_error(told, body):
    try:
        add(told, Table(), body)
    except WireError:
        return
