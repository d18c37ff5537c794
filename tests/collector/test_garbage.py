"""Whatever is thrown at the socket ends that connection alone; the same process serves the others."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.wire import frames, messages

KINDS = [frames.HELLO, frames.TABLE, frames.BATCH, frames.STATUS_REQUEST, frames.ACK, 0, 65535]
QUIET = settings(max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.fixture
def child(desk, folder):
    """Answer a collector process, which has to be the same one at the end."""
    process = desk.process(folder)
    yield process
    assert process.poll() is None, process.stderr.read()
    with desk.Peer(folder / "run" / "c.sock", client="f" * 32) as peer:
        sequence = peer.greet()
        assert peer.batch(sequence + 1) == sequence + 1
    assert desk.state(folder / "run" / "c.sock")["pid"] == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


def throw(desk, path, data, greet):
    """Send bytes and wait until they are answered by an end, or known to be waited for."""
    with desk.Peer(path) as peer:
        if greet:
            peer.greet()
        try:
            peer.socket.sendall(data)
            peer.socket.shutdown(1)
            while peer.socket.recv(65536):
                pass
        except OSError:
            return


@QUIET
@given(data=st.binary(max_size=300), greet=st.booleans())
def test_garbage_ends_that_connection_alone(desk, folder, child, data, greet):
    throw(desk, folder / "run" / "c.sock", data, greet)


@QUIET
@given(
    sent=st.lists(st.tuples(st.sampled_from(KINDS), st.binary(max_size=60), st.integers(0, 3)), max_size=6),
    greet=st.booleans(),
)
def test_well_framed_garbage_ends_that_connection_alone(desk, folder, child, sent, greet):
    data = b"".join(frames.frame(kind, body, version) for kind, body, version in sent)
    throw(desk, folder / "run" / "c.sock", data, greet)


@QUIET
@given(changes=st.lists(st.tuples(st.integers(8, 10_000), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_changed_batch_ends_that_connection_alone_or_is_taken(desk, folder, child, changes):
    data = bytearray(frames.frame(frames.BATCH, desk.batch_body(1, dropped={"queue_full": 1})))
    for place, value in changes:
        data[8 + place % (len(data) - 8)] = value
    throw(desk, folder / "run" / "c.sock", bytes(data), greet=True)


def test_huge_claims_and_half_open_peers_cost_no_memory_and_hold_nobody_up(desk, folder, child):
    path = folder / "run" / "c.sock"
    before = desk.state(path)["rss_bytes"]
    held = []
    for number in range(200):
        # Greets at once: who says nothing for a second is sent away.
        held.append(peer := desk.Peer(path, client=f"{number:032x}"))
        peer.greet()
        peer.socket.sendall(frames.HEADER.pack(8 << 20, frames.BATCH, messages.PROTOCOL) + b"x" * 1000)
    for size in (0xFFFFFFFF, (8 << 20) + 1):
        with desk.Peer(path, client="e" * 32) as peer:
            peer.socket.sendall(frames.HEADER.pack(size, frames.BATCH, messages.PROTOCOL))
            assert peer.refused() == "frame"
    state = desk.state(path)
    assert state["connections"] == 200
    assert state["rss_bytes"] - before < 16 << 20
    for peer in held:
        peer.close()
    desk.eventually(lambda: desk.state(path)["connections"] == 0)


def test_a_peer_that_reads_nothing_is_given_up(desk, folder, child):
    path = folder / "run" / "c.sock"
    with desk.Peer(path) as deaf, pytest.raises(OSError, match=r"Broken pipe|reset"):
        deaf.socket.sendall(200_000 * frames.frame(frames.STATUS_REQUEST, b""))
    assert desk.state(path)["rss_bytes"] < 80 << 20


def test_the_process_stays_small(desk, folder, child):
    path = folder / "run" / "c.sock"
    with desk.Peer(path) as peer:
        peer.greet()
        for sequence in range(1, 6):
            peer.batch(sequence, traces=1000, spans=20)
    assert desk.state(path)["rss_bytes"] < 80 << 20
    assert os.listdir(f"/proc/{child.pid}/task") == [str(child.pid)]
