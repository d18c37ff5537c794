"""Where each span of a trace stands among its kind; numbers that a reader can check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, Part, Request, commit

from fanlight.server.answers import Answers
from fanlight.server.traced import beside
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fanlight.query.query import Query
    from fanlight.stores import Store

MS = 1_000_000
S = 1000 * MS
START = 20_000 * DAY_NS
QUERY, VIEW = ("db.sql.query", "SELECT FROM cart", ""), ("app.flask.view", "cart", "")


@pytest.fixture(params=sorted(BUILT_IN))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"{request.param}:{'' if request.param == 'memory' else tmp_path / 'store'}")
    yield opened
    opened.close()


@pytest.fixture
def told(store: Store) -> Callable[..., dict]:
    """Answer the document of the first of some requests."""

    def tell(*requests: Request) -> dict:
        store.apply(1, [(1, commit(requests))])
        found = Answers(store, dict).trace(f"{requests[0].id:032x}")
        assert found is not None
        return found

    return tell


def request(number: int, took_ms: int, *queries_ms: int, parent: int = 0, at_s: int = 0) -> Request:
    """Answer a request with a view and some queries, below the root or (1) below the view."""
    queries = [Part(QUERY, parent, 0, each * MS) for each in queries_ms]
    parts = (Part(VIEW, 0, 0, took_ms * MS), *queries)
    return Request(START + (at_s or number) * S, took_ms * MS, number, parts=parts)


def shares(found: dict, key: str = "percentile") -> list[float | None]:
    return [span[key] for span in found["spans"]]


def test_a_span_tells_the_share_of_its_kind_that_took_less(told):
    # Of ten queries four take less than its own 5 ms, and half of itself does.
    found = told(
        request(1, 100, 5), *(request(2 + n, 100, ms) for n, ms in enumerate((1, 2, 3, 4, *[9] * 5)))
    )
    assert shares(found)[2] == pytest.approx(0.45)
    assert found["kin"] == {"requests": 10, "kept": 10, "percentile": 0.5}


def test_the_request_itself_is_compared_with_all_that_were_counted(told):
    rows = [Request(START + n * S, 20 * MS, 100 + n, flags=0) for n in range(2, 92)]
    found = told(request(1, 100), *rows, *(request(200 + n, 900, at_s=n) for n in range(9)))
    assert found["kin"]["requests"] == 100
    assert shares(found)[0] == pytest.approx(0.905)
    assert shares(found)[0] == shares(found, "percentile_all")[0]


def test_kept_requests_stand_for_all_of_their_octave(told):
    # Ninety quick requests of which five are kept, and five slow ones: unweighed the share were a half.
    rows = [Request(START + n * S, 20 * MS, 100 + n, flags=0) for n in range(2, 87)]
    quick = [request(200 + n, 20, 2, at_s=n) for n in range(5)]
    found = told(request(1, 900, 7), *rows, *quick, *(request(300 + n, 900, 8, at_s=n) for n in range(4)))
    assert shares(found)[2] == pytest.approx((90 + 0.5) / 95)


def test_the_same_statement_at_another_place_is_no_kin(told):
    others = [request(2 + n, 100, 1, parent=1) for n in range(9)]
    found = told(request(1, 100, 5), *others)
    assert shares(found)[2] is None
    assert shares(found)[1] is not None


def test_repeats_are_compared_one_by_one_and_all_together(told):
    found = told(request(1, 100, 5, 5, 5), *(request(2 + n, 100, 9) for n in range(9)))
    assert shares(found)[2] == pytest.approx(1.5 / 12)
    assert shares(found, "percentile_all")[2] == pytest.approx(9.5 / 10)


def test_fewer_than_five_kin_tell_nothing(told):
    found = told(request(1, 100, 5), *(request(2 + n, 100, 9) for n in range(3)))
    assert set(shares(found)) == {None}
    assert found["kin"]["percentile"] is None


def test_another_environment_another_hour_and_another_endpoint_are_no_kin(told):
    strangers = [
        request(10, 100, 1)._replace(environment="test"),
        request(11, 100, 1, at_s=1900),
        request(12, 100, 1)._replace(group=("shop", "/cart", "html")),
    ]
    own = [request(2 + n, 100, 9) for n in range(4)]
    found = told(request(1, 100, 5), *own, *strangers)
    assert found["kin"]["requests"] == 5
    assert shares(found)[2] == pytest.approx(0.1)


def test_a_trace_without_spans_still_tells_where_it_stands(told):
    bare = Request(START, 20 * MS, 1, flags=0)
    found = told(bare, *(request(2 + n, 100) for n in range(9)))
    assert found["spans"] == []
    assert found["kin"] == {"requests": 10, "kept": 0, "percentile": 0.05}
    assert buckets.octave(20 * MS) != buckets.octave(100 * MS)


def test_the_log_of_a_trace_is_found_without_reading_the_traces_near_it(store):
    asked: list[Query] = []

    class Watched:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def events(self, query: Query) -> object:
            asked.append(query)
            return store.events(query)

    store.apply(1, [(1, commit([request(n, 100, 5) for n in range(1, 30)]))])
    (found,) = store.trace(f"{1:032x}")
    assert beside.lines(Watched(), found.row, []) == []
    answer = store.answer(asked[0])
    assert (list(answer), answer.facts.scanned) == ([], 0)
