"""What this process's own server is at, in the embedded strategy: nobody else is there to read it.

A thread of its own looks once a second at what the worker tells in its slot and at the sockets that it
listens on, adds up as a collector does, and tells targets and the next report every few seconds.
"""

from __future__ import annotations

import os
import sys
from time import monotonic_ns, time_ns

from fanlight.agent.unpatched import allocate_lock, start_new_thread
from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from fanlight.agent.outgoing import Outgoing
    from fanlight.recording.slots.slot import Slot
    from fanlight.wire.readings import Readings, Snapshot

LOOK_S = 1.0
"""Between two looks: the process whose time this is has other things to do."""
DELAY_S, PERIOD_S = 5.0, 5.0
"""Until the first telling, and between two, where nobody says otherwise."""
SLOT = "fanlight.recording.slots.slot"
KIND = "metrics"
NUMBERED = ("worker", "master")


class Gauge:
    """Looks and tells until it is ended.

    Args:
        targets: are told.
        keep: takes service, time, shape and values of an event, as `Record.event` does; asked for none
            while there is no report.
        waited: as `Saturation.waited`.
        here: where this process tells how busy it is.

    Attributes:
        delay_s, period_s: as above.
        sees_sockets: whether queues of the kernel are looked at.
    """

    __slots__ = (
        *(
            "data",
            "delay_s",
            "here",
            "keep",
            "period_s",
            "pid",
            "saturation",
            "sees_sockets",
            "slot",
            "spent_ns",
        ),
        *("stalled", "stamp_ns", "targets"),
    )

    def __init__(
        self,
        targets: Sequence[Outgoing],
        keep: Callable[[str, int, str, str], object],
        waited: Callable[[str], tuple[int, int] | None],
        here: Slot,
    ) -> None:
        from fanlight.aggregate.saturation import Saturation

        self.targets = targets
        self.keep = keep
        self.here = here
        self.delay_s = DELAY_S
        self.period_s = PERIOD_S
        self.sees_sockets = True
        self.saturation = Saturation(os.uname().nodename)
        self.saturation.waited = waited
        self.pid = os.getpid()
        # As `wire.seen` wants it: whoever reads itself is not stopped, and has no number.
        self.data = b""
        self.slot = self.spent_ns = self.stamp_ns = 0
        self.stalled = False

    def spawn(self, is_over: Callable[[], bool]) -> None:
        """Start the thread, which leaves when it is over; where none can be started nobody is told."""
        try:
            start_new_thread(self.run, (is_over,))
        except RuntimeError:
            SWITCH.faults += 1

    def run(self, is_over: Callable[[], bool]) -> None:
        """Look and tell; the thread's body."""
        window = self.saturation.window()
        due_ns = monotonic_ns() + int(self.delay_s * 1e9)
        pause = allocate_lock()
        pause.acquire()
        while not is_over():
            now_ns = monotonic_ns()
            try:
                self.saturation.look(self.readings(now_ns), now_ns)
                if now_ns >= due_ns:
                    due_ns = max(due_ns + int(self.period_s * 1e9), now_ns)
                    self.tell(window.take(time_ns()))
            except Exception:
                # The boundary of the thread: what failed once may do next time.
                SWITCH.faults += 1
            pause.acquire(True, LOOK_S)
        for each in self.targets:
            each.end()

    def readings(self, now_ns: int) -> Readings:
        """Answer this process as its slot tells of it, and its sockets as the kernel does."""
        from fanlight.agent.own import own
        from fanlight.wire import slots as layout
        from fanlight.wire.readings import Readings
        from fanlight.wire.seen import worker

        data = bytes(memoryview(self.here.cells).cast("B"))  # type: ignore[arg-type]  # an array or a view
        if data != self.data:
            self.data, self.stamp_ns = data, now_ns
        made = worker(self, layout.parse(data), None, now_ns)
        if made.master != made.pid:
            # Its master may have more than this one, and tells nobody here how many.
            self.saturation.several.add((made.service, made.server))
        listeners = own(made.inodes) if self.sees_sockets else {}
        return Readings(tuple(listeners.values()), (made,), ())

    def tell(self, snapshots: Sequence[Snapshot]) -> None:
        """Tell targets and the report of one instant."""
        told = [each for each in map(self.of_this_process, snapshots) if each is not None]
        for each in told:
            self.keep(each.labels["service"], each.time_ns, *packed(each))
        for target in self.targets:
            target.take(told)

    def of_this_process(self, snapshot: Snapshot) -> Snapshot | None:
        """Answer a snapshot such that it says whose it is; None for one that says it of all workers.

        Each worker tells of itself alone, and none knows the others: their rows are told apart by pid,
        and nobody adds them up but whoever reads them.
        """
        several = bool(self.saturation.several)
        if ("worker" in snapshot.labels) != several:
            return None
        return snapshot._replace(labels={**snapshot.labels, "worker": str(self.pid)}) if several else snapshot


def own_slot() -> Slot | None:
    """Answer where this process tells how busy it is; None where it serves no requests."""
    module = sys.modules.get(SLOT)
    if module is None or not module.HERE.claimed:
        return None
    from fanlight.wire.slots import ROLE, WORKS

    here: Slot = module.HERE
    return here if here.cells[ROLE] == WORKS else None


def packed(snapshot: Snapshot) -> tuple[str, str]:
    """Answer what the event of a snapshot shares with others, and what it has itself, as COMMIT tells it."""
    import json

    from fanlight.wire.quantities import DURATIONS, RESTARTS

    columns: list[tuple[str, str, str | None, str | None]] = []
    told: list[Any] = [None, None]
    for name, text in snapshot.labels.items():
        is_number = name in NUMBERED
        columns.append((name, "int" if is_number else "string", None, None))
        told.append(int(text) if is_number else text)
    for name, value in snapshot.values.items():
        # A duration is in ns wherever it stands; of the others, shares alone are no counts.
        kind = "duration" if name in DURATIONS else "float" if isinstance(value, float) else "int"
        is_count = kind == "int" and not name.startswith(RESTARTS)
        columns.append((name, kind, "count" if is_count else None, None))
        told.append(value)
    shape = json.dumps([KIND, None, True, columns], separators=(",", ":"))
    return shape, json.dumps(told, separators=(",", ":"))
