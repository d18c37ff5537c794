"""The rule of repeated statements at its edges."""

from __future__ import annotations

import pytest

from fanlight.aggregate import findings

MS = 1_000_000


@pytest.mark.parametrize(
    ("count", "total_ns", "answer"),
    [(5, 50 * MS, True), (4, 900 * MS, False), (5, 50 * MS - 1, False), (40, 80 * MS, True)],
)
def test_five_repeats_that_last_50_ms_are_a_repetition(count, total_ns, answer):
    assert findings.repeats(count, total_ns) is answer


@pytest.mark.parametrize(
    ("repeated", "traces", "answer"),
    [
        (3, 3, True),
        (3, 30, True),
        (3, 31, False),
        (1, 1, True),
        (1, 11, False),
        (10, 100, True),
        (9, 100, False),
        (0, 0, False),
    ],
)
def test_a_tenth_of_the_traces_makes_a_finding(repeated, traces, answer):
    assert findings.found(repeated, traces) is answer


def test_twenty_repeats_on_average_are_severe():
    assert findings.severe(60, 3)
    assert not findings.severe(59, 3)
    assert not findings.severe(0, 0)


def test_only_statements_of_a_database_are_repeated_sql():
    assert findings.kind("db.sql.query") == findings.kind("db") == "repeated-sql"
    assert findings.kind("dbx") == findings.kind("view.render") == ""
