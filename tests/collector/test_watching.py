"""Who asks for snapshots is told of them until it hangs up, and harms nobody."""

from __future__ import annotations

import json

from fanlight.wire import codec, frames, messages
from fanlight.wire.readings import Snapshot

TOLD = [Snapshot(5, {"service": "shop"}, {"queue.backlog": 7, "workers.utilisation": 0.5})]


class Telling:
    """Tells whoever watches when a test says so, on the collector's own thread."""

    def __init__(self, collector):
        self.collector = collector
        self.watching = []
        collector.hall = collector.hall._replace(watch=self.watch)

    def watch(self, tell, period_s):
        entry = (tell, period_s)
        self.watching.append(entry)
        return lambda: self.watching.remove(entry)


def watch(peer, period_ms=250):
    peer.send(frames.WATCH, codec.encode(messages.WATCH, {"period_ms": period_ms}))


def snapshots(peer):
    length, kind, _ = frames.header(peer.take(8))
    assert kind == frames.SNAPSHOTS
    return json.loads(codec.decode(messages.SNAPSHOTS, peer.take(length))["json"])


def test_a_watcher_is_told_until_it_hangs_up(desk, tmp_path):
    with desk.running(tmp_path) as collector:
        telling = Telling(collector)
        with desk.Peer(collector.options.socket) as peer:
            watch(peer)
            desk.eventually(lambda: telling.watching)
            ((tell, period_s),) = telling.watching
            assert period_s == 0.25
            assert collector.reception.watchers == 1
            for _ in range(2):
                tell(TOLD)
                assert snapshots(peer) == [TOLD[0]._asdict()]
            assert collector.agents == 0
        desk.eventually(lambda: not telling.watching)
        assert collector.reception.watchers == 0


def test_a_period_is_never_shorter_than_servers_are_read(desk, tmp_path):
    with desk.running(tmp_path) as collector:
        telling = Telling(collector)
        with desk.Peer(collector.options.socket) as peer:
            watch(peer, 0)
            desk.eventually(lambda: telling.watching)
            assert telling.watching[0][1] == 0.1


def test_a_watcher_may_ask_for_the_state_as_well_but_not_twice_for_snapshots(desk, tmp_path):
    with desk.running(tmp_path) as collector:
        telling = Telling(collector)
        with desk.Peer(collector.options.socket) as peer:
            watch(peer)
            peer.send(frames.STATUS_REQUEST)
            assert peer.answer()[0] == frames.STATUS
            watch(peer)
            assert peer.refused() == "order"
        desk.eventually(lambda: not telling.watching)


def test_an_agent_is_no_watcher(desk, tmp_path):
    with desk.running(tmp_path) as collector:
        Telling(collector)
        with desk.Peer(collector.options.socket) as peer:
            peer.hello()
            watch(peer)
            assert peer.refused() == "order"


def test_a_collector_that_reads_no_servers_says_so(desk, tmp_path):
    with desk.running(tmp_path) as collector, desk.Peer(collector.options.socket) as peer:
        collector.hall = collector.hall._replace(watch=lambda *_: None)
        watch(peer)
        assert peer.refused() == "unread"


def test_a_watcher_that_reads_nothing_is_given_up(desk, tmp_path):
    with desk.running(tmp_path) as collector:
        telling = Telling(collector)
        with desk.Peer(collector.options.socket) as peer:
            watch(peer)
            desk.eventually(lambda: telling.watching)
            many = [Snapshot(5, {"service": "x" * 1000}, {})] * 1000
            for _ in range(20):
                for tell, _period_s in list(telling.watching):
                    tell(many)
            assert telling.watching == []
