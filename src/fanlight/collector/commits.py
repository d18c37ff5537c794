"""Group commit: batches of a tenth of a second become one durable record, then they are acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fanlight.aggregate.bounds import OTHER
from fanlight.collector.shares import DETAIL
from fanlight.wire import spool
from fanlight.wire.codec import encode
from fanlight.wire.messages import COMMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.aggregate.aggregator import Aggregator
    from fanlight.aggregate.groups import Origin
    from fanlight.aggregate.record import Record
    from fanlight.aggregate.tables import Table
    from fanlight.collector.ledger import Ledger
    from fanlight.collector.notices import Notices
    from fanlight.collector.options import Options
    from fanlight.collector.spool import SpoolWriter
    from fanlight.wire.codec import Message

    Waiting = list[tuple[Callable[[int], None], int]]
    """Who is told when a record is on disk: what takes the sequence, and the sequence."""


class Group(NamedTuple):
    """A record that takes batches still."""

    record: Record
    opened_s: float
    waiting: Waiting


class Sealed(NamedTuple):
    """A record that takes nothing more and is not on disk yet."""

    message: Message
    body: bytes
    waiting: Waiting


class Committer:
    """Collects batches, writes them, and only then acknowledges.

    While a record cannot be written it is tried again, and nothing else is accepted: who sends
    is not read, and bounds and counts what it cannot get rid of.

    Args:
        options: bounds and times.
        aggregator: begins the records.
        ledger: is told of every record on disk.
        writer: appends to the spool.
        notices: says once what is wrong.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        options: Options,
        aggregator: Aggregator,
        ledger: Ledger,
        writer: SpoolWriter,
        notices: Notices,
        clock: Callable[[], float],
    ) -> None:
        self.options = options
        self.aggregator = aggregator
        self.ledger = ledger
        self.writer = writer
        self.notices = notices
        self.clock = clock
        self.group: Group | None = None
        self.size = 0
        self.stuck: Sealed | None = None
        self.retry_at = 0.0
        self.trouble = ""
        self.acknowledged = 0

    @property
    def accepting(self) -> bool:
        """Whether batches may be offered."""
        return self.stuck is None

    def takes(self, service: str) -> bool:
        """Answer whether batches of a service may be offered now."""
        if self.stuck is not None:
            return False
        name = service if service in self.aggregator.names.services else OTHER
        return self.ledger.shares.takes(name, self.writer.used, self.options.spool_max_bytes)

    def look(self) -> None:
        """Look at what is in the spool, and whose it is."""
        self.writer.measure()
        self.ledger.shares.look(self.writer.oldest)
        # Puts the file back that says how far the spool is durable, should it have gone.
        self.writer.settle(self.ledger.totals())

    def offer(
        self, batch: Message, table: Table, origin: Origin, size: int, tell: Callable[[int], None]
    ) -> None:
        """Take a parsed batch; `tell` is called with its sequence once it is on disk.

        A batch that is known already is not applied again, only told.

        Args:
            batch: what `batches.parse` answered.
            table: its connection's table.
            origin: its client.
            size: of its frame, in bytes.
            tell: acknowledges; called at once when the batch is on disk already.
        """
        client, sequence = self.ledger.client(origin.client), batch["sequence"]
        if sequence <= client.sequence:
            tell(client.sequence)
            return
        if sequence <= client.pending:
            self.waiting().append((tell, sequence))
            return
        client.pending = sequence
        service = self.aggregator.names.service(origin.service)
        self.ledger.report(client, service, batch["dropped_reason"], batch["dropped_count"])
        client.spent_ns, client.taken = batch["spent"], batch["taken"]
        group = self.open_group()
        used, bound = self.writer.used, self.options.spool_max_bytes
        detail = self.ledger.shares.keeps_detail(service, used, bound)
        group.record.add(batch, table, origin, detail=detail)
        group.waiting.append((tell, sequence))
        self.size += size
        if self.size >= self.options.group_bytes:
            self.close()

    def keep(self, service: str, time_ns: int, shape: str, values: str) -> bool:
        """Take an event that is no trace, as `Record.event` does; answer whether there is room for it.

        Nobody sends it again: while a record cannot be written, it is left out.
        """
        if self.stuck is not None or self.writer.used > DETAIL * self.options.spool_max_bytes:
            return False
        group = self.open_group()
        group.record.event(service, time_ns, shape, values)
        self.size += len(values)
        return True

    def open_group(self) -> Group:
        """Answer the record that takes batches, begun if there is none."""
        if self.group is None:
            self.group, self.size = Group(self.aggregator.begin(self.ledger.clock()), self.clock(), []), 0
        return self.group

    def waiting(self) -> Waiting:
        """Answer who waits for the batches that are not on disk yet."""
        for held in (self.group, self.stuck):
            if held is not None:
                return held.waiting
        raise AssertionError("a batch is pending but nothing waits to be written")

    def due(self) -> float | None:
        """Answer when `tick` has something to do, in the clock's seconds; None: not before an offer."""
        if self.stuck is not None:
            return self.retry_at
        return None if self.group is None else self.group.opened_s + self.options.group_s

    def tick(self) -> None:
        """Close the group whose time has come, or try again what could not be written."""
        due = self.due()
        if due is None or self.clock() < due:
            return
        if self.stuck is None:
            self.close()
        else:
            self.write(self.stuck)

    def close(self) -> None:
        """Write the open group, if there is one."""
        if self.group is not None:
            message = self.group.record.message()
            sealed = Sealed(message, encode(COMMIT, message), self.group.waiting)
            self.group = None
            self.write(sealed)

    def write(self, sealed: Sealed) -> None:
        """Make a record durable and tell who waits for it; or keep it to be tried again."""
        try:
            self.check_room(len(sealed.body))
            self.writer.append(sealed.body)
        except OSError as error:
            self.stuck = sealed
            self.retry_at = self.clock() + self.options.retry_s
            self.trouble = error.strerror or str(error)
            self.notices.trouble(
                "spool",
                f"cannot write the spool {self.writer.directory}: {self.trouble}. Applications keep what "
                "fits their queues and count the rest as dropped; writing is tried until it works.",
            )
            return
        self.stuck, self.trouble = None, ""
        self.notices.over("spool", f"the spool {self.writer.directory} can be written again.")
        self.ledger.commit(sealed.message, spool.RECORD.size + len(sealed.body))
        self.writer.settle(self.ledger.totals())
        for tell, sequence in sealed.waiting:
            self.acknowledged += 1
            tell(sequence)

    def check_room(self, more: int) -> None:
        """Raise an OSError when a record of so many bytes would pass the spool's bound.

        One that is larger than the bound by itself is taken when nothing else waits: no time would
        make room for it.
        """
        if self.writer.unsettled is not None or self.writer.used + more <= self.options.spool_max_bytes:
            return
        # What was freed since the last look counts; and a segment must end before it can be freed.
        self.look()
        if self.writer.is_empty or self.writer.used + more <= self.options.spool_max_bytes:
            return
        self.writer.turn()
        text = f"it has reached its bound of {self.options.spool_max_bytes} bytes (spool.max_bytes)"
        raise OSError(text)
