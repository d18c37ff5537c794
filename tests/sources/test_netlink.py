"""The kernel's answers in the order they should come in, and in every other."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.sources.netlink import (
    BY_FAMILY,
    DONE,
    DUMP_INTERRUPTED,
    ERROR,
    HEAD,
    OVERRUN,
    Netlink,
    attributes,
    inet_request,
    unix_request,
)

KERNEL, SOMEBODY = 0, 4711


class Kernel:
    """Answers each dump with the datagrams of a script; a message names its sequence relatively."""

    def __init__(self, *dumps: list[tuple[int, bytes]]) -> None:
        self.dumps = list(dumps)
        self.waiting: list[tuple[int, bytes]] = []
        self.asked: list[bytes] = []
        self.is_closed = False

    def send(self, data: bytes) -> int:
        sequence = HEAD.unpack_from(data)[3]
        self.asked.append(data)
        self.waiting += [(sender, renumbered(each, sequence)) for sender, each in self.dumps.pop(0)]
        return len(data)

    def recvmsg_into(self, buffers: list[bytearray]) -> tuple[int, list[Any], int, tuple[int, int]]:
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "nothing more")
        sender, data = self.waiting.pop(0)
        flags = socket.MSG_TRUNC if len(data) > len(buffers[0]) else 0
        data = data[: len(buffers[0])]
        buffers[0][: len(data)] = data
        return len(data), [], flags, (sender, 0)

    def close(self) -> None:
        self.is_closed = True


def message(kind: int, payload: bytes = b"", *, flags: int = 2, behind: int = 0) -> bytes:
    """Answer a message of the current dump, or of one that many dumps before it."""
    return HEAD.pack(HEAD.size + len(payload), kind, flags, behind, 0) + payload + bytes(-len(payload) % 4)


def renumbered(data: bytes, sequence: int) -> bytes:
    out, start = bytearray(data), 0
    while start + HEAD.size <= len(data):
        length, kind, flags, behind, sender = HEAD.unpack_from(data, start)
        HEAD.pack_into(out, start, length, kind, flags, sequence - behind & 0xFFFFFFFF, sender)
        start += max(length + 3 & ~3, HEAD.size)
    return bytes(out)


def end() -> bytes:
    return message(DONE, bytes(4))


def asking(*dumps: list[tuple[int, bytes]]) -> tuple[Netlink, Kernel]:
    kernel = Kernel(*dumps)
    netlink = Netlink()
    netlink.socket, netlink.owner = kernel, os.getpid()  # type: ignore[assignment]  # as much of one as is used
    netlink.sequence = 10
    return netlink, kernel


def test_a_dump_is_the_messages_of_all_datagrams_up_to_the_end():
    netlink, _ = asking(
        [(KERNEL, message(BY_FAMILY, b"one") + message(BY_FAMILY, b"twoo")), (KERNEL, end())],
        [(KERNEL, message(BY_FAMILY, b"three") + end())],
    )
    assert netlink.dump(b"") == [b"one", b"twoo"]
    assert netlink.dump(b"") == [b"three"]


def test_what_is_left_of_an_older_dump_is_left_out():
    old = message(BY_FAMILY, b"old", behind=1) + message(DONE, bytes(4), behind=1)
    netlink, _ = asking([(KERNEL, old), (KERNEL, message(BY_FAMILY, b"new") + end())])
    assert netlink.dump(b"") == [b"new"]


def test_what_another_process_sends_is_left_out():
    forged = message(BY_FAMILY, b"forged") + end()
    netlink, _ = asking([(SOMEBODY, forged), (KERNEL, message(BY_FAMILY, b"true") + end())])
    assert netlink.dump(b"") == [b"true"]


def test_an_interrupted_dump_is_asked_for_again():
    changed = message(BY_FAMILY, b"half", flags=2 | DUMP_INTERRUPTED) + end()
    netlink, kernel = asking([(KERNEL, changed)], [(KERNEL, message(BY_FAMILY, b"whole") + end())])
    assert netlink.dump(b"?") == [b"whole"]
    assert netlink.interrupted == 1
    assert len({HEAD.unpack_from(data)[3] for data in kernel.asked}) == 2


def test_a_dump_that_is_interrupted_each_time_is_none():
    changed = message(BY_FAMILY, b"half", flags=2 | DUMP_INTERRUPTED) + end()
    netlink, _ = asking(*[[(KERNEL, changed)]] * 3)
    with pytest.raises(InterruptedError, match="changed during each of 3 dumps"):
        netlink.dump(b"")


NOT_THERE = (-errno.ENOENT).to_bytes(4, sys.byteorder, signed=True)


@pytest.mark.parametrize("last", [message(ERROR, NOT_THERE), message(DONE, NOT_THERE)])
def test_a_refusal_is_an_error_with_its_number(last: bytes):
    netlink, kernel = asking([(KERNEL, message(BY_FAMILY, b"half") + last)])
    with pytest.raises(FileNotFoundError, match="refuses to list sockets"):
        netlink.dump(b"")
    assert kernel.is_closed
    assert netlink.socket is None


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (message(BY_FAMILY, b"12345678")[:-1], "cut off"),
        (message(BY_FAMILY, b"1234")[:10], "cut off"),
        (HEAD.pack(3, BY_FAMILY, 2, 0, 0), "cut off"),
        (message(OVERRUN), "messages were lost"),
        (bytes(70_000), "longer than 65536"),
    ],
)
def test_a_message_that_makes_no_sense_spoils_the_dump(data: bytes, what: str):
    netlink, kernel = asking([(KERNEL, data), (KERNEL, end())])
    with pytest.raises(OSError, match=what) as caught:
        netlink.dump(b"")
    assert caught.value.errno == errno.EBADMSG
    assert kernel.is_closed


def test_a_dump_without_an_end_ends():
    netlink, _ = asking([(KERNEL, message(BY_FAMILY, b"half"))])
    with pytest.raises(BlockingIOError):
        netlink.dump(b"")


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_garbage_is_an_error_or_nothing_but_no_other_failure(datagrams: list[bytes]):
    netlink, _ = asking([(KERNEL, data) for data in datagrams])
    with contextlib.suppress(OSError):
        assert netlink.dump(b"") == []


@given(st.binary(max_size=100))
def test_attributes_lie_within_their_message(payload: bytes):
    try:
        found = list(attributes(payload, 0))
    except OSError:
        return
    assert all(0 <= start <= stop <= len(payload) for _, start, stop in found)


@pytest.mark.parametrize(
    "request_bytes", [inet_request(socket.AF_INET), inet_request(socket.AF_INET6), unix_request()]
)
def test_the_kernel_takes_the_requests(request_bytes: bytes):
    netlink = Netlink()
    assert isinstance(netlink.dump(request_bytes), list)
    netlink.close()


def test_a_socket_is_kept_and_a_fork_opens_its_own():
    netlink = Netlink()
    netlink.dump(inet_request(socket.AF_INET))
    kept = netlink.socket
    netlink.dump(inet_request(socket.AF_INET))
    assert netlink.socket is kept
    assert kept is not None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            netlink.dump(inet_request(socket.AF_INET))
            os.write(writer, b"other" if netlink.socket is not kept else b"same")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"other"
    # The parent's answers are still its own.
    assert isinstance(netlink.dump(inet_request(socket.AF_INET)), list)
    for descriptor in (reader, writer):
        os.close(descriptor)
    netlink.close()


def test_a_namespace_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        Netlink("/nowhere/net").dump(inet_request(socket.AF_INET))
