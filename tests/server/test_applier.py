"""The applier: every record of the spool reaches the store once, whatever stands in the way."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest
from commits import DAY_NS, Request, commit
from stubborn import START, Stubborn, one

from fanlight.server import account
from fanlight.server import applier as module
from fanlight.server.applier import INTERVAL_S, TURN_BYTES, Applier
from fanlight.stores import open_store
from fanlight.wire import settled, spool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fanlight.stores import Store


@pytest.fixture(params=["memory", "duckdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    place = "" if request.param == "memory" else tmp_path / "store"
    opened = open_store(f"{request.param}:{place}")
    yield opened
    opened.close()


def drain(applier: Applier) -> None:
    """Take turns until there is nothing more."""
    while applier.take_turn():
        pass


def test_a_spool_that_does_not_exist_yet_is_nothing_to_apply(store, segments) -> None:
    applier = Applier(store, segments.directory)
    assert applier.attempt() > 0
    assert applier.trouble.text == ""
    assert applier.lag_s == 0


def test_records_are_applied_once_and_applied_segments_go_but_the_newest(store, segments) -> None:
    old = segments.begin()
    for number in range(1, 6):
        segments.append(one(number))
    new = segments.begin()
    segments.append(one(6))
    applier = Applier(store, segments.directory)
    drain(applier)
    drain(applier)
    assert store.ledger() == {"shop": 6}
    assert not old.exists()
    assert new.exists()
    segments.append(one(7))
    drain(applier)
    assert store.ledger() == {"shop": 7}
    # A new process knows where the last one stood.
    drain(Applier(store, segments.directory))
    assert store.ledger() == {"shop": 7}


def test_a_torn_tail_waits_in_the_newest_segment_and_is_nothing_in_a_sealed_one(store, segments) -> None:
    path = segments.begin()
    segments.append(one(1))
    whole = path.read_bytes()
    segments.append(one(2))
    both = path.read_bytes()
    path.write_bytes(both[:-3])
    applier = Applier(store, segments.directory)
    drain(applier)
    assert store.ledger() == {"shop": 1}
    path.write_bytes(both)
    drain(applier)
    assert store.ledger() == {"shop": 2}
    path.write_bytes(both + whole[-50:-20])
    segments.begin()
    drain(applier)
    assert not path.exists()
    assert applier.bad_segments == 0


@pytest.mark.parametrize("where", ["header", "record"])
def test_a_damaged_segment_is_set_aside_and_the_next_is_applied(store, segments, where: str) -> None:
    path = segments.begin()
    segments.append(one(1))
    good = path.stat().st_size
    segments.append(one(2))
    data = bytearray(path.read_bytes())
    data[12 if where == "header" else good + 30] ^= 0xFF
    path.write_bytes(data)
    segments.begin()
    segments.append(one(3))
    told: list[str] = []
    applier = Applier(store, segments.directory, told.append)
    drain(applier)
    assert path.with_name(path.name + ".bad").exists()
    assert applier.bad_segments == 1
    assert len(told) == 1
    assert path.name in told[0]
    assert store.ledger() == {"shop": 1 if where == "header" else 2}
    accounts = account.services(applier)
    assert accounts["shop"]["dropped"] == {"damaged": 2 if where == "header" else 1}
    assert accounts["shop"]["balanced"]


def settle(segments) -> None:
    """Say, as the collector does behind its fsync, that all is durable."""
    totals = {"service": list(segments.accepted), "accepted": array("Q", segments.accepted.values())}
    told = {"number": segments.number, "position": segments.path.stat().st_size, **totals}
    (segments.directory / settled.NAME).write_bytes(settled.pack(told))


def balance(applier: Applier) -> tuple[int, int, int, dict]:
    shop = account.services(applier)["shop"]
    assert shop["balanced"]
    return shop["accepted"], shop["stored"], shop["in_spool"], shop["dropped"]


def test_the_newest_segment_is_applied_as_far_as_it_is_durable(store, segments) -> None:
    segments.begin()
    segments.append(one(1))
    settle(segments)
    segments.append(one(2))
    applier = Applier(store, segments.directory)
    drain(applier)
    assert balance(applier) == (2, 1, 1, {})
    settle(segments)
    drain(applier)
    assert balance(applier) == (2, 2, 0, {})
    segments.append(one(3))
    # Another one follows, and only behind a durable one does the collector begin it.
    segments.begin()
    drain(applier)
    assert balance(applier) == (3, 3, 0, {})


@pytest.mark.parametrize("spoilt", [0, 4, 9, 40, 400])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_record_damaged_in_the_newest_segment_costs_itself_alone(store, segments, place, spoilt) -> None:
    path = segments.begin()
    ends = [path.stat().st_size]
    for number in range(1, 5):
        segments.append(one(number))
        ends.append(path.stat().st_size)
    settle(segments)
    data = bytearray(path.read_bytes())
    data[ends[place - 1] + spoilt] ^= 0xFF
    path.write_bytes(data)
    told: list[str] = []
    applier = Applier(store, segments.directory, told.append)
    assert balance(applier) == (4, 0, 3, {"damaged": 1})
    drain(applier)
    assert balance(applier) == (4, 3, 0, {"damaged": 1})
    assert applier.bad_records == 1
    assert len(told) == 1
    assert f"bytes {ends[place - 1]} to {ends[place]} are damaged" in told[0]
    # A server that starts now met none of it, and the collector goes on in the same segment.
    again = Applier(store, segments.directory, lambda _: None)
    drain(again)
    assert balance(again) == (4, 3, 0, {"damaged": 1})
    segments.append(one(5))
    settle(segments)
    drain(again)
    segments.begin()
    settle(segments)
    drain(again)
    assert balance(again) == (5, 4, 0, {"damaged": 1})
    assert [path.name for path in segments.directory.glob("*.bad")] == [path.name + ".bad"]
    assert balance(Applier(store, segments.directory)) == (5, 4, 0, {"damaged": 1})


@pytest.mark.parametrize("spoilt", [0, 3, 30])
def test_the_last_record_damaged_is_known_as_lost_and_not_as_torn(store, segments, spoilt) -> None:
    path = segments.begin()
    segments.append(one(1))
    end = path.stat().st_size
    segments.append(one(2))
    settle(segments)
    data = bytearray(path.read_bytes())
    data[end + spoilt] ^= 0x7F
    path.write_bytes(data)
    applier = Applier(store, segments.directory, lambda _: None)
    drain(applier)
    assert balance(applier) == (2, 1, 0, {"damaged": 1})
    segments.begin()
    settle(segments)
    drain(applier)
    assert balance(applier) == (2, 1, 0, {"damaged": 1})
    assert path.with_name(path.name + ".bad").exists()


def test_a_segment_of_a_newer_version_is_left_for_the_newer_fanlight(store, segments) -> None:
    path = segments.begin()
    data = bytearray(path.read_bytes())
    data[8] = 99
    path.write_bytes(data)
    applier = Applier(store, segments.directory, lambda _: None)
    applier.attempt()
    assert "spool version 99" in applier.trouble.text
    assert path.exists()


def test_a_record_that_contradicts_itself_is_left_out_and_counted(store, segments) -> None:
    segments.begin()
    segments.append(one(1))
    bad = one(2)
    bad["trace_group"] = array("I", [44])
    segments.append(bad)
    segments.append(one(3))
    with segments.path.open("ab") as file:
        file.write(spool.pack_record(b"\xff\xff\xff"))
    segments.append(one(4))
    applier = Applier(store, segments.directory, lambda _: None)
    drain(applier)
    assert store.ledger() == {"shop": 3}
    assert applier.bad_records == 2
    assert account.services(applier)["shop"] == {
        "accepted": 4,
        "stored": 3,
        "in_spool": 0,
        "dropped": {"damaged": 1},
        "balanced": True,
    }


def test_a_failing_store_is_told_once_retried_and_loses_nothing(segments, until) -> None:
    store = Stubborn()
    store.failing = True
    segments.begin()
    segments.append(one(1))
    told: list[str] = []
    applier = Applier(store, segments.directory, told.append)
    waits = [applier.attempt() for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert told == ["the spool cannot be applied, trying again: no room on the disk"]
    assert applier.lag_s >= 0
    assert account.services(applier)["shop"]["in_spool"] == 1
    store.failing = False
    assert applier.attempt() == INTERVAL_S
    assert told[1:] == ["the spool is being applied again"]
    assert store.ledger() == {"shop": 1}
    assert applier.lag_s == 0


def test_one_turn_is_bounded(segments) -> None:
    store = Stubborn()
    segments.begin()
    wide = commit([Request(START, 1_000_000, 1)])
    wide["strings"] = [*wide["strings"], "x" * (TURN_BYTES // 2)]
    for _ in range(5):
        segments.append(wide)
    applier = Applier(store, segments.directory)
    assert applier.take_turn()
    assert store.ledger() == {"shop": 2}
    drain(applier)
    assert store.ledger() == {"shop": 5}


def test_the_thread_applies_within_seconds_and_a_last_time_when_it_ends(segments, until) -> None:
    store = Stubborn()
    applier = Applier(store, segments.directory)
    applier.start()
    segments.begin()
    segments.append(one(1))
    until(lambda: store.ledger() == {"shop": 1})
    segments.append(one(2))
    applier.stop(5)
    assert not applier.thread.is_alive()
    assert store.ledger() == {"shop": 2}


def test_what_a_collector_that_has_begun_anew_writes_does_not_wait_for_the_rest(
    segments, until, monkeypatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL_S", 3_600.0)
    monkeypatch.setattr(module, "FRESH_S", 3_600.0)
    store = Stubborn()
    applier = Applier(store, segments.directory)
    applier.start()
    for count in (2, 4):
        segments.begin()
        # Behind its header, and behind each of what comes in several records.
        for more in (-1, 0):
            settle(segments)
            segments.append(one(count + more))
            settle(segments)
            until(lambda stored=count + more: store.ledger() == {"shop": stored})
    applier.stop(5)
    assert not applier.thread.is_alive()


def test_the_account_balances_at_every_step(store, segments) -> None:
    applier = Applier(store, segments.directory)
    assert account.services(applier) == {}
    number = 0
    for _ in range(3):
        segments.begin()
        for _ in range(4):
            number += 1
            message = one(number)
            if number % 3 == 0:
                # A nearly full spool keeps counts only: the ledger has no such trace.
                message["ledger_accepted"] = array("Q", [0])
            segments.append(message)
            for accounts in (account.services(applier),):
                shop = accounts["shop"]
                assert shop["accepted"] == number
                assert shop["dropped"].get("spool_full", 0) == number // 3
                assert shop["accepted"] == shop["stored"] + shop["in_spool"] + sum(shop["dropped"].values())
                assert shop["balanced"]
            if number % 5 == 0:
                drain(applier)
    drain(applier)
    assert account.services(applier)["shop"]["in_spool"] == 0


def test_an_account_that_lost_something_says_so(segments) -> None:
    segments.begin()
    segments.append(one(1))
    segments.append(one(2))
    applier = Applier(open_store("memory:"), segments.directory)
    applier.at[segments.number] = segments.path.stat().st_size
    shop = account.services(applier)["shop"]
    assert (shop["accepted"], shop["stored"], shop["in_spool"]) == (2, 0, 0)
    assert not shop["balanced"]


def test_a_service_that_fills_its_share_is_told_once_and_when_it_is_over(store, segments, tmp_path) -> None:
    told: list[str] = []
    store.max_bytes = 20_000
    applier = Applier(store, segments.directory, told.append)
    segments.begin()
    pay = ("pay", "/charge", "json")
    segments.append(commit([Request(START, 1000, 1, pay)]))
    for first in range(100, 1000, 50):
        segments.append(commit([Request(START + n, 1000, n) for n in range(first, first + 50)]))
        drain(applier)
    assert [line.split(" sent")[0] for line in told] == ["shop"]
    assert "counted, but no longer kept whole" in told[0]
    # Another day begins: its room is new.
    segments.append(commit([Request(START + DAY_NS, 1000, 2)]))
    drain(applier)
    assert told[1:] == ["there is room for whole traces of every service again"]
    assert store.ledger() == {"pay": 1, "shop": 901}
