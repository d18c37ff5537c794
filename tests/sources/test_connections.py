"""What lies in the connections that somebody accepted: unread, to be answered, answered."""

import os
import socket
import time

import pytest

from fanlight.sources.connections import Connections, state


@pytest.fixture
def connections():
    connections = Connections()
    yield connections
    connections.close()


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def look(connections, listening):
    """Answer what is told of our own connections to a listener."""
    connections.again_ns = 0
    inode = os.fstat(listening.fileno()).st_ino
    return connections.look([(os.getpid(), (inode,))], time.monotonic_ns())[os.getpid()]


def test_a_connection_is_told_by_what_lies_in_it_and_what_went_last(connections, listening):
    with socket.create_connection(listening.getsockname()) as client:
        assert look(connections, listening) == (0, 0)
        taken, _ = listening.accept()
        with taken:
            # Nothing was asked yet.
            assert look(connections, listening) == (0, 0)
            client.sendall(b"asked")
            assert look(connections, listening) == (1, 1)
            assert taken.recv(10) == b"asked"
            assert look(connections, listening) == (0, 1)
            # The kernel counts in ticks, which are 10 ms at the most.
            time.sleep(0.02)
            taken.sendall(b"answered")
            assert look(connections, listening) == (0, 0)
            time.sleep(0.02)
            client.sendall(b"asked again")
            taken.recv(20)
            assert look(connections, listening) == (0, 1)


@pytest.mark.parametrize(("said", "pending"), [(b"", 0), (b"asked", 1)], ids=["nothing", "a request"])
def test_a_client_that_said_no_more_is_owed_what_it_asked_for(connections, listening, said, pending):
    with socket.create_connection(listening.getsockname()) as client:
        taken, _ = listening.accept()
        with taken:
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            while taken.recv(10):
                pass
            assert look(connections, listening) == (0, pending)


def test_what_waits_in_the_listeners_queue_is_left_to_it(connections, listening):
    with socket.create_connection(listening.getsockname()) as client:
        client.sendall(b"asked")
        assert look(connections, listening) == (0, 0)


def test_other_ports_are_not_looked_at(connections, listening):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()) as client,
    ):
        taken, _ = other.accept()
        with taken:
            client.sendall(b"asked")
            assert look(connections, listening) == (0, 0)
            assert look(connections, other) == (1, 1)


def test_a_socket_that_is_not_tcp_is_unknown(connections, tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "x.sock"))
        listening.listen()
        inode = os.fstat(listening.fileno()).st_ino
        assert connections.look([(os.getpid(), (inode,))], 1) is None


def test_a_look_that_took_long_is_not_made_again_at_once(connections, listening):
    first = look(connections, listening)
    now_ns, asked = connections.again_ns - 1, [(os.getpid(), (1,))]
    assert connections.look(asked, now_ns)[os.getpid()] == first
    assert connections.look(asked, now_ns + 2) is None


@pytest.mark.parametrize("payload", [b"", bytes(71), bytes(72), bytes(200)])
def test_what_makes_no_sense_tells_nothing(payload):
    assert state(payload) is None
