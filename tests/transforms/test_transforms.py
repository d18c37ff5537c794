"""The lines that people already parse, as data files: transform, formatter, text."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from fanlight.formatters import snapshot_formatter
from fanlight.targets.lines import text_of
from fanlight.transforms import transform
from fanlight.wire.readings import Snapshot

CASES = Path(__file__).parents[1] / "cases" / "telemetry"
CLASSIC = tomllib.loads((CASES / "classic.toml").read_text())
FORMS = tomllib.loads((CASES / "forms.toml").read_text())["case"]
LABELS = {"service": "shop", "host": "vm", "server": "gunicorn", "worker_class": "gthread"}
TIME_NS = 1_795_323_600_250_000_000


def lines_of(snapshots, case):
    changed = transform(case.get("transform", "passthrough"), case.get("transform_options"))
    formatted = snapshot_formatter(case["formatter"], case.get("formatter_options"))
    return [text_of(each) for snapshot in snapshots for each in formatted([changed(snapshot)])]


@pytest.mark.parametrize("case", CLASSIC["case"], ids=lambda case: f"{case['formatter']}+{case['transform']}")
def test_the_classic_lines_come_out_byte_for_byte(case):
    assert lines_of([Snapshot(TIME_NS, LABELS, CLASSIC["values"])], case) == [case["line"]]


@pytest.mark.parametrize("case", FORMS, ids=lambda case: case["name"])
def test_a_snapshot_becomes_this_line(case):
    told = [case["values"], case["next"]] if "next" in case else [case["values"]]
    snapshots = [Snapshot(TIME_NS, case.get("labels", LABELS), values) for values in told]
    assert lines_of(snapshots, case)[-1] == case["line"]


def test_what_other_transforms_wrote_can_be_hidden_too():
    names = ["sample#queue.backlog", "workers-spawned_threads", "source", "workers.restarts.SIGKILL"]
    shown = {**dict.fromkeys(names, 1), "queue.capacity": 2}
    changed = transform("redact", {"redact": names})(Snapshot(TIME_NS, LABELS, shown))
    assert changed.values == {"queue.capacity": 2}


def test_a_total_is_counted_for_each_row_by_itself():
    changed = transform("l2met", {"typed": True})
    rows = [{**LABELS, "worker": str(number)} for number in range(3)]
    for labels in rows:
        changed(Snapshot(0, labels, {"workers.requests_count": 10}))
    added = [
        changed(Snapshot(1, labels, {"workers.requests_count": 10 + n})) for n, labels in enumerate(rows)
    ]
    assert [each.values["count#workers.requests_count"] for each in added] == [0, 1, 2]
