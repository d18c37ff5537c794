"""What every store keeps and answers: the memory store is the oracle, random histories the question."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, HOUR_NS, MINUTE_NS, Part, Request, commit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.errors import ConfigError, WireError
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.stores import Store

DAY = 20_000
SPAN_OF_DAYS = 3

texts = st.sampled_from(
    ["", "a", "GET", "select * from t where id = ?", "ünï", "x" * 300, "<b>\x1b[0m", "it's\0"]
)
values = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text(max_size=20), texts
)
notes = st.lists(st.tuples(texts, values), max_size=2).map(tuple)
durations = st.one_of(
    st.integers(0, 3), st.integers(1, 40).map(lambda power: 2**power), st.integers(0, 10**11)
)


@st.composite
def parts(draw: st.DrawFn) -> tuple[Part, ...]:
    """Spans in pre-order: a parent is the span before or one of its ancestors."""
    found: list[Part] = []
    for place in range(draw(st.integers(0, 4))):
        above = place
        for _ in range(draw(st.integers(0, 2))):
            above = found[above - 1].parent if above else 0
        kind = draw(st.tuples(st.sampled_from(["db.sql.query", "view.render"]), texts, texts))
        same = draw(st.sampled_from([1, 1, 1, 6])) if place == 3 else 1
        one = Part(kind, above, draw(durations), draw(durations), draw(notes), draw(texts))
        found += [one] * same
    return tuple(found)


groups = st.tuples(
    st.sampled_from(["shop", "payments"]),
    st.sampled_from(["/", "/orders/<int:id>"]),
    st.sampled_from(["html", "error"]),
)
starts = st.one_of(
    st.integers(DAY * DAY_NS, (DAY + SPAN_OF_DAYS) * DAY_NS - 1),
    st.integers(0, SPAN_OF_DAYS - 1).map(lambda day: (DAY + day) * DAY_NS),
    st.integers(0, SPAN_OF_DAYS - 1).map(lambda day: (DAY + day + 1) * DAY_NS - 1),
)
requests = st.builds(
    Request,
    start_ns=starts,
    duration_ns=durations,
    id=st.integers(1, 2**128 - 1),
    group=groups,
    parts=parts(),
    flags=st.sampled_from([0, WHOLE, WHOLE, WHOLE | ERROR, ERROR]),
    notes=notes,
    weight=st.sampled_from([1.0, 2.5]),
    release=st.sampled_from(["", "", "2026.1", "<b>it's\0"]),
    environment=st.sampled_from(["", "", "production", "it's\0"]),
)
histories = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), st.lists(st.lists(requests, max_size=4), min_size=1, max_size=3)),
        st.tuples(st.just("replay"), st.integers(0, 3)),
        st.tuples(st.just("compact"), st.none()),
        st.tuples(st.just("expire"), st.integers(0, SPAN_OF_DAYS)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    min_size=1,
    max_size=6,
)
ranges = st.tuples(starts, starts).map(sorted).filter(lambda pair: pair[0] < pair[1])


class Twin:
    """A store and the oracle, given the same history."""

    def __init__(self, name: str, place: str) -> None:
        self.url = f"{name}:{place}"
        self.store = open_store(self.url)
        self.oracle = open_store("memory:")
        self.records: list[list[tuple[int, dict]]] = []
        self.ids: list[str] = []

    def step(self, what: str, detail) -> None:
        if what == "apply":
            segment = len(self.records)
            self.records.append([(place + 1, commit(one)) for place, one in enumerate(detail)])
            self.ids += [f"{request.id:032x}" for one in detail for request in one]
            self.both(lambda store: store.apply(segment, self.records[segment]))
        elif what == "replay" and self.records:
            segment = detail % len(self.records)
            self.both(lambda store: store.apply(segment, self.records[segment]))
        elif what == "compact":
            self.both(lambda store: store.compact())
        elif what == "expire":
            dropped = self.both(lambda store: store.expire(DAY + detail))
            assert dropped[0] == dropped[1]
        elif what == "reopen" and not self.url.startswith("memory"):
            self.store.close()
            self.store = open_store(self.url)

    def both(self, call):
        return call(self.store), call(self.oracle)

    def agree(self, call) -> None:
        mine, right = self.both(call)
        assert mine == right

    def compare(self, from_ns: int, to_ns: int, octaves) -> None:
        self.agree(lambda store: store.ledger())
        self.agree(lambda store: store.size().days)
        self.agree(lambda store: store.counts(from_ns, to_ns))
        self.agree(lambda store: store.counts(from_ns, to_ns, ("shop",), 7))
        self.agree(lambda store: store.environments(from_ns, to_ns))
        for where in ("", "production", "no such"):
            self.agree(lambda store, where=where: store.counts(from_ns, to_ns, (), 7, where))
            self.agree(lambda store, where=where: sorted(store.repeats(from_ns, to_ns, ("shop",), where)))
        self.agree(lambda store: sorted(store.repeats(from_ns, to_ns)))
        self.agree(lambda store: sorted(store.repeats(from_ns, to_ns, ("shop", "/"))))
        for group in (
            ("shop", "/", "html"),
            ("payments", "/orders/<int:id>", "error"),
            ("no", "such", "group"),
        ):
            self.agree(lambda store, group=group: store.timeline(group, from_ns, to_ns, 3600))
            self.agree(lambda store, group=group: sorted(store.tree(group, from_ns, to_ns)))
            self.agree(lambda store, group=group: sorted(store.tree(group, from_ns, to_ns, octaves)))
            self.agree(lambda store, group=group: sorted(store.times(group, from_ns, to_ns)))
            self.agree(lambda store, group=group: store.traces(group, from_ns, to_ns, None, 5))
            self.agree(lambda store, group=group: store.traces(group, from_ns, to_ns, octaves))
            where = (group, from_ns, to_ns)
            self.agree(lambda store, at=where: store.timeline(*at, 3600, "production"))
            self.agree(lambda store, at=where: sorted(store.tree(*at, octaves, "production")))
            self.agree(lambda store, at=where: [sorted(store.times(*at, "")), sorted(store.paces(*at))])
            self.agree(lambda store, at=where: store.traces(*at, None, 9, "production"))
        for service in ("shop", "payments", "", "no such"):
            for where in (None, "", "production", "it's\0", "no such"):
                asked = (service, from_ns, to_ns, where)
                self.agree(lambda store, asked=asked: store.releases(*asked))
            self.agree(lambda store, at=(service, from_ns, to_ns): store.service(*at))
            self.agree(lambda store, at=(service, from_ns, to_ns): store.service(*at, 7, "production"))
        for trace_id in [*self.ids[:20], "0" * 32, "no id"]:
            self.agree(lambda store, trace_id=trace_id: store.trace(trace_id))


@pytest.fixture(params=sorted(BUILT_IN))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def store(name: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"{name}:{place(name, tmp_path)}")
    yield opened
    opened.close()


def place(name: str, directory: Path) -> str:
    """Where a store of this name may keep its data in a test."""
    return "" if name == "memory" else str(directory / "store")


# The memory store is the oracle: compared with itself it cannot differ.
@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - {"memory"}))
@given(history=histories, when=ranges, octaves=st.sets(st.integers(0, 37), max_size=12))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_answers_as_the_oracle_does_whatever_happened(name: str, history, when, octaves) -> None:
    with tempfile.TemporaryDirectory() as directory:
        twin = Twin(name, place(name, Path(directory)))
        try:
            for what, detail in history:
                twin.step(what, detail)
            twin.compare(*when, octaves)
            twin.compare(DAY * DAY_NS, (DAY + SPAN_OF_DAYS) * DAY_NS, octaves)
        finally:
            twin.store.close()


def test_a_replayed_segment_changes_nothing(store: Store) -> None:
    records = [(5, commit([Request(DAY * DAY_NS, 1000, 1)])), (9, commit([Request(DAY * DAY_NS, 1000, 2)]))]
    store.apply(1, records[:1])
    store.apply(1, records)
    store.apply(1, records)
    assert store.ledger() == {"shop": 2}
    assert store.positions() == {1: 9}
    (counts,) = store.counts(DAY * DAY_NS, (DAY + 1) * DAY_NS)
    assert counts.n == 2


def test_segments_are_told_apart(store: Store) -> None:
    store.apply(1, [(5, commit([Request(DAY * DAY_NS, 1000, 1)]))])
    store.apply(2, [(5, commit([Request(DAY * DAY_NS, 1000, 2)]))])
    assert store.ledger() == {"shop": 2}
    assert store.positions() == {1: 5, 2: 5}


def test_a_contradicting_commit_is_refused_whole(store: Store) -> None:
    good, bad = commit([Request(DAY * DAY_NS, 1000, 1)]), commit([Request(DAY * DAY_NS, 1000, 2)])
    for column, value in (("trace_group", 7), ("span_kind", 9), ("latency_count", 3), ("node_location", 99)):
        broken = bad | {column: bad[column][:0] + type(bad[column])("I", [value] * len(bad[column]))}
        with pytest.raises(WireError, match=r"contradicts|below"):
            store.apply(1, [(5, good), (9, broken)])
    broken = bad | {"span_kind": bad["span_kind"] * 2}
    with pytest.raises(WireError):
        store.apply(1, [(5, good), (9, broken)])
    assert store.positions().get(1, 0) == 0
    assert store.counts(0, 2**62) == []


def test_a_minute_counts_in_the_slot_where_it_begins(store: Store) -> None:
    start = DAY * DAY_NS
    store.apply(
        1, [(1, commit([Request(start + minute * MINUTE_NS, 1000, minute + 1) for minute in range(10)]))]
    )
    (counts,) = store.counts(start, start + 10 * MINUTE_NS, (), 5)
    assert counts.slots == (2, 2, 2, 2, 2)
    (counts,) = store.counts(start + 5 * MINUTE_NS, start + 10 * MINUTE_NS, ("shop", "/orders"), 5)
    assert (counts.n, counts.slots) == (5, (1, 1, 1, 1, 1))


def test_the_newest_day_never_expires(store: Store) -> None:
    for day in range(3):
        store.apply(day, [(1, commit([Request((DAY + day) * DAY_NS, 1000, day + 1)]))])
    assert store.expire(DAY + 99) == [DAY, DAY + 1]
    assert store.size().days == (DAY + 2,)
    assert store.ledger() == {"shop": 3}
    assert store.trace(f"{1:032x}") == []
    assert [trace.row.id for trace in store.trace(f"{3:032x}")] == [f"{3:032x}"]


def test_rows_for_an_expired_day_are_accounted_for_and_forgotten(store: Store) -> None:
    for day in range(2):
        store.apply(day, [(1, commit([Request((DAY + day) * DAY_NS, 1000, day + 1)]))])
    store.expire(DAY + 1)
    store.apply(7, [(1, commit([Request(DAY * DAY_NS + HOUR_NS, 1000, 9)]))])
    assert store.size().days == (DAY + 1,)
    assert store.ledger() == {"shop": 3}
    assert store.trace(f"{9:032x}") == []


def test_services_that_share_an_id_are_answered_together(store: Store) -> None:
    start, shop, pay = DAY * DAY_NS - 1000, ("shop", "/orders", "html"), ("pay", "/charge", "json")
    first, second = Request(start, 5000, 7, shop), Request(start + 2000, 1000, 7, pay)
    # The second came after midnight, twice: its row, and the whole of it.
    row = second._replace(flags=0)
    long_ago = Request(start - 2 * DAY_NS, 1000, 7, shop)
    store.apply(
        1, [(1, commit([long_ago, second, row])), (2, commit([first, Request(start, 1000, 8, shop)]))]
    )
    found = store.trace(f"{7:032x}")
    assert [(each.row.service, each.row.start_ns, bool(each.spans)) for each in found] == [
        ("shop", start, True),
        ("pay", start + 2000, True),
    ]


def test_an_id_that_was_used_for_everything_is_answered_in_part(store: Store) -> None:
    start = DAY * DAY_NS
    store.apply(1, [(1, commit([Request(start + place, 1000, 7) for place in range(50)]))])
    assert [each.row.start_ns - start for each in store.trace(f"{7:032x}")] == list(range(30, 50))


def test_closing_twice_is_harmless(store: Store) -> None:
    store.close()
    store.close()


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown store 'duckbd'; did you mean 'duckdb'\? known: duckdb, memory"
    ):
        open_store("duckbd:/data")
    with pytest.raises(ConfigError, match="known schemes: duckdb, memory"):
        open_store("/data")


QUIET, LOUD = ("pay", "/charge", "json"), ("shop", "/", "html")
SQL = Part(("db.sql.query", "SELECT FROM t", "select ?"), 0, 10, 1000, (("rows", 3),))


@cache
def flood(first: int, n: int, group: tuple[str, str, str] = LOUD, day: int = DAY) -> dict:
    """One record of whole traces."""
    one = [Request(day * DAY_NS + i * 1_000_000, 1000, i + 1, group, (SQL,) * 8) for i in range(first, n)]
    return commit(one)


def loud_history() -> list[tuple[int, dict]]:
    """A quiet day, then a service that sends ten times what the bound allows, with others between."""
    records = [flood(0, 5, QUIET, DAY - 1)]
    for start in range(100, 4100, 100):
        records.append(flood(start, start + 100))
        if start % 1000 == 0:
            records.append(flood(10_000 + start, 10_003 + start, QUIET))
    return list(enumerate(records, 1))


BOUND = 200_000


def kept(store: Store) -> dict:
    """What the flood has left, counted exactly."""
    rows = {
        group[0]: store.traces(group, (DAY - 1) * DAY_NS, (DAY + 1) * DAY_NS, None, 10**6)
        for group in (QUIET, LOUD)
    }
    found = {name: (len(of), sum(bool(row.flags & WHOLE) for row in of)) for name, of in rows.items()}
    return found | {"shares": store.shares(), "ledger": store.ledger()}


def test_a_flood_leaves_the_others_room_and_its_own_counts_whole(store: Store) -> None:
    store.max_bytes = BOUND
    records = loud_history()
    store.apply(1, records)
    found = kept(store)
    rows, whole = found["shop"]
    # Whole traces fill a third of the bound, rows go on to a half; one record each may be too much.
    assert 0 < whole < rows < 4000
    share = found["shares"]["shop"]
    assert share.left_out == 4000 - whole
    assert BOUND / 2 <= share.bytes < BOUND / 2 + 100 * 60
    assert BOUND / 3 <= whole * (56 + 9 * 20 + 8 * 12) < BOUND / 3 + 100 * 400
    assert share.keeps == "counts"
    # Who is quiet loses nothing.
    assert found["pay"] == (17, 17)
    assert (found["shares"]["pay"].left_out, found["shares"]["pay"].keeps) == (0, "whole traces")
    # Counts, histogram and tree stay exact.
    assert found["ledger"] == {"shop": 4000, "pay": 17}
    (counts,) = store.counts(DAY * DAY_NS, (DAY + 1) * DAY_NS, ("shop",))
    assert (counts.n, sum(counts.buckets.values())) == (4000, 4000)
    assert sorted(node.n for node in store.tree(LOUD, DAY * DAY_NS, (DAY + 1) * DAY_NS)) == [4000, 32_000]


def test_a_flood_is_cut_the_same_however_it_comes(name: str, tmp_path: Path) -> None:
    """In one go, record by record, repeated, with the store opened anew between."""
    records = loud_history()
    once, apart = (open_store(f"{name}:{place(name, tmp_path / each)}") for each in ("once", "apart"))
    once.max_bytes = apart.max_bytes = BOUND
    once.apply(1, records)
    for number, record in enumerate(records):
        apart.apply(1, [record])
        apart.apply(1, records[: number + 1])
        if number % 10 == 0 and name != "memory":
            apart.close()
            apart = open_store(f"{name}:{place(name, tmp_path / 'apart')}")
            apart.max_bytes = BOUND
    assert kept(apart) == kept(once)
    once.close()
    apart.close()


def test_who_is_alone_has_no_share_to_keep_to(store: Store) -> None:
    store.max_bytes = BOUND
    store.apply(1, [(number, record) for number, record in loud_history() if "shop" in record["strings"]])
    assert kept(store)["shop"] == (4000, 4000)
    assert store.shares()["shop"].keeps == "whole traces"


@pytest.mark.parametrize("floods", [2, 3, 9])
def test_however_many_flood_a_day_something_of_the_bound_is_left(store: Store, floods: int) -> None:
    store.max_bytes = BOUND
    for start in range(0, 3000, 50):
        records = [flood(start, start + 50, (f"loud{each}", "/", "html")) for each in range(floods)]
        store.apply(1, list(enumerate(records, start * floods + 1)))
    held = [share.bytes for share in store.shares().values()]
    # Each may be a record of rows too much.
    assert sum(held) <= BOUND * floods / (floods + 1) + floods * 50 * 60
    assert min(held) > BOUND / (floods + 1) / 2
