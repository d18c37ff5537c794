"""Forty releases, older and newer ones: served in our protocol, or refused with one clear sentence."""

from __future__ import annotations

import random
from contextlib import nullcontext, suppress
from typing import NamedTuple

import pytest

from fanlight.wire import codec, frames, messages

RELEASES = 40
FIELDS = [name for name in messages.HELLO if name not in ("client", "service", "host", "protocol")]


class Release(NamedTuple):
    """What sets another release's agent apart from ours.

    Attributes:
        version: the protocol that its first frame claims.
        speaks: the protocol that its later frames claim; one that knows its trade takes the WELCOME's.
        lacks: fields of the HELLO that it does not know yet.
        adds: fields that we do not know, as bytes, in every message.
        kind: a message type that we do not know, sent behind the HELLO; 0 for none.
    """

    version: int
    speaks: int
    lacks: tuple[str, ...]
    adds: bytes
    kind: int


def unknown_field(chance):
    """Answer a field that no schema of ours has, of any wire type that protobuf still uses."""
    number = codec.varint(chance.randrange(200, 5_000) << 3 | (wire_type := chance.choice([0, 1, 2, 5])))
    if wire_type == 0:
        return number + codec.varint(chance.getrandbits(60))
    if wire_type == 2:
        data = chance.randbytes(chance.randrange(300))
        return number + codec.varint(len(data)) + data
    return number + chance.randbytes(8 if wire_type == 1 else 4)


def release(seed):
    chance = random.Random(seed)
    version = chance.choice([0, 1, 1, 1, 2, 3, 17, 400, 65_535])
    speaks = chance.choice([1, 1, 1, 1, version])
    lacks = tuple(name for name in FIELDS if chance.random() < 0.3)
    adds = b"".join(unknown_field(chance) for _ in range(chance.randrange(5)))
    kind = chance.choice([0, 0, 0, chance.randrange(9, 65_536)])
    return Release(version, speaks, lacks, adds, kind)


def hello(peer, release):
    """Say HELLO as that release does; answer what comes back."""
    about = {"protocol": release.version, "version": "9.9", "client": peer.client, "service": peer.service}
    about |= {"host": "box", "pid": 7, "generation": 1, "python": "3.19", "instruments": ["future"]}
    known = {name: value for name, value in about.items() if name not in release.lacks}
    peer.send(frames.HELLO, codec.encode(messages.HELLO, known) + release.adds, release.version)
    return peer.answer()


def expected(release):
    """Answer the code of the refusal that this release meets; empty when it is served."""
    if release.version < 1:
        return "version"
    if release.speaks != messages.PROTOCOL:
        return "version"
    return "order" if release.kind else ""


@pytest.fixture(scope="module")
def releases():
    return [release(seed) for seed in range(RELEASES)]


def test_the_forty_releases_are_of_every_sort(releases):
    assert {expected(release) for release in releases} == {"", "version", "order"}
    assert sum(not expected(release) and release.version > 1 for release in releases) >= 5
    assert sum(not expected(release) and bool(release.adds) for release in releases) >= 5


def test_each_is_served_in_our_protocol_or_refused_with_one_clear_sentence(desk, folder, releases):
    served = 0
    with desk.running(folder) as collector:
        path = collector.options.socket
        # A process that executes itself anew would lose this one.
        with desk.Peer(path, "f" * 32, "witness") as witness:
            witness.greet()
            for number, other in enumerate(releases, 1):
                with desk.Peer(path, f"{number:032x}") as peer:
                    meet(peer, other, desk)
                served += not expected(other)
                assert witness.batch(number) == number
        state = desk.state(path)
    assert state["accepted"] == {"shop": 3 * served, "witness": 3 * RELEASES}


def meet(peer, other, desk):
    """Hold the whole conversation of a release, as far as it gets."""
    kind, answer = hello(peer, other)
    if other.version < 1:
        assert (kind, answer["code"]) == (frames.REFUSAL, "version")
        assert answer["text"] == "this collector speaks protocol 1"
        assert peer.socket.recv(1) == b""
        return
    assert kind == frames.WELCOME
    assert answer["protocol"] == messages.PROTOCOL
    if other.kind:
        peer.send(other.kind, other.adds, other.speaks)
    # One that is refused already is not read on; the refusal waits for it all the same.
    with suppress(BrokenPipeError) if expected(other) else nullcontext():
        peer.send(frames.TABLE, desk.table_body() + other.adds, other.speaks)
        peer.send(frames.BATCH, desk.batch_body(1) + other.adds, other.speaks)
    kind, answer = peer.answer()
    if not expected(other):
        assert (kind, answer["sequence"]) == (frames.ACK, 1)
        return
    assert kind == frames.REFUSAL
    assert answer["code"] == expected(other)
    if answer["code"] == "version":
        assert answer["text"] == "this collector speaks protocol 1"
    else:
        assert answer["text"] == f"message type {other.kind} is none that protocol 1 has"
