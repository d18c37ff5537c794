"""The benches measure what they say; the figures themselves are no tests."""

import importlib
import json
import os
import sys
from array import array
from contextlib import ExitStack
from pathlib import Path

import pytest

from fanlight.wire import codec, messages

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """A function that imports one of the bench's modules and forgets it afterwards."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_number_over_its_limit_is_missed_and_says_so(bench):
    rows = bench("rows")
    missed = rows.Row("disabled span", 0.26, "µs", 0.25)
    assert not missed.passed
    assert "**missed**" in rows.table([missed])


def test_a_ratio_counts_from_below(bench):
    rows = bench("rows")
    assert rows.Row("ratio", 20.0, "x", 20, at_least=True).passed
    assert not rows.Row("ratio", 19.9, "x", 20, at_least=True).passed


def test_a_number_without_a_limit_only_informs(bench):
    rows = bench("rows")
    assert rows.Row("child span, main", 0.4, "µs").passed


def test_a_cell_that_is_imported_reads_no_arguments(bench, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest", "tests/bench", "-x", "-q", "-p"])
    assert bench("cell").PLACE == (0, "")


def test_every_chunk_is_flushed_and_every_unit_counted(bench, capsys):
    cell = bench("cell")
    seen = []
    cell.measure(lambda: seen.append("unit"), lambda: seen.append("flush"), 5, ["1\n", "1\n"])
    assert seen == ([*["unit"] * 5, "flush"] * (cell.WARM_UP_CHUNKS + 2))
    ready, first, second = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ready == {"units": 5 * cell.WARM_UP_CHUNKS}
    assert first.keys() == second.keys() == {"main_us", "all_in_us", "plain_us", "units"}
    assert second["units"] == seen.count("unit")


def test_what_is_added_is_read_against_a_twin_of_the_same_process(bench, capfd):
    cell = bench("cell")
    twin = cell.Twin(lambda asked: cell.measure(lambda: None, lambda: None, 5, asked))
    cell.measure(lambda: sum(range(2000)), lambda: None, 5, ["3\n", "3\n"], twin)
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()][1:]
    assert len(told) == 2
    for line in told:
        assert line["main_us_added"] == pytest.approx(line["main_us"] - line["plain_us"])
        assert line["main_us_added"] > 0
    twin.close()
    os.wait()


def test_a_contender_that_drops_is_caught(bench):
    peers = bench("peers")
    peers.expect_all("otlp", "trace20", 10, {"otlp": 210})
    with pytest.raises(SystemExit, match="210 recorded, 209 received"):
        peers.expect_all("otlp", "trace20", 10, {"otlp": 209})


def test_a_cell_that_dies_fails_the_run(bench):
    peers = bench("peers")
    with ExitStack() as stack:
        cell = peers.started(stack, [sys.executable, "-c", "raise SystemExit(7)"])
        with pytest.raises(SystemExit, match="ended with 7"):
            peers.answer(cell)


def test_a_missed_ratio_is_a_missed_row(bench):
    peers = bench("peers")
    cost = {"ours": 300.0, "otel": 12_000.0, "otlp": 12_600.0, "datadog": 6_900.0}
    results = {
        (name, scenario): [
            {
                "main_us": us,
                "all_in_us": us,
                "main_us_added": us,
                "all_in_us_added": us,
                "plain_us": us,
                "calls": us,
            }
        ]
        for name, us in cost.items()
        for scenario in ("trace20", "flask", "sqlalchemy", "sqlite", "off", "calls")
    }
    found = {row.what: row for row in peers.rows(results)}
    assert found["child span: OTel SDK / ours"].value == pytest.approx(40)
    assert found["child span: OTel SDK / ours"].passed
    assert not found["disabled span"].passed


def test_the_batches_of_the_pipe_are_what_the_wire_describes(bench):
    pipe = bench("pipe")
    frame, spans = pipe.batch(1, 1)
    batch = codec.decode(messages.BATCH, frame[8:])
    assert len(batch["span_kind"]) == spans
    traces = len(batch["trace_high"])
    assert traces == pipe.TRACES_PER_BATCH
    assert sum(batch["trace_spans"]) == len(batch["span_kind"]) == len(batch["span_parent"])
    assert max(batch["span_kind"]) < len(pipe.KINDS)
    assert max(batch["trace_endpoint"]) < len(pipe.STRINGS)
    assert max(batch["note_span"]) < len(batch["span_kind"])
    table = codec.decode(messages.TABLE, pipe.table())
    assert table["kind_category"] == array("I", [kind[0] for kind in pipe.KINDS])
    assert max(table["kind_description"]) < len(pipe.STRINGS)


def test_each_cost_of_an_event_is_measured(bench, monkeypatch):
    events = bench("events")
    monkeypatch.setattr(events, "NUMBER", 100)
    rows = events.run(1)
    assert len(rows) == len(events.MEASURED) + 1
    assert all(row.value > 0 for row in rows[-1:])
    assert rows[-1].passed


def test_a_paced_load_is_measured_with_and_without_recording(bench, tmp_path):
    strategies = bench("strategies")
    settings = {"FANLIGHT_DSN": f"unix://{tmp_path}/nobody.sock"}
    assert strategies.measure(1, settings, traced=False) > 0
    with pytest.raises(strategies.subprocess.CalledProcessError):
        # What did not arrive is not measured.
        strategies.measure(1, settings)
