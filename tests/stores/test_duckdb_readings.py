"""Readings as numbers: whatever of them a day's file has, they are what its texts tell."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pytest
from commits import commit
from history import DAY, START, open_at

from fanlight.pipeline.saturation import packed
from fanlight.stores.duckdb import close, day
from fanlight.stores.duckdb import readings as readings_of
from fanlight.stores.measures import measured
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.stores.duckdb.store import DuckStore

S = 1_000_000_000
LABELS = {"service": "shop, of all", "host": "web-1", "server": "gunicorn"}


def readings(first: int, many: int, **more: int) -> dict[str, Any]:
    """Answer a commit of readings, one a second, each third with one value more, and each with a worker's."""
    told = []
    for at in range(first, first + many):
        values: dict[str, int | float] = {"workers.booted": at, "workers.utilisation": at / 7, **more}
        if not at % 3:
            values["queue.time"] = at * 1_000_000_007
        told += [Snapshot(START + at * S, labels, values) for labels in (LABELS, LABELS | {"worker": "1"})]
    events = [packed(each) for each in told]
    strings = ["shop", *dict.fromkeys(shape for shape, _ in events)]
    return {
        **commit([]),
        "strings": strings,
        "event_service": array("I", [0] * len(told)),
        "event_time": array("Q", [each.time_ns for each in told]),
        "event_shape": array("I", [strings.index(shape) for shape, _ in events]),
        "event_values": [values for _, values in events],
    }


def answer(store: DuckStore) -> list[Any]:
    """Answer what is told of the hour as numbers."""
    return plain(store.measures(START, START + 3600 * S))


def plain(told: Any) -> list[Any]:
    """Answer readings as plain values, those that are not known as texts."""
    rows = [
        (each.shape.text, each.prefix, each.times.tolist(), [list(map(str, row)) for row in each.numbers])
        for each in told
    ]
    return sorted(rows, key=lambda row: row[:2])


def texts(store: DuckStore) -> list[Any]:
    """Answer what the texts of the hour tell, as numbers."""
    return plain(measured(store.readings(START, START + 3600 * S, whole=True)))


def kept(store: DuckStore) -> int:
    """Answer how many readings a day's file has as numbers."""
    ((many,),) = store.writer.execute(f"SELECT count(*) FROM {store.days[DAY].alias}.measured").fetchall()
    return int(many)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some forty events be many, and no more than thirty be looked at together."""
    monkeypatch.setattr(day, "MEASURE_AT", 40)
    for module in (readings_of, day, close):
        monkeypatch.setattr(module, "MEASURED_AT_ONCE", 30)


def test_they_are_kept_when_many_have_come_and_stay_when_the_day_is_over(directory: Path) -> None:
    store = open_at(directory, START + 86_400 * S * 2)
    store.apply(1, [(1, readings(0, 10))])
    assert kept(store) == 0
    store.apply(1, [(2, readings(40, 9)), (3, readings(20, 9))])
    assert kept(store) == 15
    store.apply(1, [(4, readings(60, 9))])
    assert kept(store) == 30
    before = answer(store)
    assert before == texts(store)
    assert sum(len(times) for _, _, times, _ in before) == 37
    store.compact()
    assert store.days[DAY].closed
    assert kept(store) == 37
    assert answer(store) == texts(store) == before
    store.close()


def test_a_day_that_an_earlier_version_began_is_read_and_measured_bit_by_bit(directory: Path) -> None:
    store = open_at(directory)
    for position in range(1, 5):
        store.apply(1, [(position, readings(position * 20, 19))])
    store.writer.execute(f"DROP TABLE {store.days[DAY].alias}.measured")
    store.close()
    store = open_at(directory)
    assert kept(store) == 0
    assert answer(store) == texts(store)
    for position in range(5, 9):
        before = kept(store)
        store.apply(1, [(position, readings(position * 20, 1))])
        assert kept(store) == before + 15
        assert answer(store) == texts(store)
    store.close()
    store = open_at(directory)
    # The last event that was looked at is a worker's, which leaves no trace of that.
    store.days[DAY].ready(store.writer)
    assert store.days[DAY].unmeasured == 160 - 120 + 1
    assert answer(store) == texts(store)
    store.close()


@pytest.mark.parametrize("values", ['[null,null,"shop', "[]", '[null,null,"shop","web-1","gunicorn",x]'])
def test_a_reading_that_is_none_harms_nothing_that_comes_with_it(directory: Path, values: str) -> None:
    store = open_at(directory)
    given = readings(1, 20)
    given["event_values"][0] = values
    store.apply(1, [(1, given)])
    assert kept(store) == 14
    assert sum(len(times) for _, _, times, _ in answer(store)) == 19
    store.close()


def test_readings_with_more_values_than_there_is_room_for_are_read_from_their_texts(directory: Path) -> None:
    store = open_at(directory)
    reasons = {f"workers.restarts.{n}": n for n in range(40)}
    store.apply(1, [(1, readings(0, 10)), (2, readings(10, 10, **reasons))])
    assert kept(store) == 10
    assert answer(store) == texts(store)
    assert sum(len(times) for _, _, times, _ in answer(store)) == 20
    store.close()
