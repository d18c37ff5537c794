"""A worker with what its connections tell of requests that it cannot count itself."""

from __future__ import annotations

from typing import Any

import pytest

from fanlight.sources.workers import LATE_NS, complete, waits
from fanlight.wire.readings import Worker

LATE = {"overdue_ns": LATE_NS + 1, "not_begun": 2}


def worker(**known: Any) -> Worker:
    return Worker("shop", "granian", "wsgi", 0, 7, 6, 1, **known)


@pytest.mark.parametrize(
    ("known", "hides", "waiting"),
    [
        ({"overdue_ns": LATE_NS + 1}, False, True),
        ({"overdue_ns": LATE_NS}, False, False),
        ({"capacity": 0}, True, True),
        ({"capacity": 0}, False, False),
        ({"capacity": 1}, True, False),
    ],
    ids=["a late loop", "a loop on time", "full", "full and telling", "room"],
)
def test_requests_may_wait_at_a_late_loop_and_at_one_that_is_full_and_hides_them(
    known: dict[str, int], hides: bool, waiting: bool
) -> None:
    assert waits(worker(**known), hides) is waiting


@pytest.mark.parametrize(
    ("known", "hides", "told", "backlog", "not_begun"),
    [
        # Connections that are to be answered, less those that are being answered.
        ({"capacity": 0, "busy": 2, "max_threads": 2}, True, {7: (5, 10)}, 8, None),
        ({"capacity": 0, "busy": 2}, True, {7: (5, 10)}, None, 8),
        ({"capacity": 0, "busy": 2}, True, {7: (0, 1)}, None, 0),
        ({"capacity": 0, "busy": 2}, True, {8: (9, 9)}, None, 0),
        # With room for more nothing waits.
        ({"capacity": 1, "busy": 1, "max_threads": 2}, True, {7: (5, 10)}, 0, None),
        # A blocked loop has made its tasks, and has not read the rest.
        (LATE, False, {7: (3, 9)}, None, 5),
        (LATE, False, {}, None, 2),
        ({**LATE, "not_begun": None}, False, {7: (3, 9)}, None, None),
        ({**LATE, "overdue_ns": 0}, False, {7: (3, 9)}, None, 2),
        # Where the kernel does not tell, it is as the worker told.
        ({"capacity": 0, "backlog": 4, "max_threads": 2}, True, None, 4, None),
        (LATE, False, None, None, 2),
    ],
)
def test_what_waits_beyond_a_workers_own_count_is_added(
    known: dict[str, Any],
    hides: bool,
    told: dict[int, tuple[int, int]] | None,
    backlog: int | None,
    not_begun: int | None,
) -> None:
    found = complete(worker(**known), hides, told)
    assert (found.backlog, found.not_begun) == (backlog, not_begun)
