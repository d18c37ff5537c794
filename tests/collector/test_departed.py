"""Traces that went with a process are counted once nothing of it can arrive any more."""

import random
import time
from array import array

import pytest

from fanlight.aggregate.aggregator import Aggregator
from fanlight.collector.commits import Committer
from fanlight.collector.departed import MOST, PATIENCE_S, Departed
from fanlight.collector.ledger import Ledger
from fanlight.collector.notices import Notices
from fanlight.collector.options import Options
from fanlight.collector.spool import SpoolWriter
from fanlight.wire import account, trail
from fanlight.wire import slots as layout

CLIENT = "0123456789abcdef0123456789abcdef"
NOW_NS = time.time_ns()


class Desk:
    """A collector's parts on a directory, at a time of the test's own."""

    def __init__(self, folder):
        self.now = [100.0]
        options = Options(socket=str(folder / "s"), spool=str(folder / "spool"))
        self.ledger = Ledger(lambda: NOW_NS)
        self.writer = SpoolWriter(options.spool, self.ledger.describe, lambda: NOW_NS)
        self.committer = Committer(
            options,
            Aggregator(random.Random(1).random),
            self.ledger,
            self.writer,
            Notices(lambda: self.now[0]),
            lambda: self.now[0],
        )
        self.departed = Departed(self.ledger, lambda: self.now[0], self.committer)
        self.unread = self.ledger.restore(options.spool) if (folder / "spool").exists() else []


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.writer.seal()


@pytest.fixture
def departed(desk):
    """Who counts."""
    return desk.departed


def kept():
    """Be told that nothing of a process is needed any more, where that does not matter."""


def left(finished, settled, sequence=0, following=0, *, busy=0, client=CLIENT, **words):
    """Answer what a process told last."""
    memory = bytearray(layout.SIZE)
    cells = memoryview(memory).cast("q")
    cells[0], cells[1], cells[layout.PID] = layout.MAGIC, layout.VERSION, 77
    for word, value in words.items():
        cells[getattr(layout, word)] = value
    told = account.opened()
    told[account.FINISHED], told[account.SETTLED] = finished, settled
    told[account.SEQUENCE], told[account.NEXT] = sequence, following
    told[account.CLIENT] = account.number(client) if client else 0
    cells[layout.ACCOUNT] = told
    for place in range(busy):
        cells[layout.HEAD_WORDS + place * layout.PLACE_WORDS] = 5
    layout.put_text(memory, ("shop", "uwsgi", ""))
    return layout.parse(bytes(memory))


def marks(first, last, *, ignored=()):
    """Answer a trail with the traces from one to another, of 5 ns each."""
    words = array("Q", bytes(trail.NAMES_AT))
    for order in range(first, last + 1):
        at = order % trail.ENTRIES * trail.ENTRY_WORDS
        number = 2 if order in ignored else 1
        words[at : at + 3] = array("Q", (order, NOW_NS, number << trail.NAME_SHIFT | 5))
    names = [
        trail.Name("GET /", "html", "app.wsgi.request", "GET", ignored=False),
        trail.Name("GET /ping", "html", "app.wsgi.request", "GET", ignored=True),
    ]
    return words.tobytes() + b"".join(name.packed() for name in names).ljust(trail.NAMES_BYTES, b"\0")


def test_what_a_stranger_leaves_is_lost(departed):
    departed.add(left(7, 0), b"", kept)
    departed.turn()
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 7}}


def test_who_has_sent_everything_leaves_nothing(departed):
    departed.add(left(7, 7, 3, 7), marks(1, 7), kept)
    departed.turn()
    assert departed.ledger.lost == {}


def test_what_is_still_in_its_connection_is_waited_for(departed):
    client = departed.ledger.client(CLIENT)
    client.connected = True
    departed.add(left(9, 3, 2, 8), b"", kept)
    departed.turn()
    assert departed.ledger.lost == {}
    # Its last batch was in there, and is about to be on disk.
    client.pending, client.connected = 2, False
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 1}}


def test_a_connection_that_a_child_holds_open_is_not_waited_for_for_ever(desk, departed):
    departed.ledger.client(CLIENT).connected = True
    departed.add(left(9, 3, 2, 8), b"", kept)
    desk.now[0] += PATIENCE_S
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 6}}
    assert departed.waiting == []


def test_what_has_a_mark_is_accepted_under_its_name_and_the_rest_is_lost(desk, departed):
    departed.add(left(9, 3, 2, 6), marks(7, 9, ignored={8}), kept)
    departed.turn()
    desk.committer.close()
    assert departed.ledger.lost == {"shop": {"ended": 3, "ignored": 1}}
    assert departed.ledger.accepted == {"shop": 2}


def test_an_account_that_is_found_again_by_a_new_collector_counts_once(desk, departed, tmp_path):
    departed.add(left(9, 3, 2, 6), marks(1, 9), kept)
    departed.turn()
    desk.committer.close()
    assert (departed.ledger.accepted, departed.ledger.lost) == ({"shop": 6}, {})
    again = Desk(tmp_path)
    again.departed.add(left(9, 3, 2, 6), marks(1, 9), kept)
    again.departed.turn()
    again.committer.close()
    again.writer.seal()
    assert again.ledger.accepted == {"shop": 6}


def test_processes_that_ended_before_they_had_a_name_count_each(desk, departed):
    for _ in range(2):
        departed.add(left(2, 0, client=""), marks(1, 2), kept)
    departed.turn()
    desk.committer.close()
    assert (departed.ledger.accepted, departed.ledger.lost) == ({"shop": 4}, {})


def test_while_nothing_can_be_written_it_waits(desk, departed):
    stuck, desk.committer.stuck = desk.committer.stuck, object()
    departed.add(left(2, 0), marks(1, 2), kept)
    departed.turn()
    assert (departed.ledger.lost, len(departed.waiting)) == ({}, 1)
    desk.committer.stuck = stuck
    departed.turn()
    desk.committer.close()
    assert (departed.ledger.accepted, departed.waiting) == ({"shop": 2}, [])


def test_requests_that_were_under_way_are_told_as_cut_off(departed):
    departed.add(left(7, 7, 3, 7, busy=2), b"", kept)
    # Where a connection has a place, only what is being answered is a request.
    departed.add(left(7, 7, 3, 7, busy=5, APART=1, UNDER_WAY=1), b"", kept)
    departed.turn()
    departed.turn()
    assert departed.ledger.lost == {"shop": {"cut_off": 3}}


def test_what_is_left_is_held_until_traces_and_losses_are_on_disk(desk, departed):
    let_go = []
    departed.add(left(7, 7, 3, 7), b"", lambda: let_go.append("nothing"))
    assert let_go == ["nothing"]
    departed.add(left(9, 3, 2, 6, busy=1), marks(8, 9), lambda: let_go.append("both"))
    departed.add(left(4, 3), b"", lambda: let_go.append("lost"))
    departed.turn()
    departed.settle()
    assert let_go == ["nothing", "lost"], "the traces are in memory"
    # What is not on disk the next collector finds again, the losses with it.
    assert departed.ledger.lost == {"shop": {"ended": 1}}
    desk.committer.close()
    assert let_go == ["nothing", "lost"], "the losses are in memory"
    departed.settle()
    departed.settle()
    assert let_go == ["nothing", "lost", "both"]
    assert departed.ledger.lost == {"shop": {"ended": 5, "cut_off": 1}}


def test_what_a_collector_took_and_did_not_write_the_next_one_counts(desk, departed, tmp_path):
    departed.add(left(9, 3, 2, 6), marks(1, 9), kept)
    departed.turn()
    # It is killed here.
    again = Desk(tmp_path)
    again.departed.add(left(9, 3, 2, 6), marks(1, 9), kept)
    again.departed.turn()
    again.committer.close()
    again.writer.seal()
    assert (again.ledger.accepted, again.ledger.lost) == ({"shop": 6}, {})


def test_a_collector_that_leaves_waits_for_nothing(desk, departed):
    departed.ledger.client(CLIENT).connected = True
    departed.add(left(9, 3, 2, 8), marks(1, 9), kept)
    departed.turn(at_once=True)
    desk.committer.close()
    assert (departed.ledger.accepted, departed.waiting) == ({"shop": 6}, [])


def test_more_trails_than_there_is_room_for_are_lost_while_nothing_can_be_written(desk, departed):
    desk.committer.stuck = object()
    for _ in range(MOST + 2):
        departed.add(left(2, 0, client=""), marks(1, 2), kept)
    departed.turn()
    desk.committer.stuck = None
    assert (departed.ledger.lost, len(departed.waiting)) == ({"shop": {"ended": 4}}, MOST)
