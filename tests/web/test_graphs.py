"""The graph over time: whoever clicks a step of it stays within the time that the page shows."""

from __future__ import annotations

from fanlight.web import wording
from fanlight.web.pages.graphs import timeline
from fanlight.web.parameters import ENDPOINT, read

MINUTE_NS = 60 * 10**9
MIDNIGHT_NS = 20_000 * 86_400 * 10**9


def test_a_step_over_either_edge_leads_to_what_of_it_is_shown():
    first_ns, last_ns = MIDNIGHT_NS + 90 * 10**9, MIDNIGHT_NS + 210 * 10**9
    low, high = wording.rfc3339(first_ns), wording.rfc3339(last_ns)
    asked = read("/endpoint", f"service=shop&endpoint=GET+/&from={low}&to={high}", ENDPOINT, last_ns)
    points = [
        {
            "time": wording.rfc3339(MIDNIGHT_NS + number * MINUTE_NS),
            "count": 5,
            "errors": 0,
            "rpm": 5.0,
            "p50": 1e6,
            "p95": 2e6,
        }
        for number in (1, 2, 3)
    ]
    rows = timeline(points, asked)["rows"]
    two, three = points[1]["time"], points[2]["time"]
    assert [(row["from"], row["to"]) for row in rows] == [(low, two), (two, three), (three, high)]
    assert f"to={three.replace(':', '%3A')}" in rows[1]["href"]
