"""What was lost or ignored is told by the next collector, too, however this one ended."""

import json
import signal

import pytest

from fanlight.collector.tally import NAME

LOST = {"queue_full": 2, "ignored": 7}


def told(desk, folder):
    """Answer what the collector tells of the service's losses, and of what it ignored."""
    found = desk.state(folder / "run" / "c.sock")
    return found["lost_before_accept"].get("shop", {}), found["ignored"].get("shop", 0)


def test_the_next_collector_goes_on_where_a_killed_one_was(desk, folder):
    with desk.process(folder) as first, desk.Peer(folder / "run" / "c.sock") as peer:
        peer.greet()
        peer.batch(1, dropped=LOST)
        desk.eventually((folder / "spool" / NAME).exists)
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    with desk.running(folder):
        assert told(desk, folder) == ({"queue_full": 2}, 7)
        with desk.Peer(folder / "run" / "c.sock") as peer:
            peer.greet()
            # Totals since the process began: what the one before had heard does not count again.
            peer.batch(2, dropped={"queue_full": 5, "ignored": 7})
            assert told(desk, folder) == ({"queue_full": 5}, 7)
    with desk.running(folder):
        assert told(desk, folder) == ({"queue_full": 5}, 7)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[" * 100_000,
        b"7",
        b'{"lost": {}}',
        b'{"lost": [], "clients": {}}',
        b'{"lost": {"shop": {"ended": -1}}, "clients": {}}',
        b'{"lost": {"shop": {"ended": true}}, "clients": {}}',
        json.dumps({"lost": {"shop": 3}, "clients": {}}).encode(),
    ],
)
def test_what_is_no_such_file_is_as_none(desk, folder, content):
    (folder / "spool").mkdir(mode=0o700)
    (folder / "spool" / NAME).write_bytes(content)
    with desk.running(folder):
        assert told(desk, folder) == ({}, 0)
        with desk.Peer(folder / "run" / "c.sock") as peer:
            peer.greet()
            peer.batch(1, dropped=LOST)
    with desk.running(folder):
        assert told(desk, folder) == ({"queue_full": 2}, 7)
