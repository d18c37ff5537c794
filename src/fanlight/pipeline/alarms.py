"""Who is warned of a server's queue: one line of the log when it is full, refuses, or is made smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fanlight.aggregate.saturation import Saturation
    from fanlight.aggregate.servers import Master
    from fanlight.collector.notices import Notices
    from fanlight.wire.readings import Snapshot


class Alarms:
    """Looks at what everybody is told, and warns: once when it begins, and no more than once a minute.

    Args:
        saturation: knows each listener of a server.
        notices: say it.
    """

    def __init__(self, saturation: Saturation, notices: Notices) -> None:
        self.saturation = saturation
        self.notices = notices
        self.drops: dict[tuple[str, ...], float] = {}

    def take(self, snapshots: Sequence[Snapshot]) -> None:
        """Warn of what the snapshots of one instant show."""
        seen: dict[tuple[str, ...], float] = {}
        for each in snapshots:
            if "worker" in each.labels:
                continue
            whose = each.labels["service"], each.labels["server"], each.labels.get("master", "")
            self.full(whose, each)
            if "sockets.drops" in each.values:
                seen[whose] = each.values["sockets.drops"]
                self.refused(whose, seen[whose] - self.drops.get(whose, seen[whose]))
        self.drops = seen
        for master in self.saturation.masters.values():
            self.smaller(master)

    def full(self, whose: tuple[str, str, str], snapshot: Snapshot) -> None:
        """Warn when as many connections wait as there is room for."""
        service, server, number = whose
        queued, limit = map(snapshot.values.get, ("sockets.backlog", "sockets.backlog_limit"))
        key = f"full {service} {server} {number}"
        if limit and queued is not None and queued >= limit:
            self.notices.trouble(
                key,
                f"{service}: {queued} connections wait to be accepted by {server}, whose limit is {limit}: "
                "further ones are refused; it needs more workers or threads, or a longer queue",
            )
        else:
            self.notices.over(key, f"{service}: the queue of {server} has room again.")

    def refused(self, whose: tuple[str, str, str], more: float) -> None:
        """Warn when connections were refused since the telling before."""
        service, server, number = whose
        key = f"drops {service} {server} {number}"
        if more > 0:
            self.notices.trouble(
                key, f"{service}: the queue of {server} was full, and {more:.0f} connections were refused"
            )
        else:
            self.notices.over(key, f"{service}: {server} refuses no more connections.")

    def smaller(self, master: Master) -> None:
        """Warn when a listener holds fewer than its server was told."""
        service, server, pid, _ = master.whose
        asked = max((each.asked for each in master.workers if each.asked), default=0)
        limits = [each.limit for each in self.saturation.sockets(master)]
        key = f"limit {service} {server} {pid}"
        if asked and limits and min(limits) < asked:
            self.notices.trouble(
                key,
                f"{service}: {server} was told to let {asked} connections wait, and its limit is "
                f"{min(limits)}: below what is configured; the system or the worker made it smaller",
            )
        elif limits:
            self.notices.over(key, f"{service}: the limit of {server}'s queue is as configured.")
