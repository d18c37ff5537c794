"""A parcel survives whatever happens to the connection."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from typing import TYPE_CHECKING, Any

import pytest

import fanlight
from fanlight.agent.agent import AGENT
from fanlight.agent.queue import HELD
from fanlight.agent.standalone import Link
from fanlight.recording.clock import clock
from fanlight.wire import frames, messages
from fanlight.wire.codec import decode, encode

if TYPE_CHECKING:
    from pathlib import Path


def one(title: str = "job") -> None:
    with fanlight.trace(title), fanlight.span("a"):
        pass


def test_a_killed_collector_gets_the_outstanding_batch_again_unchanged(agent, black_hole, eventually):
    one("first")
    black_hole.wait(lambda r: r.batches)
    black_hole.hang_up()
    os.unlink(black_hole.path)
    black_hole.acknowledges = True
    black_hole.listen()
    one("second")
    assert agent.flush(30)
    assert [trace.endpoint for trace in black_hole.traces] == ["first", "second"]
    first, again = black_hole.batches[:2]
    assert first == again
    assert len(black_hole.hellos) >= 2
    assert len({hello["client"] for hello in black_hole.hellos}) == 1
    assert not black_hole.errors


def test_a_batch_that_was_committed_before_the_break_is_not_sent_again(agent, black_hole):
    one("first")
    black_hole.wait(lambda r: r.batches)
    client, sequence, _ = black_hole.batches[0]
    black_hole.hang_up()
    os.unlink(black_hole.path)
    black_hole.committed[client] = sequence
    black_hole.acknowledges = True
    black_hole.listen()
    one("second")
    assert agent.flush(30)
    assert [number for _, number, _ in black_hole.batches] == [1, 2]
    assert [trace.root.shape() for trace in black_hole.traces] == [("second", ["a"])]


def test_a_collector_that_takes_over_the_path_is_found_without_an_error_on_the_old_one(
    agent, receiver, tmp_path
):
    one("first")
    assert agent.flush(30)
    # The old listener and its connection stay up: only the path tells that somebody else serves now.
    os.unlink(receiver.path)
    old = receiver.listener
    receiver.listen()
    one("second")
    assert agent.flush(30)
    assert len(receiver.hellos) == 2
    assert [trace.endpoint for trace in receiver.traces] == ["first", "second"]
    old.close()


def test_a_missing_path_does_not_end_a_connection_that_works(agent, receiver):
    one("first")
    assert agent.flush(30)
    os.unlink(receiver.path)
    one("second")
    assert agent.flush(30)
    assert len(receiver.hellos) == 1


@pytest.mark.parametrize("forks", [False, True])
def test_an_application_that_closes_all_descriptors_keeps_what_it_opens_next(agent, receiver, forks):
    one("first")
    assert agent.flush(30)
    number = AGENT.task.link.socket.fileno()
    ours, theirs = socket.socketpair()
    os.dup2(theirs.fileno(), number)  # the connection is closed, and its number in use again
    if forks:
        AGENT.renew()
    one("second")
    assert agent.flush(30)
    assert os.fstat(number).st_ino == os.fstat(theirs.fileno()).st_ino
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    assert [trace.endpoint for trace in receiver.traces] == ["first", "second"]
    for descriptor in (number, ours.detach(), theirs.detach()):
        os.close(descriptor)


def test_reporting_begins_when_the_collector_appears(agent, tmp_path, request):
    for _ in range(3):
        one()
    assert not agent.flush(0.2)
    receiver = request.getfixturevalue("receiver")
    receiver.wait(lambda r: len(r.traces) == 3)


def test_the_whole_table_is_sent_again_on_a_new_connection(agent, receiver):
    one("first")
    assert agent.flush(30)
    receiver.hang_up()
    os.unlink(receiver.path)
    receiver.listen()
    one("first")
    assert agent.flush(30)
    assert receiver.shapes() == [("first", ["a"])] * 2


class Parcel:
    sequence = 1
    data = frames.frame(frames.BATCH, b"")
    traces = 1


class Table:
    generation = 1
    strings = ("",)
    kinds = ()

    def frames(self, *_: int) -> bytes:
        return b""


def answering(path: Path, answer: bytes) -> socket.socket:
    """Listen, and say the same to everybody."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(8)

    def serve() -> None:
        while True:
            try:
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(answer)
                    while peer.recv(1 << 16):
                        pass
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True).start()
    return listener


def link(path: Path | str, said: list[str]) -> Any:
    return Link(str(path), lambda: {"protocol": 1}, said.append)


welcome = frames.frame(frames.WELCOME, encode(messages.WELCOME, {"protocol": 1}))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frames.HEADER.pack(5000, frames.WELCOME, 1),
        frames.HEADER.pack(0xFFFFFFFF, frames.ACK, 1),
        welcome + frames.frame(frames.ACK, b"\x08" + b"\xff" * 80),
        welcome + frames.frame(frames.ACK, b"\x08"),
        welcome + frames.frame(frames.STATUS, b""),
        welcome + welcome,
    ],
    ids=["http", "large", "huge", "fat-ack", "torn-ack", "status", "twice"],
)
def test_what_is_no_collectors_answer_ends_the_connection(tmp_path, answer):
    listener = answering(tmp_path / "s", answer)
    said: list[str] = []
    under_test = link(tmp_path / "s", said)
    assert not under_test.deliver(Parcel(), Table(), clock() + 5_000_000_000, bool)
    assert under_test.socket is None
    assert under_test.failures == 1
    assert said == []
    listener.close()


def test_hundreds_of_answers_that_make_no_sense_leave_no_descriptor_behind(tmp_path, eventually):
    before = len(os.listdir("/dev/fd"))
    listener = answering(tmp_path / "s", b"\xde\xad\xbe\xef" * 1000)
    under_test = link(tmp_path / "s", [])
    for _ in range(300):
        assert not under_test.deliver(Parcel(), Table(), clock() + 5_000_000_000, bool)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    # The other end is here, too, and closes its own a moment later.
    eventually(lambda: len(os.listdir("/dev/fd")) <= before)


@pytest.mark.parametrize("version", [0, 2, 65_535])
def test_answers_of_another_release_with_fields_of_its_own_are_understood(tmp_path, version):
    unknown = b"\xc2\x3e\x03new" + b"\xb8\x3e\x05"
    known = encode(messages.WELCOME, {"protocol": 1, "version": "9.9", "sequence": 1})
    listener = answering(tmp_path / "s", frames.frame(frames.WELCOME, known + unknown, version))
    said: list[str] = []
    under_test = link(tmp_path / "s", said)
    assert under_test.deliver(Parcel(), Table(), clock() + 5_000_000_000, bool)
    assert said == []
    under_test.close()
    listener.close()


def test_a_refusal_is_told(tmp_path):
    refusal = {"code": "version", "text": "this agent is too old"}
    listener = answering(tmp_path / "s", frames.frame(frames.REFUSAL, encode(messages.REFUSAL, refusal)))
    said: list[str] = []
    assert not link(tmp_path / "s", said).deliver(Parcel(), Table(), clock() + 5_000_000_000, bool)
    assert len(said) == 1
    assert "this agent is too old" in said[0]
    listener.close()


def refusing(receiver: Any, code: str, times: int) -> list[bytes]:
    """Let a receiver refuse the first batch so many times; answer what it refused."""
    refused: list[bytes] = []
    take = receiver.batch

    def batch(client: str, body: bytes, table: Any, peer: socket.socket) -> None:
        if len(refused) < times and decode(messages.BATCH, body)["sequence"] == 1:
            refused.append(body)
            peer.sendall(frames.frame(frames.REFUSAL, encode(messages.REFUSAL, {"code": code})))
            peer.shutdown(socket.SHUT_RDWR)
            return
        take(client, body, table, peer)

    receiver.batch = batch
    return refused


def test_a_batch_that_cannot_be_read_is_dropped_and_counted_and_the_next_one_arrives(agent, receiver):
    refused = refusing(receiver, "frame", times=99)
    # Both in one batch: no task comes in between.
    HELD.line.fresh.acquire()
    one("first")
    one("first")
    assert not agent.flush(30)
    one("second")
    assert agent.flush(30)
    assert len(refused) == 2
    assert refused[0] == refused[1]
    assert [trace.endpoint for trace in receiver.traces] == ["second"]
    assert receiver.dropped == {"refused": 2}


def test_what_a_stop_gave_up_is_reported_after_the_next_start(agent, black_hole):
    one("first")
    black_hole.wait(lambda r: r.batches)
    one("second")
    assert not agent.stop(0.1)
    black_hole.acknowledges = True
    agent.start("shop", dsn=f"unix://{black_hole.path}", instrument=False)
    one("third")
    assert agent.flush(30)
    assert [trace.endpoint for trace in black_hole.traces] == ["third"]
    assert black_hole.dropped == {"undelivered": 2}
    (client,) = black_hole.committed
    assert {hello["client"] for hello in black_hole.hellos} == {client}


@pytest.mark.parametrize(("code", "times"), [("frame", 1), ("full", 3), ("slow", 3)])
def test_a_batch_that_may_be_taken_later_is_sent_again(agent, receiver, code, times):
    refused = refusing(receiver, code, times)
    one("first")
    assert agent.flush(30)
    assert len(refused) == times
    assert [trace.endpoint for trace in receiver.traces] == ["first"]
    assert receiver.dropped == {}


def test_a_refusal_in_the_middle_of_a_batch_is_heard(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    refusal = {"code": "frame", "text": "too many kinds"}

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1 << 10)
            peer.sendall(welcome)
            peer.recv(1 << 10)
            peer.sendall(frames.frame(frames.REFUSAL, encode(messages.REFUSAL, refusal)))

    threading.Thread(target=serve, daemon=True).start()
    large = Parcel()
    large.data = frames.frame(frames.BATCH, bytes(4 << 20))
    said: list[str] = []
    under_test = link(tmp_path / "s", said)
    assert not under_test.deliver(large, Table(), clock() + 5_000_000_000, bool)
    assert under_test.refused == 1
    assert "too many kinds" in said[0]
    listener.close()


def test_another_users_socket_gets_nothing(monkeypatch):
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "s")
    listener = socket.socket(socket.AF_UNIX)
    if os.getuid() == 0:
        # Root's own socket is trusted; the kernel notes whose it is when it begins to listen.
        os.chmod(folder, 0o777)
        os.seteuid(65534)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    try:
        listener.bind(path)
        listener.listen(1)
    finally:
        os.seteuid(os.getuid())
    said: list[str] = []
    assert not link(path, said).deliver(Parcel(), Table(), clock() + 5_000_000_000, bool)
    assert "not you" in said[0]
    # Not even the greeting was sent.
    peer, _ = listener.accept()
    assert peer.recv(100) == b""
    peer.close()
    listener.close()
    shutil.rmtree(folder)


def test_attempts_grow_apart_to_five_seconds_and_no_further(tmp_path):
    said: list[str] = []
    under_test = link(tmp_path / "nobody", said)
    for delay_ms in (0, 250, 500, 1_000, 2_000, 5_000, 5_000, 5_000):
        before = clock()
        under_test.deliver(Parcel(), Table(), before, bool)
        # However long the attempt itself took.
        assert before <= under_test.retry_ns - delay_ms * 1_000_000 <= clock()
        # People are told with the sixth, some nine seconds later.
        assert len(said) == (under_test.failures >= 6)
    assert "no collector takes traces" in said[0]


def test_another_socket_at_the_path_ends_the_delay_and_the_same_one_does_not(tmp_path):
    path = tmp_path / "collector.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    under_test = link(path, [])
    for _ in range(6):
        under_test.deliver(Parcel(), Table(), clock(), bool)
    # Five looks fit into the five seconds of the delay.
    assert 0.9 < under_test.rest_s(0.25) <= 1.0
    assert not under_test.is_due()
    path.unlink()
    assert not under_test.is_due()
    with socket.socket(socket.AF_UNIX) as successor:
        successor.bind(str(path))
        assert under_test.is_due()
        under_test.deliver(Parcel(), Table(), clock(), bool)
        assert not under_test.is_due()


def test_a_connection_ends_the_delay_and_traces_gather_as_ever(tmp_path):
    path = tmp_path / "collector.sock"
    under_test = link(path, [])
    assert under_test.rest_s(0.25) == 0.25
    under_test.deliver(Parcel(), Table(), clock(), bool)
    assert under_test.rest_s(0.25) == 0.0
    assert under_test.is_due()
    under_test.deliver(Parcel(), Table(), clock(), bool)
    assert under_test.rest_s(60.0) <= 0.05
    listener = answering(path, b"")
    assert not under_test.deliver(Parcel(), Table(), clock(), bool)
    assert under_test.rest_s(0.25) == 0.25
    assert under_test.is_due()
    under_test.close()
    listener.close()


def test_closing_a_link_twice_is_fine(tmp_path):
    under_test = link(tmp_path / "nobody", [])
    under_test.close()
    under_test.close()
