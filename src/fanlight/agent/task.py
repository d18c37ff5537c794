"""The background task: takes traces off the line, packs them, and sees each parcel home."""

from __future__ import annotations

import sys

from fanlight.agent.batch import Packer
from fanlight.agent.queue import BATCH
from fanlight.agent.standalone import Link
from fanlight.agent.unpatched import allocate_lock, start_new_thread
from fanlight.recording.clock import clock
from fanlight.recording.recorder import SWITCH
from fanlight.wire.account import NEXT, SEQUENCE, SETTLED, TOLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.agent.batch import Parcel
    from fanlight.agent.embedded import Reporter
    from fanlight.agent.queue import Line
    from fanlight.agent.table import Normalize, Table
    from fanlight.recording.pauses import Pauses
    from fanlight.wire.codec import Message

GATHER_S = 0.25
"""How long traces gather before they are sent, unless 1,000 came."""
GATHER_NS = int(GATHER_S * 1e9)
REFUSED_S = 0.05
"""Pause between attempts of a flush at a socket that nobody answers."""
LOST = "undelivered"
"""Reason of a drop: still here when the agent was stopped."""
REFUSED = "refused"
"""Reason of a drop: in a batch that the collector cannot read."""
REFUSALS = 2
"""How often a batch may be refused for what is in it. The second time it came over a connection of
its own with the whole table, so a third would end likewise, and nothing behind it would arrive."""


class Task:
    """What carries one process's traces; its thread starts with the first of them.

    Args:
        line: the process's traces.
        path: of the collector's socket.
        greeting: answers the HELLO message.
        normalize: as in `Packer`.
        pauses: as in `Packer`.
        complain: told once what a person should know.

    Attributes:
        chatter: told of each parcel; None unless somebody wants to hear of every one.
        packed_ns: `clock()` when the last parcel was packed.
        leaving: whether the interpreter ends: then the thread is left asleep. One that ended by itself
            meanwhile would take down what the interpreter takes down, too.
    """

    __slots__ = (
        *("chatter", "ended", "hurry", "leaving", "line", "link", "outstanding", "packed_ns", "packer"),
        "turn",
    )

    def __init__(
        self,
        line: Line,
        path: str,
        greeting: Callable[[], Message],
        normalize: Normalize,
        pauses: Pauses,
        complain: Callable[[str], object],
    ) -> None:
        self.line = line
        self.packer = Packer(normalize, pauses, complain)
        self.link: Link | Reporter = Link(
            path, lambda: {**greeting(), "generation": self.packer.table.generation}, complain
        )
        self.outstanding: Parcel | None = None
        self.chatter: Callable[[Parcel, Table], object] | None = None
        self.turn = allocate_lock()
        self.hurry = self.packed_ns = 0
        self.ended = self.leaving = False

    def spawn(self, warm_up: Callable[[], object]) -> None:
        """Start the thread; where none can be started now, the next trace tries again.

        Args:
            warm_up: called first in the thread.
        """
        try:
            start_new_thread(self.run, (warm_up,))
        except RuntimeError:
            self.line.fresh.release()
            self.line.begun = False
            self.line.room = 0

    def run(self, warm_up: Callable[[], object]) -> None:
        """Send what comes, until the task ends; the thread's body."""
        line = self.line
        try:
            warm_up()
        except Exception:
            # Whatever cannot be imported now will say so when it is needed.
            SWITCH.faults += 1
        self.packer.measure()
        while not self.ended:
            try:
                if not self.has_work():
                    self.sleep()
                    continue
                line.bell.acquire(True, self.link.rest_s(GATHER_S))
                if self.ended or not self.link.is_due():
                    continue
                with self.turn:
                    self.pump(clock() + (1 << 62), self.wants_turn)
            except Exception:
                # The boundary of the thread: it must outlive whatever went wrong once.
                SWITCH.faults += 1
                line.bell.acquire(True, 1.0)
        self.link.close()

    def has_work(self) -> bool:
        """Answer whether anything is still to be delivered."""
        return self.outstanding is not None or bool(self.line.traces) or self.link.waits

    def sleep(self) -> None:
        """Wait, at no cost, until somebody rings."""
        line = self.line
        line.idle = True
        # A trace that came before the flag was up has not rung; whoever rings does so after it.
        if not self.has_work() and not self.ended:
            line.bell.acquire()
        line.idle = False

    def wants_turn(self) -> bool:
        """Answer whether a flush waits for the thread to step aside."""
        return self.hurry > 0 or self.ended

    def pump(self, until_ns: int, yields: Callable[[], bool], everything: bool = False) -> bool:
        """Deliver parcel after parcel; answer whether none is left.

        Args:
            until_ns: `clock()` when to stop.
            yields: answers whether to step aside.
            everything: also what has not gathered yet.
        """
        while True:
            if self.outstanding is None:
                self.outstanding = self.packer.pack(self.line)
                self.packed_ns = clock()
                if self.outstanding is not None:
                    sent(self.outstanding)
                    if self.chatter is not None:
                        self.chatter(self.outstanding, self.packer.table)
            if self.outstanding is None:
                return self.link.settle(until_ns, yields, everything)
            has_arrived = self.link.deliver(self.outstanding, self.packer.table, until_ns, yields)
            self.line.settle(has_arrived)
            if not has_arrived:
                if self.link.refused < REFUSALS:
                    return False
                self.line.drop(REFUSED, self.outstanding.traces)
                self.link.refused = 0
                self.packer.renew()
            else:
                arrived(self.outstanding)
            self.outstanding = None
            # What came while a parcel was long on its way has gathered by now.
            late = clock() - self.packed_ns >= GATHER_NS
            if not everything and not late and len(self.line.traces) < BATCH:
                return self.link.settle(until_ns, yields, everything) and not self.line.traces

    def flush(self, timeout_s: float, still_s: float) -> bool:
        """Deliver everything on the calling thread; answer whether it arrived in time.

        Args:
            timeout_s: what it may take.
            still_s: what it may take where nothing at all is acknowledged.
        """
        began_ns = clock()
        until_ns = began_ns + int(timeout_s * 1e9)
        still_ns = min(until_ns, began_ns + int(still_s * 1e9))
        self.hurry += 1
        try:
            if not self.turn.acquire(True, max(timeout_s, 0.0)):
                return False
            try:
                return self.drain(until_ns, still_ns)
            finally:
                self.turn.release()
        finally:
            self.hurry -= 1
            # The thread may have looked while the traces were in our hands, and gone to sleep.
            if self.has_work() and not self.leaving:
                self.line.ring()

    def drain(self, until_ns: int, still_ns: int) -> bool:
        """Pump until nothing is left, nobody can be there, or the time is over.

        Args:
            until_ns: `clock()` when it is over.
            still_ns: `clock()` when it is over where nothing was acknowledged.
        """
        refused, taken = self.line.dropped.get(REFUSED), self.link.taken
        limit_ns = still_ns
        while True:
            try:
                if self.pump(limit_ns, bool, everything=True):
                    return self.line.dropped.get(REFUSED) == refused
            except Exception:
                # The boundary of a flush: an exit must not fail for our sake.
                SWITCH.faults += 1
                return False
            if self.link.taken != taken:
                limit_ns = until_ns
            left_s = (limit_ns - clock()) / 1e9
            if left_s <= 0 or not self.link.may_answer():
                return False
            pause = allocate_lock()
            pause.acquire()
            pause.acquire(True, min(REFUSED_S, left_s))

    def end(self) -> None:
        """Let the thread end and the connection go; what is left is counted as dropped."""
        self.ended = True
        left = len(self.line.traces) + self.link.pending
        left += self.outstanding.traces if self.outstanding is not None else 0
        if left:
            self.line.drop(LOST, left)
        if not self.leaving:
            self.line.ring()
        if self.turn.acquire(False):
            try:
                self.link.close()
            finally:
                self.turn.release()


def sent(parcel: Parcel) -> None:
    """Enter into the account that a parcel is on its way, and what is settled once it arrives."""
    account = SWITCH.account
    told = account[TOLD] if account[TOLD] <= parcel.dropped else 0
    # The number first: until what follows from it stands there, nobody has that batch.
    account[SEQUENCE] = parcel.sequence
    account[NEXT] = account[SETTLED] + parcel.traces + parcel.dropped - told


def arrived(parcel: Parcel) -> None:
    """Enter into the account that a parcel has arrived."""
    account = SWITCH.account
    account[SETTLED] = account[NEXT]
    account[TOLD] = parcel.dropped


def forget_orphans(thread: int) -> None:
    """Forget, in a forked child, the modules that our thread of the parent was half-way through.

    It is not here to finish them and to open their locks, so whoever imports one would wait for
    ever. They are imported afresh instead. What the application's own threads were importing is
    none of our business.

    Args:
        thread: identity of the task's thread in the parent.
    """
    machinery = sys.modules["_frozen_importlib"]
    for name, reference in list(getattr(machinery, "_module_locks", {}).items()):
        if getattr(reference(), "owner", None) == thread:
            sys.modules.pop(name, None)
            machinery._module_locks.pop(name, None)  # noqa: SLF001  nobody else may
