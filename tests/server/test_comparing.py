"""Two times side by side: numbers that a reader can check by hand, and laws that hold for any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, HOUR_NS, MINUTE_NS, Part, Request, commit

from fanlight.server.answers import Answers
from fanlight.stores import open_store
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = 20_000 * DAY_NS
MS = 1_000_000
CHECKOUT = ("shop", "/checkout", "html")
FRONT = ("shop", "/", "html")
BEFORE = (START + 10 * MINUTE_NS, START + 20 * MINUTE_NS)
AFTER = (START + 20 * MINUTE_NS, START + 30 * MINUTE_NS)


def checkout(number: int, start_ns: int, statements: int, waited_ms: int) -> Request:
    """A request whose statements take 10 ms each, one after another, in a view of 20 ms of its own."""
    view = Part(("app.flask.view", "checkout", ""), 0, 0, (20 + 10 * statements) * MS)
    kind = ("db.sql.query", "SELECT FROM product", "select ?")
    queries = [
        Part(kind, 1, (10 + 10 * each) * MS, 10 * MS, (("location", "shop/cart.py:88"),))
        for each in range(statements)
    ]
    notes = (("status", 200), ("queue.time", waited_ms * MS))
    flags = WHOLE | (ERROR if number % 10 == 0 else 0)
    took = (24 + 10 * statements) * MS
    return Request(start_ns, took, number, CHECKOUT, (view, *queries), flags, notes, release=f"r{statements}")


@pytest.fixture(params=["memory", "duckdb"])
def answers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Answers]:
    store = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    early = [checkout(each, BEFORE[0] + each * 10_000 * MS, 2, 5) for each in range(1, 51)]
    late = [checkout(100 + each, AFTER[0] + each * 10_000 * MS, 6, 35) for each in range(1, 51)]
    front = [
        Request(
            when[0] + each * 5_000 * MS, 4 * MS, 1000 * (1 + (when is AFTER)) + each, ("shop", "/", "html")
        )
        for when in (BEFORE, AFTER)
        for each in range(1, 101)
    ]
    store.apply(1, [(1, commit([*early, *late, *front]))])
    yield Answers(store, dict)
    store.close()


def test_an_endpoint_within_one_hour_is_told_apart_by_its_kept_traces(answers: Answers) -> None:
    status, found = answers.compare(CHECKOUT, BEFORE, AFTER)
    assert status == 200
    assert [(side["count"], side["errors"]) for side in (found["before"], found["after"])] == [
        (50, 5),
        (50, 5),
    ]
    assert (found["before"]["mean"], found["after"]["mean"]) == (44 * MS, 84 * MS)
    assert (found["before"]["waited"], found["after"]["waited"]) == (5 * MS, 35 * MS)
    assert found["before"]["merged"] == found["after"]["merged"] == 50
    query = next(node for node in found["tree"] if node["category"] == "db.sql.query")
    assert (query["before"]["times"], query["after"]["times"]) == (2, 6)
    assert (query["before"]["total"], query["after"]["total"]) == (20 * MS, 60 * MS)
    assert query["location"] == "shop/cart.py:88"
    assert [node["depth"] for node in found["tree"]] == [0, 1, 2]


def test_what_changed_is_sorted_by_how_much_of_it_explains(answers: Answers) -> None:
    _, found = answers.compare(CHECKOUT, BEFORE, AFTER)
    told = [(each["title"] or each["category"], each["change"], each["share"]) for each in found["changes"]]
    assert told == [
        ("SELECT FROM product", 40 * MS, pytest.approx(4 / 7)),
        ("queue", 30 * MS, pytest.approx(3 / 7)),
    ]
    whole = (
        found["after"]["mean"]
        + found["after"]["waited"]
        - found["before"]["mean"]
        - found["before"]["waited"]
    )
    assert sum(each["change"] for each in found["changes"]) == whole


def test_a_service_is_compared_endpoint_by_endpoint_and_these_add_up(answers: Answers) -> None:
    _, found = answers.compare(("shop",), BEFORE, AFTER)
    assert [row["endpoint"] for row in found["endpoints"]] == ["/checkout", "/"]
    change = found["after"]["mean"] - found["before"]["mean"]
    assert sum(row["slower"] + row["mix"] for row in found["endpoints"]) == pytest.approx(change, abs=3)
    assert found["endpoints"][0]["slower"] == pytest.approx(40 * MS / 3, abs=2)
    assert found["endpoints"][1]["slower"] == 0


def test_no_request_counts_on_both_sides_where_they_meet_within_a_minute(answers: Answers) -> None:
    middle = AFTER[0] + 90_000 * MS
    _, found = answers.compare(CHECKOUT, (BEFORE[0], middle), (middle, AFTER[1]))
    sides = [found["before"], found["after"]]
    assert [each["from"][11:19] for each in sides] == ["00:10:00", "00:22:00"]
    assert [each["to"][11:19] for each in sides] == ["00:21:00", "00:30:00"]
    # One every 10 s: 50 early ones and the first minute's 5, then all but those of the minute between.
    assert [each["count"] for each in sides] == [55, 39]
    _, backwards = answers.compare(CHECKOUT, (middle, AFTER[1]), (BEFORE[0], middle))
    assert [backwards[side]["count"] for side in ("before", "after")] == [39, 55]
    _, single = answers.compare(CHECKOUT, (BEFORE[0], middle), (middle, middle + 1_000 * MS))
    assert single["before"]["to"][11:19] == "00:21:30"


def test_rates_are_over_the_time_that_a_service_was_there(answers: Answers) -> None:
    span = (START - 5 * HOUR_NS, START + HOUR_NS)
    _, found = answers.compare(("shop",), (START - 11 * HOUR_NS, span[0]), span)
    listed = answers.overview(*span)["services"][0]
    assert found["after"]["count"] == listed["count"] == 300
    assert found["after"]["rpm"] == listed["rpm"] > 300 / 60


def test_a_query_narrows_both_sides(answers: Answers) -> None:
    _, found = answers.compare(CHECKOUT, BEFORE, AFTER, "failed=true")
    assert (found["before"]["count"], found["after"]["count"], found["after"]["errors"]) == (5, 5, 5)
    assert found["after"]["exact"] is False
    assert found["changes"][0]["title"] == "SELECT FROM product"


def test_one_environment_is_compared_by_what_was_counted_in_it(tmp_path: Path) -> None:
    """As many kept requests as elsewhere, each standing for one: estimates would tell as much."""
    store = open_store(f"duckdb:{tmp_path / 'store'}")
    day = 24 * HOUR_NS
    rows = [
        checkout(100 * place + each, start + each * MINUTE_NS, statements, 5)._replace(environment=where)
        for place, (where, statements) in enumerate((("production", 2), ("staging", 9)))
        for start, many in ((START, 10 + place), (START + day, 20 + place))
        for each in range(many)
    ]
    # Only counted: nobody kept them.
    rows += [row._replace(id=1000 + row.id, flags=row.flags & ~WHOLE, weight=0.0) for row in rows]
    store.apply(1, [(1, commit(rows))])
    narrow = Answers(store, dict).within("production")
    status, found = narrow.compare(("shop",), (START, START + day), (START + day, START + 2 * day))
    assert status == 200
    assert [(found[side]["count"], found[side]["exact"]) for side in ("before", "after")] == [
        (20, True),
        (40, True),
    ]
    assert found["after"]["merged"] is None
    assert [row["after"]["count"] for row in found["endpoints"]] == [40]
    query = next(node for node in found["tree"] if node["category"] == "db.sql.query")
    assert query["after"]["times"] == 2, "staging asks nine"
    _, whole = Answers(store, dict).compare(("shop",), (START, START + day), (START + day, START + 2 * day))
    assert whole["after"]["count"] == 82
    store.close()


def test_whole_hours_are_told_apart_by_their_whole_trees(answers: Answers) -> None:
    _, found = answers.compare(CHECKOUT, (START - HOUR_NS, START), (START, START + HOUR_NS))
    assert (found["after"]["count"], found["after"]["merged"]) == (100, None)
    _, found = answers.compare(CHECKOUT, (START - HOUR_NS, START), (START, START + HOUR_NS - 1))
    assert found["after"]["merged"] == 100


def test_days_apart_are_compared_by_their_whole_trees(answers: Answers) -> None:
    day = 24 * HOUR_NS
    _, found = answers.compare(CHECKOUT, (START - day, START), (START, START + day))
    assert (found["before"]["count"], found["after"]["count"]) == (0, 100)
    assert found["after"]["merged"] is None
    query = next(node for node in found["tree"] if node["category"] == "db.sql.query")
    assert query["before"] is None
    assert query["after"]["times"] == 4


def test_a_side_of_which_nothing_was_kept_is_not_said_to_have_taken_no_time(answers: Answers) -> None:
    # Requests are counted by the minute: those of the boundary's count before, and are kept after.
    middle_ns = AFTER[0] + 10_000 * MS
    status, found = answers.compare(CHECKOUT, (AFTER[0], middle_ns), (middle_ns, AFTER[1]))
    assert status == 200
    assert found["before"]["count"] > 0
    assert (found["before"]["merged"], found["after"]["merged"]) == (0, 50)
    assert (found["tree"], found["changes"]) == ([], [])
    # What came anew is told of: nothing of it was there before.
    assert answers.compare(CHECKOUT, (START, BEFORE[0]), AFTER)[1]["tree"]


def test_nothing_on_both_sides_is_an_answer_too(answers: Answers) -> None:
    status, found = answers.compare(("nobody",), BEFORE, AFTER)
    assert status == 200
    assert (found["before"]["count"], found["tree"], found["changes"], found["histogram"]) == (0, [], [], [])


def test_a_query_that_cannot_be_read_says_where(answers: Answers) -> None:
    status, found = answers.compare(CHECKOUT, BEFORE, AFTER, "duration:>")
    assert status == 400
    assert found["error"]["position"] >= 0


def test_the_release_seen_first_is_told_first(answers: Answers) -> None:
    told = answers.releases("shop", START, START + HOUR_NS)
    assert [(each["release"], each["count"]) for each in told] == [("r2", 50), ("r6", 50)]
