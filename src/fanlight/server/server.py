"""The server's parts put together: one store, its applier, its upkeep, its answers."""

from __future__ import annotations

import os
import time
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanlight import __version__
from fanlight.collector.resident import resident_bytes
from fanlight.log import LOG
from fanlight.server import account, cost
from fanlight.server.applier import Applier
from fanlight.server.inbox import Inbox
from fanlight.server.upkeep import RETENTION, Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.server.answers import Answers
    from fanlight.server.upkeep import Retention
    from fanlight.stores import Store

    Json = dict[str, Any]

EPOCH = date(1970, 1, 1).toordinal()


class Server:
    """Owns the store: closes it when it stops.

    Args:
        store: opened by the caller.
        spool_dir: the collector's spool; it may appear later.
        collector_status: answers the collector's STATUS document, or None when it does not answer.
        store_url: as the user wrote it, for the status.
        retention: how long data stays.
        tell: is given a line when something goes wrong and when it is well again.

    Attributes:
        inbox: takes what is posted.
    """

    def __init__(
        self,
        store: Store,
        spool_dir: str | os.PathLike[str],
        collector_status: Callable[[], Json | None],
        *,
        store_url: str = "",
        retention: Retention = RETENTION,
        tell: Callable[[str], None] = LOG.warning,
    ) -> None:
        self.store = store
        store.max_bytes = retention.max_bytes
        self.store_url = store_url
        self.cpu_ns, self.known = time.process_time_ns(), sum(store.ledger().values())
        self.collector_status = collector_status
        self.inbox = Inbox(str(Path(spool_dir).with_name("inbox")), tell=tell)
        self.applier = Applier(store, Path(spool_dir), tell, inbox=self.inbox)
        self.upkeep = Upkeep(store, retention, tell)

    @cached_property
    def answers(self) -> Answers:
        """What page and command line ask; to be asked from any thread, and first by one alone.

        Applying begins before what they are made of is loaded: after a crash something waits for it.
        """
        from fanlight.server.answers import Answers

        return Answers(self.store, self.status)

    @property
    def ready(self) -> bool:
        """Whether it ever applied a record or answered: from then on, dying calls for a restart at once."""
        return bool(self.applier.applied or ("answers" in self.__dict__ and self.answers.given))

    def start(self) -> None:
        """Begin to apply the spool and to look after the store."""
        self.inbox.start()
        self.applier.start()
        self.upkeep.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Apply what is there as far as time allows, end the threads, close the store."""
        deadline = time.monotonic() + timeout_s
        self.upkeep.ended.set()
        self.inbox.stop()
        self.applier.stop(timeout_s)
        self.upkeep.stop(max(deadline - time.monotonic(), 0))
        self.store.close()

    def status(self) -> Json:
        """Answer what runs, what became of every trace, and how full spool and store are."""
        collector = self.collector_status()
        processes = [{"role": "server", "pid": os.getpid(), "rss_bytes": resident_bytes(os.getpid())}]
        if collector:
            about = {"pid": collector.get("pid"), "rss_bytes": collector.get("rss_bytes")}
            processes.append({"role": "collector", **about})
        size = self.store.size()
        return {
            "version": __version__,
            "processes": processes,
            "services": account.services(self.applier),
            "spool": self.spool(collector),
            "store": {
                "url": self.store_url,
                "bytes": size.bytes,
                "days": [date.fromordinal(EPOCH + day).isoformat() for day in size.days],
                "lag_s": self.applier.lag_s,
                "bad": size.bad,
                "max_bytes": self.upkeep.retention.max_bytes,
                "shares": {name: share._asdict() for name, share in self.store.shares().items()},
                "trouble": self.applier.trouble.text or self.upkeep.trouble.text or None,
            },
            "collector": collector,
            "reports": self.inbox.state(),
            "cost": cost.told(collector, time.process_time_ns() - self.cpu_ns, self.stored - self.known),
        }

    @property
    def stored(self) -> int:
        """How many requests the store was ever given."""
        return sum(self.store.ledger().values())

    def spool(self, collector: Json | None) -> Json:
        """Answer how full the spool is, as the collector says or, without it, as it lies there."""
        bad = {"bad_segments": self.applier.bad_segments, "bad_records": self.applier.bad_records}
        if collector and collector.get("spool"):
            return {**collector["spool"], **bad}
        held = segments = 0
        for path in self.applier.directory.glob("*"):
            try:
                held += path.stat().st_size
            except FileNotFoundError:
                continue
            segments += path.suffix == ".seg"
        return {"bytes": held, "segments": segments, "max_bytes": None, **bad}
