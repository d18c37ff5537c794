"""The accounts: traces accepted and dropped per service, losses that clients report, last batches."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from fanlight.collector.shares import Shares
from fanlight.errors import SpoolError, WireError
from fanlight.wire import settled, spool
from fanlight.wire.codec import decode
from fanlight.wire.messages import COMMIT
from fanlight.wire.salvage import surviving

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from fanlight.wire.codec import Message

NS = 1_000_000_000
REMEMBERED_NS = 3_600 * NS
"""How long a client that is gone is remembered: its batches are known again when it comes back."""
MAX_CLIENTS = 10_000


class Client:
    """One process of an application.

    Attributes:
        sequence: its last batch on disk.
        pending: its last batch that waits to be on disk; at least `sequence`.
        seen_ns: wall clock of its last sign of life.
        connected: whether it is on a connection now.
        hello: what it said of itself; empty for one that is known from the spool alone.
        dropped: traces it lost itself since it began, by reason, as its last batch told.
        spent_ns: CPU time that its background took for `taken` traces since it began, likewise.
    """

    def __init__(self, sequence: int = 0, seen_ns: int = 0) -> None:
        self.sequence = sequence
        self.pending = sequence
        self.seen_ns = seen_ns
        self.connected = False
        self.hello: Message = {}
        self.dropped: dict[str, int] = {}
        self.spent_ns = self.taken = 0


class Ledger:
    """What the collector answers for. Only what is on disk is in `accepted`.

    Args:
        clock: wall-clock ns since 1970.
        remembered_ns: how long a client that is gone is remembered.

    Attributes:
        accepted: traces per service, since this spool began.
        dropped: of those, traces of which counts and latency alone were kept, by service and reason.
        lost: traces that clients lost before they could send them, by service and reason, as
            reported or found in what they left; `tally` keeps it for the next collector.
        clients: by id.
        shares: bytes in the spool per service.
    """

    def __init__(self, clock: Callable[[], int], remembered_ns: int = REMEMBERED_NS) -> None:
        self.clock = clock
        self.remembered_ns = remembered_ns
        self.accepted: dict[str, int] = {}
        self.dropped: dict[str, dict[str, int]] = {}
        self.lost: dict[str, dict[str, int]] = {}
        self.clients: dict[str, Client] = {}
        self.shares = Shares()

    def client(self, name: str) -> Client:
        """Answer a client's entry, new if it is unknown; marks it as seen now."""
        found = self.clients.get(name)
        if found is None:
            if len(self.clients) >= MAX_CLIENTS:
                self.forget_oldest()
            found = self.clients[name] = Client()
        found.seen_ns = self.clock()
        return found

    def report(self, client: Client, service: str, reasons: list[str], counts: array[Any]) -> None:
        """Take over a client's own drop counters, which are totals since it began."""
        for reason, total in zip(reasons, counts, strict=True):
            more = total - client.dropped.get(reason, 0)
            if more > 0:
                client.dropped[reason] = total
                self.lose(service, reason, more)

    def lose(self, service: str, reason: str, many: int) -> None:
        """Enter traces that did not get here."""
        add(self.lost.setdefault(service, {}), reason, many)

    def commit(self, message: Message, size: int) -> None:
        """Enter a record of so many bytes that is on disk, just now or found there at the start."""
        self.shares.enter(message, size)
        for service, count in zip(message["ledger_service"], message["ledger_accepted"], strict=True):
            add(self.accepted, service, count)
        for service, count in undetailed(message).items():
            add(self.accepted, service, count)
            add(self.dropped.setdefault(service, {}), "spool_full", count)
        for name, sequence in zip(message["client"], message["client_sequence"], strict=True):
            client = self.client(name)
            client.sequence = max(client.sequence, sequence)
            client.pending = max(client.pending, sequence)

    def describe(self) -> Message:
        """Answer the fields of the header of a segment that begins now."""
        self.forget_gone()
        kept = {name: client for name, client in self.clients.items() if client.sequence}
        return {
            **self.totals(),
            "written": array("Q", [self.shares.written.get(service, 0) for service in self.accepted]),
            "client": list(kept),
            "client_sequence": array("Q", [client.sequence for client in kept.values()]),
            "client_seen": array("Q", [client.seen_ns for client in kept.values()]),
        }

    def totals(self) -> Message:
        """Answer what was accepted and dropped so far, per service."""
        dropped = [sum(self.dropped.get(service, {}).values()) for service in self.accepted]
        return {
            "service": list(self.accepted),
            "accepted": array("Q", self.accepted.values()),
            "dropped": array("Q", dropped),
        }

    def restore(self, directory: str | os.PathLike[str]) -> list[str]:
        """Learn from the newest readable segment what was on disk when the collector last ended.

        A header sums up all that came before it, so one segment is enough.

        Args:
            directory: the spool, whose lock is held.

        Returns:
            What could not be read, one sentence each.
        """
        unread: list[str] = []
        for path in reversed(spool.segments(directory)):
            try:
                with path.open("rb") as file:
                    header, before = spool.read_header(file, path)
            except (SpoolError, OSError) as error:
                unread.append(str(error))
                continue
            self.accepted = dict(zip(header["service"], header["accepted"], strict=False))
            for service, count in zip(header["service"], header["dropped"], strict=False):
                if count:
                    self.dropped[service] = {"spool_full": count}
            self.shares.written = dict(zip(header["service"], header["written"], strict=False))
            columns = header["client"], header["client_sequence"], header["client_seen"]
            for name, sequence, seen_ns in zip(*columns, strict=False):
                self.clients[name] = Client(sequence, seen_ns)
            for after, body, gap in surviving(path):
                if gap:
                    unread.append(f"{path}: bytes {gap[0]} to {gap[1]} are damaged")
                try:
                    self.commit(decode(COMMIT, body), after - before)
                except WireError as error:
                    unread.append(f"{path}: the record that ends at byte {after} is no commit: {error}")
                before = after
            break
        self.catch_up(settled.read(directory))
        return unread

    def catch_up(self, last: Message | None) -> None:
        """Take over totals that the records no longer tell, because damage took some of them."""
        if last is None:
            return
        columns = last["service"], last["accepted"], last["dropped"]
        for service, accepted, dropped in zip(*columns, strict=False):
            self.accepted[service] = max(accepted, self.accepted.get(service, 0))
            if dropped > sum(self.dropped.get(service, {}).values()):
                self.dropped[service] = {"spool_full": dropped}

    def forget_gone(self) -> None:
        """Forget clients that have not been heard of for long."""
        oldest = self.clock() - self.remembered_ns
        gone = [name for name, c in self.clients.items() if c.seen_ns < oldest and not c.connected]
        for name in gone:
            del self.clients[name]

    def forget_oldest(self) -> None:
        """Make room for a client: the quarter that was silent longest goes."""
        silent = [name for name, client in self.clients.items() if not client.connected]
        silent.sort(key=lambda name: self.clients[name].seen_ns)
        for name in silent[: MAX_CLIENTS // 4]:
            del self.clients[name]


def undetailed(message: Message) -> dict[str, int]:
    """Answer, per service, the traces of a record that its counts hold and its ledger does not."""
    missing: dict[str, int] = {}
    strings, services = message["strings"], message["group_service"]
    for group, count in zip(message["count_group"], message["count_n"], strict=True):
        add(missing, strings[services[group]], count)
    for service, count in zip(message["ledger_service"], message["ledger_accepted"], strict=True):
        add(missing, service, -count)
    return {service: count for service, count in missing.items() if count > 0}


def add(sums: dict[str, int], key: str, more: int) -> None:
    """Add to one of several sums."""
    sums[key] = sums.get(key, 0) + more
