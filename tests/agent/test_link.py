"""One connection, step by step: what is sent when, and what an answer is worth."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

import fanlight
from fanlight.agent import standalone
from fanlight.agent.standalone import CREDENTIALS, Link
from fanlight.instruments import INSTALLED, lack
from fanlight.recording.clock import clock
from fanlight.wire import frames, messages
from fanlight.wire.codec import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NS = 1_000_000_000
WELCOME = frames.frame(frames.WELCOME, encode(messages.WELCOME, {"protocol": 1}))


class Parcel:
    """A batch as far as a link looks at it."""

    traces = 1

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.data = frames.frame(frames.BATCH, b"")


class Table:
    """Notes from where on its strings and kinds are asked for."""

    def __init__(self) -> None:
        self.generation = 1
        self.strings = [""]
        self.kinds: list[tuple[int, int, int]] = []
        self.asked: list[tuple[int, int]] = []

    def frames(self, first_string: int, first_kind: int) -> bytes:
        self.asked.append((first_string, first_kind))
        return b""


def ack(sequence: int) -> bytes:
    return frames.frame(frames.ACK, encode(messages.ACK, {"sequence": sequence}))


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Callable[[Callable[[int, socket.socket], object]], Link]]:
    """A function that answers a link to a collector, which calls `behave` with what came how many times."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(8)
    made: list[Link] = []

    def to(behave: Callable[[int, socket.socket], object]) -> Link:
        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(1 << 10)
                        peer.sendall(WELCOME)
                        came = 0
                        while peer.recv(1 << 10):
                            came += 1
                            behave(came, peer)
                except OSError:
                    if listener.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        made.append(Link(str(tmp_path / "s"), lambda: {"protocol": 1}, str))
        return made[-1]

    yield to
    for each in made:
        each.close()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def deliver(link: Link, sequence: int, table: Table, within_s: float = 60.0) -> bool:
    parcel: Any = Parcel(sequence)
    return link.deliver(parcel, table, clock() + int(within_s * NS), bool)  # type: ignore[arg-type]


def test_an_acknowledgement_of_a_batch_before_acknowledges_nothing(collector):
    link = collector(lambda came, peer: peer.sendall(ack(came - 1)))
    table = Table()
    assert not deliver(link, 1, table, 0.3)
    assert link.failures == 0
    assert link.taken == 0


def test_a_connection_is_told_of_a_table_what_it_does_not_know_yet_and_of_a_new_one_all(collector):
    link = collector(lambda came, peer: peer.sendall(ack(came)))
    table = Table()
    table.strings, table.kinds = ["", "a", "b"], [(1, 2, 0)]
    assert deliver(link, 1, table)
    table.strings.append("c")
    assert deliver(link, 2, table)
    table.generation, table.strings = 2, ["", "d"]
    assert deliver(link, 3, table)
    assert table.asked == [(1, 0), (3, 1), (1, 0)]


def test_a_collector_that_says_nothing_for_too_long_is_left(collector, monkeypatch):
    monkeypatch.setattr(standalone, "PATIENCE_NS", NS // 10)
    link = collector(lambda came, peer: None)
    assert not deliver(link, 1, Table())
    assert link.failures == 1
    assert link.socket is None


def test_whoever_waits_for_an_answer_sees_that_another_collector_has_the_path(collector, monkeypatch):
    monkeypatch.setattr(standalone, "LOOK_NS", NS // 10)
    successor = socket.socket(socket.AF_UNIX)

    def give_way(came: int, peer: socket.socket) -> None:
        os.unlink(link.path)
        successor.bind(link.path)

    link = collector(give_way)
    with successor:
        assert not deliver(link, 1, Table(), 9.0)
    # Nobody hung up, and the time was not over.
    assert link.failures == 1


def test_after_a_delivery_the_first_failure_is_the_first_again(collector, tmp_path):
    def behave(came: int, peer: socket.socket) -> None:
        if came == 2:
            raise OSError("hangs up")
        peer.sendall(ack(came))

    link = collector(behave)
    link.path = str(tmp_path / "nobody")
    for _ in range(3):
        assert not deliver(link, 1, Table(), 0.0)
    assert link.rest_s(0.25) > 0
    link.path = str(tmp_path / "s")
    assert deliver(link, 1, Table())
    assert not deliver(link, 2, Table())
    # Tried at once, as after any connection that worked.
    assert link.failures == 1
    assert link.rest_s(0.25) == 0.0


def test_a_refused_greeting_says_nothing_of_the_batch(tmp_path):
    refusal = frames.frame(frames.REFUSAL, encode(messages.REFUSAL, {"code": "frame"}))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(1)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1 << 10)
                peer.sendall(refusal)

        threading.Thread(target=serve, daemon=True).start()
        link = Link(str(tmp_path / "s"), lambda: {"protocol": 1}, str)
        assert not deliver(link, 1, Table())
    assert link.failures == 1
    assert link.refused == 0


class Peer:
    """A connection whose other end is whoever it says."""

    def __init__(self, uid: int) -> None:
        self.uid = uid

    def getsockopt(self, *_: int) -> bytes:
        return CREDENTIALS.pack(1, self.uid, 1)


@pytest.mark.parametrize(("whose", "welcome"), [("ours", True), ("the system's", True), ("else's", False)])
def test_a_socket_is_trusted_that_is_this_users_or_the_systems(monkeypatch, whose, welcome):
    monkeypatch.setattr(standalone, "SO_PEERCRED", 17)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said: list[str] = []
    link = Link("/nowhere", lambda: {"protocol": 1}, said.append)
    peer: Any = Peer({"ours": 1000, "the system's": 0}.get(whose, 1001))
    if welcome:
        link.check_peer(peer)
    else:
        with pytest.raises(PermissionError):
            link.check_peer(peer)
    assert len(said) == (not welcome)


def test_what_an_instrument_goes_without_since_is_told_with_the_next_trace(agent, receiver, monkeypatch):
    monkeypatch.setattr(INSTALLED, "lacking", {})
    monkeypatch.setitem(INSTALLED.state, "cheroot", "active")
    turns = ["first", "second", "third"]
    for turn in turns:
        with fanlight.trace(turn):
            pass
        assert agent.flush(30)
        if turn == "first":
            lack("cheroot", "this")
    before, after = ([line for line in hello["instruments"] if "this" in line] for hello in receiver.hellos)
    assert not before
    assert [line.endswith(" without this") for line in after] == [True]
    assert [trace.endpoint for trace in receiver.traces] == turns
    assert len({hello["client"] for hello in receiver.hellos}) == 1
    assert not receiver.errors


def test_what_a_collector_could_not_read_is_not_in_the_next_batchs_table(agent, receiver):
    take = receiver.batch

    def batch(client: str, body: bytes, table: Any, peer: socket.socket) -> None:
        if "unreadable" in table.strings:
            peer.sendall(frames.frame(frames.REFUSAL, encode(messages.REFUSAL, {"code": "frame"})))
            peer.shutdown(socket.SHUT_RDWR)
            return
        take(client, body, table, peer)

    receiver.batch = batch
    for turn, arrives in (("unreadable", False), ("second", True)):
        with fanlight.trace(turn):
            pass
        assert agent.flush(30) is arrives
    assert [trace.endpoint for trace in receiver.traces] == ["second"]
    assert receiver.dropped == {"refused": 1}
