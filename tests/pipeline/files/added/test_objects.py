"""JSON lines added up without events: the same groups as of their events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_lines import FILES

from fanlight.pipeline.files.answer import Answer, run
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.files.source import open_source
from fanlight.query.query import Query

if TYPE_CHECKING:
    from pathlib import Path

STAGES = [
    "stats count() by a",
    "stats count(), p50(x), sum(x), max(x), distinct(a) by level",
    "stats avg(x), count(a) by status, time:1m",
    "stats min(a.y), p95(x) by a.status",
    "stats count() by severity, message",
    "stats sum(status)",
    "top 3 a by max(x)",
    "timechart 1m count by level",
]
odd = st.sampled_from(
    [
        *("", "  ", "no object", "[1]", '{"a": 1', '{"x": 123456789012345678901234567890}', '{"x": 1e400}'),
        *(
            '{"a": "\\ud800", "x": 2}',
            '{"a": "b\\u0065"}',
            '{"x": 1.0}',
            '{"x": 1}',
            '{"x": true}',
            '{"a": null}',
        ),
        *(
            '{"ts": "2026-01-31T12:00:00Z", "x": 3}',
            '{"time": 1767268800.5, "x": -0.0}',
            '{"lvl": 30, "x": 4}',
        ),
        *('{"a.y": 5, "a": {"y": 6}}', '{"severity": "warn", "level": null}', '{"a": 1, "a": 2}'),
    ]
)


def told(query: Query, path: str, *, is_quick: bool) -> list[str]:
    """Answer the groups as texts, and what was told of lines that could not be read."""
    answer = Answer(query, [path], Wishes(format="json", zone="UTC"))
    # A list of events knows no quicker way.
    events = answer.events() if is_quick else run(query.stages, list(answer.selected(query.fields())))
    found = [repr([(each.name, each.value, each.type) for each in event]) for event in events]
    return found + [repr(sorted(search.faults.items())) for search in answer.searches]


@pytest.mark.parametrize("stage", STAGES)
@given(data=st.data())
def test_objects_add_up_to_what_their_events_do(
    stage: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = data.draw(st.lists(st.one_of(FILES["json"], odd), min_size=1, max_size=12))
    path = tmp_path_factory.getbasetemp() / "app.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + b"\n")
    query = Query(data.draw(st.sampled_from(["", "a:blue ", "NOT a:blue "])) + "| " + stage)
    assert told(query, str(path), is_quick=True) == told(query, str(path), is_quick=False)


def test_a_file_of_another_format_goes_into_the_same_groups(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"a": n % 2, "level": "info"}) + "\n" for n in range(9))
    )
    (tmp_path / "b.log").write_text("level=info a=1 b=2\nlevel=warn a=1 b=2\n")
    paths = [str(tmp_path / name) for name in ("a.jsonl", "b.log")]
    answer = Answer(Query("| stats count() by a"), paths, Wishes(), open_source)
    assert [(event.value("a"), event.value("count")) for event in answer.events()] == [(0, 5), (1, 6)]
