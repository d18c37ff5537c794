"""A collector on a real socket: what it takes, what it refuses, what it survives."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from fanlight.collector.collector import Collector
from fanlight.collector.lock import Lock
from fanlight.errors import ConfigError, SpoolError
from fanlight.wire import codec, frames, messages, spool


@pytest.fixture
def collector(desk, folder):
    with desk.running(folder) as running:
        yield running


@pytest.fixture
def path(collector):
    return collector.options.socket


def test_a_batch_is_in_the_spool_when_it_is_acknowledged(desk, folder, path, collector):
    assert not collector.acknowledged
    with desk.Peer(path) as peer:
        assert peer.greet() == 0
        assert peer.batch(1) == 1
        assert desk.batches(folder / "spool") == [("a" * 32, 1)]
        assert collector.acknowledged
        assert collector.agents == 1
        assert peer.batch(2, traces=0) == 2
        assert desk.batches(folder / "spool") == [("a" * 32, 1), ("a" * 32, 2)]


def test_a_batch_that_comes_again_is_acknowledged_but_not_applied_again(desk, folder, path):
    with desk.Peer(path) as peer:
        peer.greet()
        assert peer.batch(1) == 1
        assert peer.batch(2) == 2
        assert peer.batch(1) == 2
    with desk.Peer(path) as peer:
        assert peer.greet() == 2
        assert peer.batch(2) == 2
        assert peer.batch(7) == 7
    assert [sequence for _, sequence in desk.batches(folder / "spool")] == [1, 2, 7]


def test_batches_of_one_moment_share_a_record(desk, folder, path):
    peers = [desk.Peer(path, client=f"{n:032x}", service=f"s{n % 2}") for n in range(8)]
    for peer in peers:
        peer.greet()
    for peer in peers:
        peer.send(frames.BATCH, desk.batch_body(1))
    assert [peer.answer()[1]["sequence"] for peer in peers] == [1] * 8
    for peer in peers:
        peer.close()
    assert len(desk.commits(folder / "spool")) < 8
    assert len(desk.batches(folder / "spool")) == 8


def test_what_is_accepted_is_what_the_ledgers_in_the_spool_add_up_to(desk, folder, path):
    sent = {}
    for n, service in enumerate(("shop", "payments", "shop")):
        with desk.Peer(path, client=f"{n:032x}", service=service) as peer:
            peer.greet()
            for sequence in range(1, 4):
                peer.batch(sequence, traces=n + sequence)
                sent[service] = sent.get(service, 0) + n + sequence
    kept = {}
    for message in desk.commits(folder / "spool"):
        for service, count in zip(message["ledger_service"], message["ledger_accepted"], strict=True):
            kept[service] = kept.get(service, 0) + count
        counted = sum(message["count_n"])
        assert counted == sum(message["ledger_accepted"]) == sum(message["latency_n"])
    assert desk.state(path)["accepted"] == kept == sent


def test_after_a_restart_sequences_and_totals_go_on(desk, folder):
    for turn in range(3):
        with desk.running(folder) as collector, desk.Peer(collector.options.socket) as peer:
            assert peer.greet() == turn * 2
            peer.batch(turn * 2 + 1)
            peer.batch(turn * 2 + 2)
            assert desk.state(collector.options.socket)["accepted"] == {"shop": (turn + 1) * 6}
    assert [sequence for _, sequence in desk.batches(folder / "spool")] == [1, 2, 3, 4, 5, 6]
    assert len(spool.segments(folder / "spool")) == 3


def test_the_state_tells_clients_and_what_they_lost_each_fact_once(desk, path, collector):
    with desk.Peer(path) as peer:
        peer.greet()
        peer.batch(1, dropped={"queue_full": 3})
        peer.batch(2, dropped={"queue_full": 5, "too_large": 1})
        peer.batch(2, dropped={"queue_full": 5, "too_large": 1})
        state = desk.state(path)
    assert state["pid"] == os.getpid()
    assert state["connections"] == 1
    client = state["clients"][0]
    assert (client["service"], client["pid"], client["host"]) == ("shop", 7, "box")
    assert (client["sequence"], client["instruments"]) == (2, ["flask"])
    assert client["dropped"] == {"queue_full": 5, "too_large": 1}
    assert state["lost_before_accept"] == {"shop": {"queue_full": 5, "too_large": 1}}
    assert state["dropped"] == {}
    assert state["spool"]["segments"] == 1
    assert 0 < state["spool"]["bytes"] < state["spool"]["max_bytes"]
    assert state["rss_bytes"] > 1 << 20
    desk.eventually(lambda: desk.state(path)["connections"] == 0 and not desk.state(path)["clients"])
    assert desk.state(path)["lost_before_accept"]["shop"]["queue_full"] == 5
    assert collector.agents == 0


def test_the_state_can_be_asked_for_again_on_the_same_connection(desk, path):
    with desk.Peer(path) as peer:
        for _ in range(2):
            peer.send(frames.STATUS_REQUEST)
            assert peer.answer()[0] == frames.STATUS
        peer.send(frames.HELLO)
        assert peer.refused() == "order"


def test_a_newer_agent_is_answered_in_our_protocol(desk, path):
    with desk.Peer(path) as peer:
        welcome = peer.hello(version=9)
        assert welcome["protocol"] == messages.PROTOCOL
        peer.send(frames.TABLE, desk.table_body())
        assert peer.batch(1) == 1
        peer.send(frames.BATCH, desk.batch_body(2), version=9)
        assert peer.refused() == "version"


def test_a_protocol_before_the_first_is_refused(desk, path):
    with desk.Peer(path) as peer:
        peer.send(frames.HELLO, b"", version=0)
        assert peer.refused() == "version"


def test_an_older_connection_of_the_same_client_is_over(desk, path):
    with desk.Peer(path) as old, desk.Peer(path) as new:
        old.greet()
        new.greet()
        assert old.socket.recv(1) == b""
        assert new.batch(1) == 1
        assert desk.state(path)["connections"] == 1


def test_a_peer_that_says_nothing_is_sent_away_after_a_second(desk, folder):
    # What is left to send it away is its second: everything else that ends waiting is minutes off.
    with desk.running(folder, frame_s=600.0) as collector, desk.Peer(collector.options.socket) as peer:
        assert collector.options.first_frame_s == 1.0
        began = time.monotonic()
        assert peer.refused() == "slow"
        assert time.monotonic() - began > 0.9


def test_an_agent_may_be_silent_but_not_leave_a_frame_unfinished(desk, folder):
    with desk.running(folder, frame_s=0.3) as collector:
        path = collector.options.socket
        with desk.Peer(path) as silent, desk.Peer(path, client="b" * 32) as slow:
            silent.greet()
            slow.greet()
            slow.socket.sendall(frames.frame(frames.BATCH, desk.batch_body(1))[:40])
            assert slow.refused() == "slow"
            assert silent.batch(1) == 1


def test_beyond_the_cap_of_connections_the_next_is_refused(desk, folder):
    with desk.running(folder, connections=2) as collector:
        path = collector.options.socket
        with desk.Peer(path) as one, desk.Peer(path, client="b" * 32) as two:
            one.greet()
            two.greet()
            assert desk.Peer(path).refused() == "full"
            one.close()
            desk.eventually(lambda: collector.agents == 1)
            assert desk.Peer(path, client="c" * 32).greet() == 0


def test_beyond_the_cap_of_memory_who_holds_most_is_refused(desk, folder):
    with desk.running(folder, memory_bytes=1 << 20) as collector, desk.Peer(collector.options.socket) as peer:
        peer.greet()
        peer.socket.sendall(frames.HEADER.pack(8 << 20, frames.BATCH, 1))
        with pytest.raises(ConnectionError):
            peer.socket.sendall(bytes(4 << 20))
        assert desk.Peer(collector.options.socket, client="b" * 32).greet() == 0


BAD = {
    "a batch before hello": (frames.BATCH, b"", "order"),
    "an unknown type": (99, b"", "order"),
    "an answer": (frames.WELCOME, b"", "order"),
    "a hello without a client": (frames.HELLO, b"", "frame"),
    "a hello that is cut off": (frames.HELLO, b"\x12\x7f", "frame"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_wrong_first_frame_is_refused(desk, path, bad):
    kind, body, code = BAD[bad]
    with desk.Peer(path) as peer:
        peer.send(kind, body)
        assert peer.refused() == code


@pytest.mark.parametrize(
    "hello",
    [
        {"client": "x" * 32},
        {"client": "A" * 32},
        {"service": ""},
        {"service": "s" * 256},
        {"host": "h" * 256},
    ],
)
def test_a_hello_that_names_nobody_is_refused(desk, path, hello):
    with desk.Peer(path) as peer:
        body = {"client": "a" * 32, "service": "shop", **hello}
        peer.send(frames.HELLO, codec.encode(messages.HELLO, body))
        assert peer.refused() == "frame"


def test_a_batch_against_no_table_or_another_generation_is_refused(desk, folder, path):
    with desk.Peer(path) as peer:
        peer.hello()
        peer.send(frames.BATCH, desk.batch_body(1))
        assert peer.refused() == "frame"
    with desk.Peer(path) as peer:
        peer.greet()
        peer.send(frames.BATCH, desk.batch_body(1, generation=2))
        assert peer.refused() == "frame"
    assert desk.batches(folder / "spool") == []


def test_an_announcement_over_the_limit_is_refused_before_its_body(desk, path):
    with desk.Peer(path) as peer:
        peer.socket.sendall(frames.HEADER.pack(0xFFFFFFFF, frames.HELLO, 1))
        assert peer.refused() == "frame"


def test_a_socket_that_is_deleted_or_replaced_is_put_back(desk, folder, path, collector):
    with desk.Peer(path) as peer:
        peer.greet()
        os.unlink(path)
        desk.eventually(lambda: os.path.exists(path))
        assert desk.Peer(path, client="b" * 32).greet() == 0
        with socket.socket(socket.AF_UNIX) as dead:
            os.unlink(path)
            dead.bind(path)
        desk.eventually(collector.doorway.is_in_place)
        assert desk.Peer(path, client="c" * 32).greet() == 0
        assert peer.batch(1) == 1


def test_a_socket_that_another_process_took_is_left_to_it_and_told_once(desk, path, collector):
    lines = []
    collector.notices.write = lines.append
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        desk.eventually(lambda: lines)
        time.sleep(1.2)
        assert len(lines) == 1
        assert "another process listens" in lines[0]
    desk.eventually(collector.doorway.is_in_place)
    assert desk.Peer(path).greet() == 0
    assert "again" in lines[1]


def test_the_socket_is_gone_after_a_stop_unless_it_is_anothers(desk, folder):
    with desk.running(folder) as collector:
        path = collector.options.socket
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert not os.path.exists(path)
    with desk.running(folder):
        os.unlink(path)
        Path(path).write_text("mine")
    assert Path(path).read_text() == "mine"


def test_a_file_that_is_no_socket_is_not_replaced(desk, folder):
    (folder / "run").mkdir()
    (folder / "run" / "c.sock").write_text("precious")
    with pytest.raises(ConfigError, match="no socket"), desk.running(folder):
        pass
    assert (folder / "run" / "c.sock").read_text() == "precious"


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(desk, folder):
    (folder / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "run" / "c.sock"))
    with desk.running(folder) as collector:
        other = collector.options._replace(spool=str(folder / "other"))
        with pytest.raises(ConfigError, match="another process listens"):
            Collector(other).run()
        assert desk.Peer(collector.options.socket).greet() == 0


def test_a_path_that_is_too_long_is_told_with_its_limit(desk, folder):
    with pytest.raises(ConfigError, match="107"), desk.running(folder / ("x" * 100)):
        pass


def test_a_second_collector_on_the_spool_is_refused_with_the_firsts_pid(desk, folder):
    with desk.running(folder):
        (folder / "two").mkdir()
        (folder / "two" / "spool").symlink_to(folder / "spool")
        with pytest.raises(SpoolError, match=rf"pid {os.getpid()}"), desk.running(folder / "two"):
            pass


def test_a_collector_leaves_when_its_lock_is_taken_over(desk, folder):
    thief = Lock(str(folder / "spool" / "lock"))

    def rob():
        with desk.running(folder) as first:
            (folder / "spool" / "lock").unlink()
            assert thief.try_take()
            desk.eventually(lambda: first.lock.fd < 0)

    with pytest.raises(SpoolError, match="taken over"):
        rob()
    thief.release()


def test_a_deleted_lock_is_taken_again(desk, folder, collector):
    (folder / "spool" / "lock").unlink()
    desk.eventually((folder / "spool" / "lock").exists)
    assert desk.Peer(collector.options.socket).greet() == 0
    assert not Lock(str(folder / "spool" / "lock")).try_take()


def test_without_its_parent_it_leaves(desk, folder):
    with desk.running(folder, parent_pid=1 if os.getppid() != 1 else 2) as collector:
        desk.eventually(lambda: collector.stopping)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_uid_is_refused_even_with_access_to_the_path(desk, folder, path):
    folder.chmod(0o755)
    (folder / "run").chmod(0o755)
    os.chmod(path, 0o666)
    child = os.fork()
    if not child:
        try:
            os.setgid(65534)
            os.setuid(65534)
            os._exit(0 if desk.Peer(path).refused() == "uid" else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with desk.Peer(path) as peer:
        assert peer.greet() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_listed_uid_is_let_in(desk, folder):
    with desk.running(folder, allowed_uids=(65534,)) as collector:
        path = collector.options.socket
        folder.chmod(0o755)
        (folder / "run").chmod(0o755)
        os.chmod(path, 0o666)
        child = os.fork()
        if not child:
            try:
                os.setuid(65534)
                os._exit(desk.Peer(path).greet())
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize(("name", "error"), [("run", ConfigError), ("spool", SpoolError)])
def test_a_directory_of_another_user_is_not_used(desk, folder, name, error):
    (folder / name).mkdir()
    os.chown(folder / name, 65534, 65534)
    with pytest.raises(error, match="belongs to uid 65534"), desk.running(folder):
        pass
