"""What is posted is kept exactly once, or refused with a reason."""

from __future__ import annotations

import os
import time
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from commits import MINUTE_NS, Request, commit

from fanlight.errors import WireError
from fanlight.server import account
from fanlight.server.inbox import BASE, Inbox, RoomError
from fanlight.server.server import Server
from fanlight.stores import open_store
from fanlight.wire import spool
from fanlight.wire.codec import decode, encode
from fanlight.wire.messages import COMMIT, HELLO
from fanlight.wire.report import REPORT

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = "c0ffee" * 5 + "00"
NOW = 20_000 * 24 * 60 * MINUTE_NS


def posted(sequence: int, *, n: int = 1, start_ns: int = NOW, who: str = CLIENT, **changes: Any) -> bytes:
    requests = [Request(start_ns + i, 5_000_000, sequence * 1000 + i) for i in range(n)]
    message = {
        **commit(requests),
        "client": [who],
        "client_sequence": array("Q", [sequence]),
        **changes,
    }
    hello = {"client": who, "service": "shop", "host": "h", "pid": 7, "instruments": ["flask"]}
    return encode(
        REPORT,
        {
            "hello": encode(HELLO, hello),
            "sequence": sequence,
            "dropped_reason": ["queue_full", "ignored"],
            "dropped_count": array("Q", [3, 5]),
            "records": spool.pack_record(encode(COMMIT, message)),
        },
    )


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(str(tmp_path / "inbox"), lambda: NOW)


def stored(tmp_path: Path, until: Any, n: int) -> Server:
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.start()
    until(lambda: server.store.ledger().get("shop", 0) >= n)
    return server


def test_a_report_that_comes_again_is_told_and_not_applied_again(inbox, tmp_path, until):
    assert inbox.take(posted(1, n=3)) == 1
    assert inbox.take(posted(1, n=3)) == 1
    assert inbox.take(posted(2, n=2)) == 2
    assert inbox.take(posted(1, n=3)) == 2
    inbox.stop()
    server = stored(tmp_path, until, 5)
    assert server.status()["services"]["shop"] == {
        "accepted": 5,
        "stored": 5,
        "in_spool": 0,
        "dropped": {},
        "balanced": True,
    }
    server.stop()


def test_a_new_server_knows_what_the_one_before_had_acknowledged(inbox, tmp_path):
    inbox.take(posted(1))
    inbox.take(posted(2))
    inbox.stop()
    again = Inbox(str(tmp_path / "inbox"), lambda: NOW)
    again.start()
    assert again.take(posted(2)) == 2
    assert again.ledger.accepted == {"shop": 2}
    again.stop()


def test_a_second_server_waits_for_the_first_one_to_leave(inbox, tmp_path):
    inbox.take(posted(1))
    second = Inbox(str(tmp_path / "inbox"), lambda: NOW)
    with pytest.raises(RoomError, match="another server"):
        second.take(posted(2))
    inbox.stop()
    assert second.take(posted(2)) == 2
    second.stop()


def test_a_report_is_applied_although_telling_so_failed_and_nobody_reports_again(tmp_path, until):
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.start()
    server.inbox.take(posted(1, start_ns=time.time_ns()))
    settled = tmp_path / "inbox" / "settled"
    settled.unlink()
    settled.mkdir()
    assert server.inbox.take(posted(2, start_ns=time.time_ns())) == 2
    assert server.inbox.owes
    settled.rmdir()
    until(lambda: server.store.ledger().get("shop") == 2)
    server.stop()


def test_what_a_predecessor_left_gives_its_room_back(tmp_path, until):
    before = Inbox(str(tmp_path / "inbox"))
    before.take(posted(1, n=200, start_ns=time.time_ns()))
    before.stop()
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.start()
    until(lambda: server.store.ledger().get("shop") == 200)
    more = posted(2, n=3, start_ns=time.time_ns())
    server.inbox.max_bytes = server.inbox.writer.used + len(more) // 2

    def taken() -> bool:
        try:
            return server.inbox.take(more) == 2
        except RoomError:
            return False

    until(taken)
    server.stop()


def test_its_segments_never_have_the_collectors_numbers(inbox, tmp_path):
    inbox.take(posted(1))
    (path,) = spool.segments(tmp_path / "inbox")
    assert spool.number(path) == BASE + NOW // 1_000_000_000
    inbox.stop()


def test_both_spools_add_up_in_one_account(inbox, segments, tmp_path, until):
    segments.begin()
    segments.append(commit([Request(NOW + i, 1_000_000, i) for i in range(4)]))
    inbox.take(posted(1, n=3))
    inbox.stop()
    server = stored(tmp_path, until, 7)
    found = account.services(server.applier)["shop"]
    assert (found["accepted"], found["stored"], found["balanced"]) == (7, 7, True)
    server.stop()


def test_who_reports_and_what_it_lost_is_told(inbox):
    inbox.take(posted(1))
    inbox.take(posted(2))
    told = inbox.state()
    (client,) = told["clients"]
    assert (client["client"], client["service"], client["pid"], client["sequence"]) == (CLIENT, "shop", 7, 2)
    assert client["dropped"] == {"queue_full": 3}
    assert told["lost_before_accept"] == {"shop": {"queue_full": 3}}
    assert told["ignored"] == {"shop": 5}
    inbox.stop()


def test_a_client_that_says_nothing_for_long_is_no_longer_shown(tmp_path):
    now = [NOW]
    inbox = Inbox(str(tmp_path / "inbox"), lambda: now[0])
    inbox.take(posted(1))
    now[0] += 5 * MINUTE_NS
    assert inbox.state()["clients"] == []
    assert inbox.take(posted(1)) == 1
    assert inbox.ledger.accepted == {"shop": 1}
    inbox.stop()


@pytest.mark.parametrize("off_ns", [-400 * 24 * 60 * MINUTE_NS, -3 * 60 * MINUTE_NS, 90 * 60 * MINUTE_NS])
def test_a_clock_that_is_off_is_put_right(inbox, tmp_path, off_ns):
    inbox.take(posted(1, start_ns=NOW - MINUTE_NS + off_ns), NOW + off_ns)
    (path,) = spool.segments(tmp_path / "inbox")
    ((_, kept),) = spool.read(path)
    assert abs(kept["trace_start"][0] - (NOW - MINUTE_NS)) <= MINUTE_NS
    assert abs(kept["count_minute"][0] - (NOW - MINUTE_NS) // MINUTE_NS) <= 1
    assert abs(kept["node_hour"][0] - NOW // (60 * MINUTE_NS)) <= 1
    assert inbox.state()["clients"][0]["clock_off_s"] == -off_ns // 1_000_000_000
    inbox.stop()


def test_a_clock_that_is_off_by_seconds_is_left_alone(inbox, tmp_path):
    data = posted(1)
    inbox.take(data, NOW + 20_000_000_000)
    (path,) = spool.segments(tmp_path / "inbox")
    ((_, body),) = spool.records(path)
    assert spool.pack_record(body) == decode(REPORT, data)["records"]
    inbox.stop()


def test_no_day_is_opened_for_a_time_that_nobody_believes(inbox, tmp_path):
    inbox.take(posted(1, start_ns=NOW - 900 * 24 * 60 * MINUTE_NS), NOW)
    (path,) = spool.segments(tmp_path / "inbox")
    ((_, kept),) = spool.read(path)
    assert list(kept["trace_start"]) == [NOW]
    inbox.stop()


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("count_group", array("I", [9])),
        ("span_kind", array("I", [77])),
        ("trace_duration", array("Q", [1, 2])),
        ("node_kind", array("I", [1 << 30])),
        ("group_service", array("I", [99])),
        ("client", ["f" * 32]),
        ("client", []),
        ("client_sequence", array("Q", [4])),
        ("ledger_accepted", array("Q", [500])),
        ("count_sum", array("Q", [(1 << 64) - 1])),
    ],
)
def test_a_record_that_contradicts_itself_is_refused_whole(inbox, tmp_path, name, column):
    with pytest.raises(WireError):
        inbox.take(posted(1, **{name: column}))
    assert not os.path.exists(tmp_path / "inbox")


@pytest.mark.parametrize("cut", [0, 1, 5, 40, 200, -1])
def test_what_is_cut_off_is_refused(inbox, cut):
    with pytest.raises(WireError):
        inbox.take(posted(1)[:cut])


def test_what_a_posted_record_passes_every_store_takes(inbox, tmp_path):
    inbox.take(posted(1, n=9))
    (path,) = spool.segments(tmp_path / "inbox")
    for url in ("memory:", f"duckdb:{tmp_path}/store"):
        store = open_store(url)
        store.apply(spool.number(path), list(spool.read(path)))
        assert store.ledger() == {"shop": 9}
        store.close()
    inbox.stop()


def test_a_full_inbox_takes_nothing_and_recovers(inbox, tmp_path, until):
    inbox.max_bytes = 3_000
    taken = 1
    while inbox.writer.used + len(posted(taken)) <= inbox.max_bytes:
        assert inbox.take(posted(taken)) == taken
        taken += 1
    with pytest.raises(RoomError, match=r"spool\.max_bytes"):
        inbox.take(posted(taken))
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.applier.start()
    until(lambda: len(spool.segments(tmp_path / "inbox")) == 1)
    inbox.looked_s = time.monotonic() - 10
    assert inbox.take(posted(taken)) == taken
    until(lambda: server.store.ledger().get("shop") == taken)
    inbox.stop()
    server.stop()


def test_a_disk_that_fails_is_told_and_the_report_is_not_acknowledged(inbox):
    inbox.take(posted(1))
    sync, failing = os.fsync, [True]

    def fsync(fd: int) -> None:
        if failing:
            raise OSError(5, "Input/output error")
        sync(fd)

    inbox.writer.disk = inbox.writer.disk._replace(fsync=fsync)
    with pytest.raises(OSError, match="Input/output"):
        inbox.take(posted(2))
    with pytest.raises(OSError, match="Input/output"):
        inbox.take(posted(2))
    failing.clear()
    assert inbox.take(posted(2)) == 2
    assert inbox.ledger.accepted == {"shop": 2}
    inbox.stop()


def test_a_report_larger_than_the_bound_is_taken_when_nothing_else_waits(inbox, tmp_path, until):
    inbox.max_bytes = 400
    assert len(posted(1)) > inbox.max_bytes
    assert inbox.take(posted(1)) == 1
    with pytest.raises(RoomError):
        inbox.take(posted(2))
    server = Server(open_store("memory:"), tmp_path / "spool", lambda: None)
    server.applier.start()
    until(lambda: len(spool.segments(tmp_path / "inbox")) == 1)
    inbox.looked_s = time.monotonic() - 10
    assert inbox.take(posted(2)) == 2
    until(lambda: server.store.ledger().get("shop") == 2)
    inbox.stop()
    server.stop()
