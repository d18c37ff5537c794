"""Traces that went with a process are counted once nothing of it can arrive any more."""

import pytest

from fanlight.collector.departed import PATIENCE_S, Departed
from fanlight.collector.ledger import Ledger
from fanlight.wire import account

CLIENT = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def departed():
    """Who counts, at a time of the test's own."""
    now = [100.0]
    made = Departed(Ledger(lambda: 1), lambda: now[0])
    made.now = now
    return made


def words(finished, settled, sequence=0, following=0):
    told = account.opened()
    told[account.FINISHED], told[account.SETTLED] = finished, settled
    told[account.SEQUENCE], told[account.NEXT] = sequence, following
    told[account.CLIENT] = account.number(CLIENT)
    return told


def test_what_a_stranger_leaves_is_lost(departed):
    departed.add("shop", words(7, 0))
    departed.turn()
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 7}}


def test_who_has_sent_everything_leaves_nothing(departed):
    departed.add("shop", words(7, 7, 3, 7))
    departed.turn()
    assert departed.ledger.lost == {}


def test_what_is_still_in_its_connection_is_waited_for(departed):
    client = departed.ledger.client(CLIENT)
    client.connected = True
    departed.add("shop", words(9, 3, 2, 8))
    departed.turn()
    assert departed.ledger.lost == {}
    # Its last batch was in there, and is about to be on disk.
    client.pending, client.connected = 2, False
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 1}}


def test_a_connection_that_a_child_holds_open_is_not_waited_for_for_ever(departed):
    departed.ledger.client(CLIENT).connected = True
    departed.add("shop", words(9, 3, 2, 8))
    departed.now[0] += PATIENCE_S
    departed.turn()
    assert departed.ledger.lost == {"shop": {"ended": 6}}
    assert departed.waiting == []
