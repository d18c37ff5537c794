"""Processes that report by themselves, and a server's inbox, made of the real parts, in the same world."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from disk import Crash
from world import Parcel

from fanlight.agent.destination import parse
from fanlight.agent.embedded import Reporter
from fanlight.agent.posting import Answer
from fanlight.agent.table import Table
from fanlight.aggregate.aggregator import Aggregator
from fanlight.collector.lock import Lock
from fanlight.collector.spool import SpoolWriter
from fanlight.server.inbox import BASE, Inbox, RoomError

if TYPE_CHECKING:
    import random

    from world import World

SERVER = parse("http://a-token-of-some-length@127.0.0.1:7700")
FAR_NS = 1 << 62
MANY = 20
"""Parcels that a process gathers at the most, so that what it posts fits into `ROOM`."""
ROOM = 20_000
"""Bytes of an inbox that is soon full."""


class Way:
    """Brings a report to whatever inbox is there, or not, or twice; and its answer back, or not."""

    def __init__(self, agent: Reporting) -> None:
        self.agent = agent

    def post(self, _path: str, _headers: Any, body: bytes, *_: Any) -> Answer:
        world = self.agent.world
        drawn = 1.0 if world.is_ending else world.chance.random()
        if drawn < 0.1:
            raise ConnectionRefusedError
        answer = self.brought(body)
        if 0.1 <= drawn < 0.2:
            # Something on the way sends it again.
            answer = self.brought(body)
        if 0.15 <= drawn < 0.3:
            raise TimeoutError
        if answer.status == 200:
            self.agent.acknowledged(json.loads(answer.body)["sequence"])
        return answer

    def brought(self, body: bytes) -> Answer:
        world = self.agent.world
        if world.collector is None:
            raise ConnectionRefusedError
        try:
            sequence = world.collector.inbox.take(zlib.decompress(body, 31))
        except Crash:
            world.kill_collector()
            raise ConnectionResetError from None
        except (RoomError, OSError):
            return Answer(503, {})
        answer = Answer(200, {})
        answer.body = json.dumps({"sequence": sequence}).encode()
        return answer

    def close(self) -> None:
        """Nothing is kept open."""


class Reporting:
    """One process that reports by itself: its reporter is the real one, its traces are made up."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.name = f"{number:06x}" + "0" * 26
        self.service = ("shop", "blog")[number % 2]
        self.table = Table()
        about = {"protocol": 1, "client": self.name, "service": self.service, "host": "box", "pid": number}
        greeting = {**about, "release": ("", "2026.1")[number % 2], "environment": ""}
        self.reporter = Reporter(SERVER, lambda: greeting, lambda _: None, self.drop, {})
        self.reporter.poster = Way(self)
        self.reporter.aggregator = Aggregator(world.chance.random)
        self.sequence = 0
        self.outstanding: list[Parcel] = []

    def drop(self, reason: str, traces: int) -> None:
        raise AssertionError(f"{traces} traces were given up: {reason}")

    def move(self) -> None:
        """Take a parcel over, or post what there is."""
        chance = self.world.chance
        if not self.world.is_ending and len(self.outstanding) < MANY and chance.random() < 0.5:
            self.sequence += 1
            if chance.random() < 0.05:
                self.table.renew()
            parcel = Parcel(self, self.sequence, chance.randrange(1, 4))
            self.world.parcels.append(parcel)
            self.outstanding.append(parcel)
            assert self.reporter.deliver(parcel, self.table, FAR_NS, bool)
        elif self.outstanding:
            self.reporter.settle(FAR_NS, bool, everything=True)

    def acknowledged(self, sequence: int) -> None:
        """Learn that everything up to a sequence is on the server's disk."""
        for parcel in [parcel for parcel in self.outstanding if parcel.sequence <= sequence]:
            parcel.acknowledged = True
            self.outstanding.remove(parcel)

    def die(self) -> None:
        """Leave nothing behind: a post is over before anything else happens."""


class Desk:
    """The inbox as a server has it, on the world's disk and clock."""

    def __init__(self, world: World) -> None:
        # Set before anything can fail: whoever dies while starting leaves its lock, too.
        self.world = world
        world.collector = self
        self.inbox = Inbox(world.folder, world.clock, lambda _: None)
        describe, calls = self.inbox.ledger.describe, world.disk.calls()
        self.inbox.writer = SpoolWriter(
            world.folder, describe, world.clock, calls, segment_bytes=1_500, segment_s=1.0
        )
        self.inbox.writer.base = BASE
        self.inbox.lock = Lock(f"{world.folder}.lock")
        self.inbox.max_bytes = max(world.bound, ROOM)
        self.inbox.open()

    def move(self, chance: random.Random) -> None:
        """Be asked how it is, or looked after by the applier."""
        if chance.random() < 0.3:
            assert self.inbox.state()["bytes"] >= 0
        self.look()

    def look(self) -> None:
        """Do what the applier asks for in each turn."""
        try:
            self.inbox.look()
        except Crash:
            self.world.kill_collector()

    def end(self) -> None:
        """Die: the kernel gives the lock back."""
        self.inbox.lock.release()
