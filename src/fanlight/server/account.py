"""What became of every trace: accepted = stored + in the spool + dropped, per service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.collector.ledger import undetailed
from fanlight.errors import SpoolError, WireError
from fanlight.wire import settled, spool
from fanlight.wire.codec import decode
from fanlight.wire.messages import COMMIT
from fanlight.wire.salvage import surviving

if TYPE_CHECKING:
    from pathlib import Path

    from fanlight.server.applier import Applier

    Sums = dict[str, int]

LEDGER = {
    name: COMMIT[name]
    for name in ("strings", "group_service", "count_group", "count_n", "ledger_service", "ledger_accepted")
}
"""The account's part of a record; decoding skips the rest."""


def services(applier: Applier) -> dict[str, dict[str, Any]]:
    """Answer each service's account at one moment.

    What was accepted is read from the spool: the newest segment's header sums up all before it, its
    records tell the rest, and the file beside it what damage took of those. What is missing is put
    down to damage only where there is some; otherwise the account does not balance, and says so.
    """
    # Nothing moves from the spool to the store while both are read.
    with applier.turn:
        stored = applier.store.ledger()
        spools = [found for each in applier.directories if (found := spool.segments(each))]
        accepted: Sums = {} if spools else dict(stored)
        dropped: Sums = {}
        for newest in (paths[-1] for paths in spools):
            for sums, more in zip((accepted, dropped), told(newest), strict=True):
                add(sums, more)
        waiting: Sums = {}
        gaps = len(applier.spoilt)
        for path in (path for paths in spools for path in paths):
            gaps += in_segment(path, applier, waiting)
    damaged = gaps + applier.bad_segments + applier.bad_records + applier.store.size().bad
    damaged += sum(1 for each in applier.directories for _ in each.glob("*.bad"))
    accounts = {}
    for service in sorted({*accepted, *stored, *waiting}):
        reasons = {"spool_full": dropped[service]} if dropped.get(service) else {}
        left = (
            accepted.get(service, 0)
            - stored.get(service, 0)
            - waiting.get(service, 0)
            - sum(reasons.values())
        )
        if left > 0 and damaged:
            reasons["damaged"] = left
            left = 0
        accounts[service] = {
            "accepted": accepted.get(service, 0),
            "stored": stored.get(service, 0),
            "in_spool": waiting.get(service, 0),
            "dropped": reasons,
            "balanced": not left,
        }
    return accounts


def told(newest: Path) -> tuple[Sums, Sums]:
    """Answer what was accepted, and of it dropped, since the spool began."""
    accepted, dropped = after(newest)
    last = settled.read(newest.parent)
    for sums, column in ((accepted, "accepted"), (dropped, "dropped")):
        for service, n in zip(last["service"], last[column], strict=False) if last else ():
            sums[service] = max(n, sums.get(service, 0))
    return accepted, dropped


def lacks(segment: Path, following: Path) -> bool:
    """Answer whether the next segment's header tells of more than a segment and its whole records do."""
    here, _ = after(segment)
    try:
        header = spool.header(following)
    except (SpoolError, FileNotFoundError):
        return False
    there = zip(header["service"], header["accepted"], strict=False)
    return any(n > here.get(service, 0) for service, n in there)


def after(segment: Path) -> tuple[Sums, Sums]:
    """Answer what was accepted and dropped up to a segment's last whole record, by itself."""
    try:
        header = spool.header(segment)
        accepted: Sums = dict(zip(header["service"], header["accepted"], strict=False))
        dropped: Sums = dict(zip(header["service"], header["dropped"], strict=False))
        for _, body, _ in surviving(segment):
            ledger, missing = of_record(body)
            add(accepted, ledger)
            add(accepted, missing)
            add(dropped, missing)
    except (SpoolError, FileNotFoundError):
        return {}, {}
    return accepted, dropped


def in_segment(path: Path, applier: Applier, waiting: Sums) -> int:
    """Add the traces of a segment's records that are not applied yet; answer the gaps between them."""
    gaps = 0
    try:
        at = applier.position(path)
        for position, body, gap in surviving(path, at):
            add(waiting, of_record(body)[0])
            gaps += gap is not None
            at = position
        # At the very end it is damage only if it was durable once.
        gaps += at < (applier.durable(path) or 0)
    except (SpoolError, FileNotFoundError):
        return gaps
    return gaps


def of_record(body: bytes) -> tuple[Sums, Sums]:
    """Answer a record's traces, and those that its counts alone hold; none for one that makes no sense."""
    try:
        record = decode(LEDGER, body)
        ledger = dict(zip(record["ledger_service"], record["ledger_accepted"], strict=True))
        return ledger, undetailed(record)
    except (WireError, IndexError, ValueError):
        return {}, {}


def add(sums: Sums, more: Sums) -> None:
    """Add one account's sums to another's."""
    for service, n in more.items():
        sums[service] = sums.get(service, 0) + n
