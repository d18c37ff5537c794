"""The tables stay within what a collector takes, whatever one trace brings."""

from __future__ import annotations

from typing import Any

from fanlight.agent.table import MEMO_CHARACTERS, Names, Table
from fanlight.normalizers import normalize
from fanlight.recording.pauses import Seen
from fanlight.recording.recorder import ALONE, fresh_trace
from fanlight.recording.reduction import characters


def test_many_different_texts_begin_a_new_generation(agent, receiver):
    for batch in range(3):
        for number in range(900):
            with agent.trace("job"):
                for inner in range(5):
                    with agent.span(f"title {batch} {number} {inner}"):
                        pass
        assert agent.flush(20)
    assert len(receiver.traces) == 2700
    assert receiver.traces[-1].spans[-1].title == "title 2 899 4"
    assert receiver.traces[0].spans[-1].title == "title 0 0 4"


def test_one_trace_of_too_many_texts_stays_within_the_table(agent, receiver):
    with agent.trace("job"):
        for number in range(2000):
            with agent.span(f"{number}", text=f"{number}" * 500):
                pass
    assert agent.flush(20)
    (received,) = receiver.traces
    assert len(received.spans) == 2001
    texts = [span.notes["text"] for span in received.spans[1:]]
    assert texts[0] == "0" * 500
    assert texts[-1] == "<too many texts>"


def test_a_trace_of_too_many_texts_keeps_its_own_name(agent, receiver):
    with agent.trace("job"):
        for number in range(20_000):
            with agent.span(f"{number}"):
                pass
        agent.endpoint("import everything")
    assert agent.flush(20)
    (received,) = receiver.traces
    assert received.endpoint == "import everything"


def test_one_trace_of_too_many_kinds_stays_within_the_table(agent, receiver):
    with agent.trace("job"):
        for number in range(70_000):
            with agent.span(f"{number % 300}", f"app.{number // 300}"):
                pass
    assert agent.flush(20)
    (received,) = receiver.traces
    spans = received.spans
    assert (spans[1].category, spans[1].title) == ("app.0", "0")


def test_a_span_of_too_many_annotations_keeps_the_first_ones(agent, receiver):
    with agent.trace("job"), agent.span("a", **{f"n{number}": number for number in range(450_000)}):
        pass
    assert agent.flush(20)
    (received,) = receiver.traces
    assert received.spans[1].notes["n0"] == 0
    assert 10_000 < len(received.spans[1].notes) <= 16_384


def test_names_of_any_length_are_remembered_within_bounds():
    names = Names(Table(), normalize, print)
    for number in range(100):
        text = f"insert into t values ({number}, '{'x' * 100_000}')"
        names.named("sql.query", None, (text, "IntegrityError"))
        names.block("app", text)
        trace = fresh_trace("app.job", text, text, 1)
        trace.records = ALONE
        assert names.root(trace, Seen([])) is not None
    remembered: list[Any] = [list(held) for held in (names.memo, names.blocks, names.roots)]
    assert 0 < characters(remembered[0]) <= MEMO_CHARACTERS
    assert characters(remembered[1:]) == 0
