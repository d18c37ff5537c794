"""The embedded strategy: aggregates in the application's own background, and posts what came out.

What a collector does, in one process: batches go into a record as they are packed, and the record
is posted each second. While nobody takes it, the next one grows, first in full, then by its counts
alone, and at last the queue in front fills up, which counts what it drops.
"""

from __future__ import annotations

from _random import Random
from array import array
from time import time_ns
from zlib import compressobj

from fanlight.agent.posting import Poster, ProxyRefusal
from fanlight.agent.way import Yielded
from fanlight.aggregate.aggregator import Aggregator
from fanlight.aggregate.batches import parse
from fanlight.aggregate.groups import Origin
from fanlight.aggregate.tables import Table as Known
from fanlight.errors import WireError
from fanlight.recording.clock import clock
from fanlight.wire.codec import decode, encode
from fanlight.wire.frames import HEADER, FrameReader
from fanlight.wire.messages import COMMIT, HELLO, TABLE
from fanlight.wire.report import CLOCK, CONTENT_TYPE, PATH, REPORT
from fanlight.wire.spool import pack_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fanlight.agent.batch import Parcel
    from fanlight.agent.destination import Destination
    from fanlight.agent.posting import Answer
    from fanlight.agent.table import Table
    from fanlight.aggregate.record import Record
    from fanlight.wire.codec import Message

NS = 1_000_000_000
INTERVAL_NS = NS
"""How long a record takes batches before it is posted."""
DETAIL_BYTES = 4 << 20
"""Batches of this size fill a record; while nobody takes it, later ones leave their counts in it."""
CELLS = 12_000
"""Counts of a group and minute that a record may hold, some 700 bytes each; then it takes no more."""
POST_NS = 10 * NS
"""How long one post may take."""
RETRY_S = 0.25
RETRY_MAX_S = 60.0
"""First and longest pause after a failure; each is twice the one before, less up to half at random."""
RETRY_AFTER_MAX_S = 300.0
HOPELESS_S = 60.0
"""Pause after what only people can put right."""
GIVE_UP_NS = 24 * 3_600 * NS
"""Age at which a record is dropped: servers remember for three days what they have taken."""
TELL = 6
"""Failures in a row after which people are told."""
REFUSALS = 2
EVENTS = 500
"""Readings of servers that wait for the next traces, with which they go; of more the oldest go nowhere."""
LEVEL = 3
GZIP = 31

REFUSED = "refused"
FAULT = "fault"
STALE = "stale"
"""Reason of a drop: nobody took it for a day."""


class Sealed:
    """A record that takes nothing more: posted unchanged until it is acknowledged.

    Attributes:
        sequence: its last batch's.
        body: the REPORT, gzipped.
        traces: how many it counts.
        sealed_ns: `clock()` then.
    """

    __slots__ = ("body", "sealed_ns", "sequence", "traces")

    def __init__(self, sequence: int, body: bytes, traces: int) -> None:
        self.sequence = sequence
        self.body = body
        self.traces = traces
        self.sealed_ns = clock()


class Reporter:
    """Has the face of `standalone.Link`; what it takes over it posts by and by.

    Args:
        destination: the server.
        greeting: answers the HELLO message.
        complain: told once what a person should know.
        drop: told reason and number of traces that do not arrive.
        environ: where proxies are looked up.

    Attributes:
        path: the server's address, for people.
        failures: attempts since the last success.
        steps: those of them that were due; each doubles the pause.
        refused: always 0: what is refused is dropped here.
        hopeless: whether only people can help.
        taken: how often something was acknowledged.
    """

    __slots__ = (
        *("again_ns", "aggregator", "asked_ns", "cells", "complain", "destination", "drop", "dropped"),
        "events",
        *("failures", "first_kind", "first_string", "greeting", "hopeless", "known", "opened_ns", "origin"),
        *("path", "poster", "random", "record", "refusals", "refused", "sealed", "sequence"),
        *("size", "steps", "taken", "traces"),
    )

    def __init__(
        self,
        destination: Destination,
        greeting: Callable[[], Message],
        complain: Callable[[str], object],
        drop: Callable[[str, int], object],
        environ: Mapping[str, str],
    ) -> None:
        from fanlight.agent.proxies import proxy

        self.destination = destination
        self.path = destination.shown
        self.greeting = greeting
        self.complain = complain
        self.drop = drop
        self.poster = Poster(destination, lambda: proxy(destination, environ))
        self.random = Random().random
        self.aggregator = Aggregator(self.random)
        self.known = Known()
        self.first_string, self.first_kind = 1, 0
        self.origin: Origin | None = None
        self.record: Record | None = None
        self.sealed: Sealed | None = None
        self.sequence = self.size = self.traces = self.cells = 0
        self.opened_ns = self.again_ns = self.asked_ns = 0
        self.events: list[tuple[str, int, str, str]] = []
        self.dropped: tuple[list[str], array[int]] = ([], array("Q"))
        self.failures = self.steps = self.refusals = self.refused = 0
        self.taken = 0
        self.hopeless = False

    @property
    def pending(self) -> int:
        """How many traces are taken over and not on the server's disk."""
        return self.traces + (self.sealed.traces if self.sealed is not None else 0)

    @property
    def waits(self) -> bool:
        """Whether anything is still to be posted."""
        return self.record is not None or self.sealed is not None

    def close(self) -> None:
        """End the connection, if there is one; what is pending stays."""
        self.poster.close()

    def rest_s(self, gathering_s: float) -> float:
        """Answer how long traces gather: what waits to be posted keeps nobody from taking them over."""
        return gathering_s

    def is_due(self) -> bool:
        """Answer that parcels are taken over at any time."""
        return True

    def may_answer(self) -> bool:
        """Answer whether another attempt in a moment makes sense."""
        return not self.hopeless and self.asked_ns - clock() < NS

    def warm_up(self) -> None:
        """Import what posting takes."""
        import json  # noqa: F401  reads answers

        from fanlight.aggregate import trees  # noqa: F401  only to have it

        if self.destination.secure:
            import ssl  # noqa: F401  only to have it

    def deliver(self, parcel: Parcel, table: Table, until_ns: int, yields: Callable[[], bool]) -> bool:
        """Take a parcel over; answer whether there was room. As `Link.deliver`."""
        if parcel.sequence <= self.sequence:
            return True
        if self.cells >= CELLS and self.size >= DETAIL_BYTES:
            self.settle(until_ns, yields, everything=False)
            if self.record is not None:
                return False
        try:
            self.fold(parcel, table)
        except WireError:
            # What our own packer packs is no such thing; should it be, it costs itself alone.
            self.drop(FAULT, parcel.traces)
        self.sequence = parcel.sequence
        if clock() - self.opened_ns >= INTERVAL_NS or self.size >= DETAIL_BYTES:
            # Under load there always is another parcel, so nobody would get round to it later.
            self.settle(until_ns, yields, everything=False)
        return True

    def fold(self, parcel: Parcel, table: Table) -> None:
        """Add a parcel to the open record, as a collector does with what comes over its socket."""
        if self.known.generation != table.generation:
            self.first_string, self.first_kind = 1, 0
        reader = FrameReader()
        for _, _, body in reader.feed(table.frames(self.first_string, self.first_kind)):
            self.known = self.known.extended(decode(TABLE, body))
        self.first_string, self.first_kind = len(table.strings), len(table.kinds)
        batch = parse(memoryview(parcel.data)[HEADER.size :], self.known)
        if self.origin is None:
            hello = self.greeting()
            told = ("client", "service", "host", "pid", "release", "environment")
            self.origin = Origin(*(hello[name] for name in told))
        if self.record is None:
            self.record = self.aggregator.begin(time_ns())
            self.opened_ns = clock()
        self.dropped = batch["dropped_reason"], batch["dropped_count"]
        detail = self.size < DETAIL_BYTES
        self.size += len(parcel.data)
        self.traces += parcel.traces
        self.record.add(batch, self.known, self.origin, detail=detail)
        while self.events:
            self.record.event(*self.events.pop(0))
        self.cells = sum(len(group.counts) for group in self.record.groups.values())

    def keep(self, service: str, time_ns: int, shape: str, values: str) -> None:
        """Take an event that is no trace, as `Record.event` does; any thread may."""
        self.events.append((service, time_ns, shape, values))
        if len(self.events) > EVENTS:
            self.events.pop(0)

    def settle(self, until_ns: int, yields: Callable[[], bool], everything: bool) -> bool:
        """Post what is due; answer whether nothing is left.

        Args:
            until_ns: `clock()` when to stop.
            yields: answers whether to step aside.
            everything: also what is not due yet, and without waiting longer after a failure.
        """
        while self.waits:
            if self.sealed is None:
                young = clock() - self.opened_ns < INTERVAL_NS and self.size < DETAIL_BYTES
                if young and not everything:
                    return False
                self.seal()
            if clock() < (self.asked_ns if everything else self.again_ns):
                return False
            if not self.post(until_ns, yields):
                return False
        return True

    def seal(self) -> None:
        """Turn the open record into bytes that stay as they are."""
        assert self.record is not None
        record, traces = self.record, self.traces
        self.record = None
        self.size = self.traces = self.cells = 0
        report = {
            "hello": encode(HELLO, self.greeting()),
            "sequence": self.sequence,
            "dropped_reason": self.dropped[0],
            "dropped_count": self.dropped[1],
            "records": pack_record(encode(COMMIT, record.message())),
        }
        packer = compressobj(LEVEL, wbits=GZIP)
        self.sealed = Sealed(self.sequence, packer.compress(encode(REPORT, report)) + packer.flush(), traces)

    def post(self, until_ns: int, yields: Callable[[], bool]) -> bool:
        """Post the sealed record once; answer whether it is done with."""
        assert self.sealed is not None
        if clock() - self.sealed.sealed_ns > GIVE_UP_NS:
            self.done(STALE)
            return True
        try:
            token = self.destination.token()
        except (OSError, ValueError) as error:
            text = f"no token to report to {self.path} with: {error}"
            if not isinstance(error, FileNotFoundError):
                self.wait(text)
                return False
            # The server makes it when it is started, so it may come as soon as the server does.
            self.pause(None)
            if self.failures == TELL:
                self.complain(text)
            return False
        try:
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": CONTENT_TYPE,
                "Content-Encoding": "gzip",
                "Accept": "application/json",
                "User-Agent": "fanlight",
                CLOCK: str(time_ns()),
            }
            limit_ns = min(until_ns, clock() + POST_NS)
            answer = self.poster.post(PATH, headers, self.sealed.body, limit_ns, yields)
        except Yielded:
            return False
        except (OSError, ValueError) as error:
            self.failed(error)
            return False
        return self.judge(answer)

    def judge(self, answer: Answer) -> bool:
        """Take an answer as what it is; answer whether the sealed record is done with."""
        status = answer.status
        if status == 200 and self.acknowledges(answer):
            self.done("")
            return True
        if status == 200 or 300 <= status < 400 or status in (404, 405):
            # A redirect could lead the token anywhere.
            self.wait(f"what answers at {self.path} is no Fanlight that takes reports (status {status})")
        elif status in (401, 403, 407):
            self.wait(
                f"the server at {self.path} does not let our reports in (status {status}): the token here is "
                "not the one in its report.token_file, or it is not known by that name (--host-name)"
            )
        elif status in (400, 411, 413, 415, 422):
            self.refusals += 1
            self.pause(None)
            if self.refusals >= REFUSALS:
                self.complain(f"the server at {self.path} refuses a report (status {status}); it is dropped")
                self.done(REFUSED)
                return True
        else:
            self.failed(None, answer.headers.get("retry-after", ""))
        return False

    def acknowledges(self, answer: Answer) -> bool:
        """Answer whether an answer says that the sealed record is on disk; a stranger's 200 does not."""
        import json

        assert self.sealed is not None
        try:
            told = json.loads(answer.body)
        except (ValueError, RecursionError):
            return False
        sequence = told.get("sequence") if told.__class__ is dict else None
        return isinstance(sequence, int) and sequence >= self.sealed.sequence

    def done(self, reason: str) -> None:
        """Be done with the sealed record, dropped for a reason or on disk."""
        assert self.sealed is not None
        if reason:
            self.drop(reason, self.sealed.traces)
        else:
            self.taken += 1
            self.failures = self.steps = 0
            self.again_ns = self.asked_ns = 0
            self.hopeless = False
        self.refusals = 0
        self.sealed = None

    def failed(self, error: Exception | None, after: str = "") -> None:
        """Wait longer each time before trying again; tell people what they alone can put right."""
        if error is not None and hasattr(error, "verify_message"):
            self.wait(
                f"the certificate of {self.path} is not to be trusted: {error.verify_message}; nothing is "
                "sent there (report.ca_file names the authorities of your own)"
            )
            return
        if isinstance(error, ProxyRefusal):
            self.wait(f"{self.path} cannot be reached through the proxy of the environment: {error}")
            return
        if isinstance(error, FileNotFoundError):
            self.wait(
                f"{self.path} cannot be checked: report.ca_file {self.destination.ca_file} is not there"
            )
            return
        self.pause(after)
        if self.failures == TELL:
            self.complain(
                f"no server takes reports at {self.path}; what fits waits here, later ones are dropped "
                "and counted"
            )

    def wait(self, text: str) -> None:
        """Tell people something, once, and try again slowly: they may have put it right."""
        self.complain(text)
        self.failures += 1
        self.hopeless = True
        self.again_ns = clock() + int(HOPELESS_S * (0.75 + self.random() / 4) * NS)

    def pause(self, after: str | None) -> None:
        """Try again after a while, not before a server that asked for patience gets it."""
        # For a flush, which tries many times a second: no reason for the thread to wait longer.
        early = not self.hopeless and clock() < self.again_ns
        self.hopeless = False
        self.failures += 1
        if early and not after:
            return
        pause_s = min(RETRY_S * 2 ** min(self.steps, 20), RETRY_MAX_S) * (0.5 + self.random() / 2)
        self.steps += 1
        asked_s = float(after) if after and after.isascii() and after.isdigit() else 0.0
        asked_s = min(asked_s, RETRY_AFTER_MAX_S)
        self.asked_ns = clock() + int(asked_s * NS) if asked_s else 0
        self.again_ns = clock() + int(max(pause_s, asked_s) * NS)
