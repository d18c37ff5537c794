"""Agents, a collector and a server, made of the real parts, in a world that one seed decides."""

from __future__ import annotations

import os
import random
from array import array
from typing import TYPE_CHECKING, Any

from disk import Crash, Odds, SimDisk
from line import Selector, connect

from fanlight.agent.standalone import Link
from fanlight.agent.table import Table
from fanlight.aggregate.aggregator import Aggregator
from fanlight.collector.commits import Committer
from fanlight.collector.connection import Hall
from fanlight.collector.ledger import Ledger
from fanlight.collector.notices import Notices
from fanlight.collector.options import Options
from fanlight.collector.reception import Reception
from fanlight.collector.spool import SpoolWriter
from fanlight.errors import StoreError, WireError
from fanlight.server import account
from fanlight.server.applier import Applier
from fanlight.stores import open_store
from fanlight.wire import codec, messages, spool
from fanlight.wire.frames import BATCH, HELLO, frame

if TYPE_CHECKING:
    from pathlib import Path

    from line import End

S = 1_000_000_000
START_NS = 1_790_000_000 * S
FOREVER_NS = START_NS + 400 * 86_400 * S
PATIENCE = 4_000
"""Moves without faults within which all has to be stored."""


class Parcel:
    """What an agent sends until it is acknowledged; its endpoint is its own, so that it can be counted."""

    def __init__(self, agent: Agent, sequence: int, traces: int) -> None:
        self.sequence, self.traces = sequence, traces
        self.key = agent.service, f"{agent.name[:6]}/{sequence}"
        self.acknowledged = False
        endpoint, html = agent.table.string(self.key[1]), agent.table.string("html")
        kind = agent.table.kind("app.wsgi.request", self.key[1], "")
        one = {"endpoint": endpoint, "segment": html, "start": START_NS, "duration": 5_000_000, "spans": 1}
        batch = {"generation": agent.table.generation, "sequence": sequence}
        for name, (_, typ) in messages.TRACE_COLUMNS.items():
            values = (
                [one.get(name.removeprefix("trace_"), sequence)] * traces if name.startswith("trace_") else ()
            )
            batch[name] = array(codec.TYPECODE[typ], values)
        for name, value in (
            ("kind", kind),
            ("parent", messages.NO_PARENT),
            ("start", 0),
            ("duration", 5_000_000),
        ):
            batch[f"span_{name}"] = array(codec.TYPECODE[messages.BATCH[f"span_{name}"][1]], [value] * traces)
        batch["trace_flags"] = batch["trace_lost"] = array("I", [0] * traces)
        self.data = frame(BATCH, codec.encode(messages.BATCH, batch))


class Agent:
    """One process of an application: its link is the real one, its traces are made up."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.name = f"{number:06x}" + "0" * 26
        self.service = ("shop", "blog")[number % 2]
        self.table = Table()
        self.link = Link("/nowhere", dict, lambda _: None)
        self.sequence = 0
        self.outstanding: Parcel | None = None

    def move(self) -> None:
        """Do one step of what the task does: pack, connect, write or read."""
        chance = self.world.chance
        if self.outstanding is None:
            if self.world.is_ending:
                return
            self.sequence += 1
            if chance.random() < 0.05:
                self.table.renew()
            self.outstanding = Parcel(self, self.sequence, chance.randrange(1, 4))
            self.world.parcels.append(self.outstanding)
        try:
            if self.link.socket is None:
                self.connect()
            elif chance.random() < 0.03:
                raise ConnectionResetError
            elif self.link.step(self.outstanding, self.table):
                self.outstanding.acknowledged = True
                self.outstanding = None
        except (OSError, WireError):
            self.link.failed()

    def connect(self) -> None:
        """Connect and greet, as `Link.connect` does over a real path."""
        self.link.forget()
        mine, theirs = connect(self.world.chance)
        self.world.admit(theirs)
        self.link.socket = mine
        about = {"protocol": 1, "client": self.name, "service": self.service, "host": "box"}
        self.link.outbox = memoryview(frame(HELLO, codec.encode(messages.HELLO, about)))

    def die(self) -> None:
        """Leave the connection as a killed process does."""
        if self.link.socket is not None:
            self.link.socket.break_off()


class Collector:
    """The collector's parts as `collector.Collector` puts them together, without its sockets and clocks."""

    def __init__(self, world: World) -> None:
        self.selector = Selector()
        # Set before anything can fail: whoever dies while starting leaves its connections, too.
        world.collector = self
        clock, seconds = world.clock, world.seconds
        options = Options(
            "unused", world.folder, spool_max_bytes=world.bound, group_bytes=3_000, retry_s=0.05, group_s=0.1
        )
        self.ledger = Ledger(clock)
        notices = Notices(seconds, lambda _: None)
        aggregator = Aggregator(world.chance.random)
        self.writer = SpoolWriter(
            world.folder, self.ledger.describe, clock, world.disk.calls(), segment_bytes=1_500, segment_s=1.0
        )
        self.committer = Committer(options, aggregator, self.ledger, self.writer, notices, seconds)
        self.reception = Reception(options, self.selector, seconds)
        self.hall = Hall(self.committer, self.ledger, "1", lambda: b"{}", self.reception.welcome)
        self.writer.open()
        for path in spool.segments(world.folder)[-1:]:
            self.writer.adopt(str(path))
        self.ledger.restore(world.folder)
        self.committer.look()

    def move(self, chance: random.Random) -> None:
        """Serve somebody who is ready, then do what is due."""
        for _ in range(chance.randrange(1, 4)):
            if ready := list(self.selector.watched.values()):
                events, serve = chance.choice(ready)
                serve(events)
        self.committer.tick()
        self.reception.follow()
        if chance.random() < 0.1:
            self.reception.sweep()
            self.committer.look()

    def look(self) -> None:
        """Do what it does every second."""
        self.committer.look()

    def end(self) -> None:
        """Leave the connections as a killed process does."""
        for peer in list(self.selector.watched):
            peer.break_off()
        for connection in self.reception.connections:
            connection.peer.close()


class FickleStore:
    """A store that fails or dies before or behind its transaction; a transaction is whole and durable."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = open_store("memory:")
        # In every third world services reach their share: traces go, and every account stays as it is.
        self.store.max_bytes = 0 if world.seed % 3 else 300

    def apply(self, segment, records) -> None:
        drawn = self.world.chance.random() if not self.world.is_ending else 1.0
        trouble = Crash() if drawn < 0.05 else StoreError("no room") if drawn < 0.15 else None
        if trouble and self.world.chance.random() < 0.5:
            raise trouble
        self.store.apply(segment, records)
        if trouble:
            raise trouble

    def __getattr__(self, name):
        return getattr(self.store, name)


class World:
    """Everything that lives, and the one source of chance.

    Args:
        seed: decides all that happens.
        folder: an empty directory for the spool.
        sender, receiver: the classes of who sends parcels and of who acknowledges them.
    """

    def __init__(
        self, seed: int, folder: Path, sender: type[Any] = Agent, receiver: type[Any] = Collector
    ) -> None:
        self.seed = seed
        self.sender, self.receiver = sender, receiver
        self.chance = random.Random(seed)
        self.folder = str(folder)
        self.now_ns, self.mono_ns = START_NS, S
        self.is_ending = self.serving = False
        odds = Odds(self.chance.choice([0.0, 0.01, 0.05]), self.chance.choice([0.0, 0.02, 0.1]))
        self.disk = SimDisk(self.folder, self.chance, odds, self.between)
        self.bound = self.chance.choice([1 << 30, 1 << 30, 12_000])
        self.store = FickleStore(self)
        self.agents_survive = self.chance.random() < 0.5
        self.parcels: list[Parcel] = []
        self.dead: list[Agent] = []
        self.collector: Collector | None = None
        self.applier = self.new_applier()
        self.born = 0
        self.agents = [self.new_agent() for _ in range(self.chance.randrange(1, 3))]

    def clock(self) -> int:
        return self.now_ns

    def seconds(self) -> float:
        return self.mono_ns / S

    def new_agent(self) -> Agent:
        self.born += 1
        return self.sender(self, self.born)

    def new_applier(self) -> Applier:
        return Applier(self.store, self.disk_path(), lambda _: None, self.seconds, self.disk.sync)

    def disk_path(self) -> Path:
        from pathlib import Path

        return Path(self.folder)

    def admit(self, peer: End) -> None:
        """Let a connection reach the collector, if one lives."""
        if self.collector is None:
            peer.close()
            raise ConnectionRefusedError
        self.collector.reception.admit(peer, self.collector.hall, allowed=True)

    def between(self) -> None:
        """Let the server come between any two calls of the collector."""
        if not self.serving and self.chance.random() < 0.15:
            self.serve()

    def serve(self) -> None:
        """Let the server take a turn; it may die in it."""
        self.serving = True
        try:
            self.applier.attempt()
        except Crash:
            self.applier = self.new_applier()
        finally:
            self.serving = False

    def collect(self) -> None:
        """Let the collector do something; it may die in it, and is started anew when it is dead."""
        try:
            if self.collector is None:
                self.receiver(self)
            else:
                self.collector.move(self.chance)
        except Crash:
            self.kill_collector()
        except OSError:
            # It could not start; a supervisor tries again.
            self.kill_collector()

    def kill_collector(self) -> None:
        """End the collector with -9."""
        if self.collector is not None:
            self.collector.end()
        self.collector = None
        self.disk.bury()

    def kill_agent(self) -> None:
        """End an application with -9 and start another one."""
        gone = self.agents.pop(self.chance.randrange(len(self.agents)))
        gone.die()
        self.agents.append(self.new_agent())

    def lose_power(self) -> None:
        """End everything at once but the store's transactions, and sometimes the agents elsewhere."""
        self.kill_collector()
        self.disk.lose_power()
        self.applier = self.new_applier()
        if not self.agents_survive:
            self.agents = [self.new_agent() for _ in self.agents]
        self.check_acknowledged()

    def move(self) -> None:
        """Let something happen."""
        self.mono_ns += self.chance.randrange(S // 20)
        self.now_ns += self.chance.randrange(S // 20)
        drawn = self.chance.random()
        if drawn < 0.4:
            agent = self.chance.choice(self.agents)
            for _ in range(self.chance.randrange(2, 7)):
                agent.move()
        elif drawn < 0.8:
            self.collect()
        elif drawn < 0.88:
            self.serve()
        elif not self.is_ending:
            self.strike()

    def strike(self) -> None:
        """Let something bad happen, or look whether all is well."""
        blows = (self.kill_collector, self.lose_power, self.kill_agent, self.kill_server, self.set_clock)
        (blow,) = self.chance.choices((*blows, self.check_balance), (25, 35, 10, 10, 10, 30))
        blow()

    def kill_server(self) -> None:
        """End the server with -9 and start another one."""
        self.applier = self.new_applier()

    def set_clock(self) -> None:
        """Let somebody set the clock, back or ahead."""
        self.now_ns += self.chance.randrange(-100 * S, 100 * S)

    def live(self, moves: int) -> None:
        """Let it all happen; then let everybody finish, and demand that all is well."""
        for _ in range(moves):
            self.move()
        self.is_ending = True
        self.disk.odds = Odds(0.0, 0.0)
        for _ in range(PATIENCE):
            self.move()
            if self.collector and not any(agent.outstanding for agent in self.agents):
                break
        else:
            raise AssertionError("it does not come to an end")
        self.collector.look()
        while self.applier.attempt() == 0.0:
            pass
        self.check_acknowledged()
        self.check_stored(self.check_balance())
        self.kill_collector()

    def counted(self) -> dict[tuple[str, str], int]:
        """Answer how often the store counts each parcel's endpoint."""
        return {group[:2]: group[3] for group in self.store.counts(START_NS - 86_400 * S, FOREVER_NS, (), 1)}

    def check_acknowledged(self) -> None:
        """Demand that what was acknowledged is in the store or among the spool's whole records, once."""
        found = self.counted()
        for path in spool.segments(self.folder):
            if os.path.getsize(path) and not path.name.endswith(".bad"):
                for _, body in spool.records(path, self.applied(path)):
                    record = codec.decode(messages.COMMIT, body)
                    for group, n in zip(record["count_group"], record["count_n"], strict=True):
                        names = [record[f"group_{name}"][group] for name in ("service", "endpoint")]
                        key = tuple(record["strings"][name] for name in names)
                        found[key] = found.get(key, 0) + n
        for parcel in self.parcels:
            n = found.pop(parcel.key, 0)
            if n not in ((parcel.traces,) if parcel.acknowledged else (0, parcel.traces)):
                raise AssertionError(
                    f"{parcel.key} counts {n} of {parcel.traces}, acknowledged: {parcel.acknowledged}"
                )
        assert not found, found

    def applied(self, path: Path) -> int:
        """Answer the position up to which the store has a segment."""
        return int(self.store.positions().get(spool.number(path), 0))

    def check_balance(self) -> dict[str, int]:
        """Demand that the account balances, with nothing put down to damage; answer what is accepted."""
        told = account.services(self.applier)
        for name, about in told.items():
            left = about["stored"] + about["in_spool"] + sum(about["dropped"].values())
            assert about["accepted"] == left, (name, about)
            assert about["balanced"], (name, about)
            assert "damaged" not in about["dropped"], (name, about)
        return {name: about["accepted"] for name, about in told.items()}

    def check_stored(self, told: dict[str, int]) -> None:
        """Demand that what is told as accepted is what the store counts: nothing waits any more."""
        found = self.counted()
        accepted: dict[str, int] = {}
        for parcel in self.parcels:
            accepted[parcel.key[0]] = accepted.get(parcel.key[0], 0) + found.get(parcel.key, 0)
        assert told == {name: n for name, n in accepted.items() if n}, (told, accepted)
