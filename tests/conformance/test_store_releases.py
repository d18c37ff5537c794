"""What every store tells of releases: in order, by environment, and what earlier collectors wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, HOUR_NS, MINUTE_NS, Part, Request, commit

from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fanlight.stores import Store

START = 20_000 * DAY_NS
GROUP = ("shop", "/checkout", "html")


@pytest.fixture(params=sorted(BUILT_IN))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    yield opened
    opened.close()


def test_releases_are_told_in_the_order_in_which_they_came(store: Store) -> None:
    start = START + 5 * HOUR_NS

    def ran(minute: int, number: int, release: str, service: str = "shop") -> Request:
        return Request(start + minute * MINUTE_NS + 7, 1000, number, (service, "/", "html"), release=release)

    first = [ran(3, 1, "b"), ran(0, 2, "b"), ran(3, 3, "a"), ran(0, 4, "z", "payments")]
    store.apply(1, [(1, commit(first)), (2, commit([ran(3 + 24 * 60, 5, "a"), ran(9, 6, "")]))])
    later = start + DAY_NS + 3 * MINUTE_NS
    assert store.releases("shop", start, start + 2 * DAY_NS) == [
        ("b", start, start + 3 * MINUTE_NS, 2),
        ("a", start + 3 * MINUTE_NS, later, 2),
    ]
    assert store.releases("shop", later, later + 1) == [("a", later, later, 1)]
    assert store.releases("shop", start + MINUTE_NS, start + 2 * MINUTE_NS) == []


def test_releases_of_one_environment_are_told_alone(store: Store) -> None:
    start = START

    def ran(minute: int, number: int, release: str, environment: str) -> Request:
        began = start + minute * MINUTE_NS
        return Request(began, 1000, number, release=release, environment=environment)

    rows = [ran(0, 1, "a", "staging"), ran(0, 2, "a", "production"), ran(3, 3, "b", "staging")]
    store.apply(1, [(1, commit([*rows, ran(5, 4, "b", ""), ran(7, 5, "b", "production")]))])

    def told(environment: str | None) -> list[tuple[str, int, int]]:
        found = store.releases("shop", start, start + DAY_NS, environment)
        return [(each.release, (each.first_ns - start) // MINUTE_NS, each.n) for each in found]

    assert told(None) == [("a", 0, 2), ("b", 3, 3)]
    assert told("staging") == [("a", 0, 1), ("b", 3, 1)]
    assert told("production") == [("a", 0, 1), ("b", 7, 1)]
    assert told("") == [("b", 5, 1)]
    assert told("nowhere") == []


def test_releases_that_an_earlier_collector_wrote_ran_nowhere_that_is_known(store: Store) -> None:
    message = commit([Request(START, 1000, 1, release="a", environment="production")])
    message["release_environment"] = []
    store.apply(1, [(1, decode(COMMIT, encode(COMMIT, message)))])
    whole = START, START + DAY_NS
    assert [each.n for each in store.releases("shop", *whole)] == [1]
    assert [each.n for each in store.releases("shop", *whole, "")] == [1]
    assert store.releases("shop", *whole, "production") == []


def moved(hour: int, place: str, number: int) -> Request:
    """Answer a request of an hour of the first day, its repeated statement at a place."""
    sent = [Part(("db.sql.query", "SELECT", "SELECT ?"), 1, each, 20_000_000, (), place) for each in range(6)]
    view = Part(("app.view", "checkout", ""), 0, 0, 150_000_000)
    start_ns = START + hour * HOUR_NS
    return Request(start_ns, 200_000_000, number, GROUP, (view, *sent))


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_repeat_stands_where_its_line_was_last_seen(store: Store, is_closed: bool) -> None:
    """A release moves lines: `cart.py:120` sorts before `cart.py:88`, and comes after it."""
    told = [(1, "cart.py:88"), (23, "cart.py:120"), (24, ""), (2, "cart.py:99")]
    for segment, (hour, place) in enumerate(told, 1):
        store.apply(segment, [(1, commit([moved(hour, place, segment)]))])
    if is_closed:
        store.compact()
    (found,) = store.repeats(START, START + 2 * DAY_NS, GROUP)
    assert (found.location, found.repeated, found.repeat_sum) == ("cart.py:120", 4, 24)
    (node,) = (each for each in store.tree(GROUP, START, START + 2 * DAY_NS) if each.repeated)
    assert node.location == "cart.py:120"
    (early,) = store.repeats(START, START + 3 * HOUR_NS, GROUP)
    assert early.location == "cart.py:99"
