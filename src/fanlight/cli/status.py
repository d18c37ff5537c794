"""`fanlight status`: what runs, and whether every request is accounted for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fanlight.cli import options, table
from fanlight.cli.client import Client, reach
from fanlight.cli.terminal import clean, write, write_json
from fanlight.collector.resident import resident_bytes
from fanlight.config import is_loopback, read_address
from fanlight.pipeline.directory import read_state
from fanlight.web import wording

WAIT_S = 8.0
PROCESSES: tuple[table.Column, ...] = (("process", "left"), ("pid", "right"), ("memory", "right"))
TARGETS: tuple[table.Column, ...] = (
    ("target", "left"),
    ("state", "left"),
    ("delivered", "right"),
    ("errors", "right"),
    ("dropped", "right"),
    ("", "left"),
)
SERVICES: tuple[table.Column, ...] = (
    ("service", "left"),
    ("accepted", "right"),
    ("stored", "right"),
    ("in spool", "right"),
    ("dropped", "right"),
    ("", "left"),
)


@options.command("status")
@options.data
@options.as_json
def command(*, data: str | None, as_json: bool) -> None:
    """Say what runs and whether every request is accounted for: accepted = stored + in spool + dropped.

    \b
      fanlight status
      fanlight status --json
    """  # noqa: D301 - click's mark for lines that stay as they are
    settings = options.settings(data=data)
    reach(settings, start=False)
    found = complete(Client(settings["data"], WAIT_S).get("/api/status"), settings["data"])
    if as_json:
        write_json(found)
        return
    show(found)


def complete(found: dict[str, Any], data: str) -> dict[str, Any]:
    """Answer the server's status with what only the supervisor knows."""
    state = read_state(data) or {}
    known = {process["role"] for process in found["processes"]}
    for role, pid in state.get("pids", {}).items():
        if role not in known:
            found["processes"].append({"role": role, "pid": pid, "rss_bytes": resident_bytes(pid)})
    return {**found, "data": data, "listen": state.get("listen"), "socket": state.get("socket")}


def show(found: dict[str, Any]) -> None:
    """Write the status for a person."""
    write(f"Fanlight {clean(found['version'])} at http://{found['listen']} for {clean(found['data'])}")
    if found["listen"] and not is_loopback(read_address(found["listen"])[0]):
        write("  OPEN: other machines reach this address, and the page is not encrypted")
    write("")
    memory = [(process, process.get("rss_bytes")) for process in found["processes"]]
    table.show(
        PROCESSES,
        [[p["role"], str(p["pid"] or "not running"), wording.size(rss) if rss else ""] for p, rss in memory],
    )
    write("")
    services = found["services"]
    if not services:
        write("nothing accepted yet")
    else:
        table.show(SERVICES, [cells(name, account) for name, account in sorted(services.items())])
    for name, account in sorted(services.items()):
        for reason, number in sorted(account["dropped"].items()):
            write(f"  {clean(name)}: {wording.count(number)} dropped, {clean(reason)}")
    for name, share in sorted(found["store"].get("shares", {}).items()):
        if share["left_out"]:
            write(f"  {clean(name)}: {wording.count(share['left_out'])} not kept whole, {wording.CROWDED}")
    show_targets((found["collector"] or {}).get("targets") or [])
    show_unaccepted(found["collector"] or {}, "to the collector")
    show_reports(found.get("reports") or {})
    for part in ("spool", "store"):
        if found[part].get("trouble"):
            write(f"  {part}: {clean(found[part]['trouble'])}")
    if not found["collector"]:
        write("  the collector does not answer")


def show_targets(targets: list[dict[str, Any]]) -> None:
    """Write how publishing goes: instants delivered, deliveries that failed, instants that nobody took."""
    if targets:
        write("")
        counts = ("delivered", "errors", "dropped")
        table.show(
            TARGETS,
            [
                [
                    clean(each["target"]),
                    each["state"],
                    *(wording.count(each[name]) for name in counts),
                    clean(each["error"] or ""),
                ]
                for each in targets
            ],
        )
        write("")


def show_reports(reports: dict[str, Any]) -> None:
    """Write who reports without a collector, and what did not get here."""
    show_unaccepted(reports, "here")
    clients = reports.get("clients") or []
    for name, count in sorted(Counter(client["service"] for client in clients).items()):
        write(f"  {clean(name)}: {wording.plural(count, 'process', 'processes')} without a collector")
    for client in clients:
        if off_s := client["clock_off_s"]:
            where = f"{clean(client['host'])} (pid {client['pid']})"
            write(f"  {clean(client['service'])}: the clock of {where} is {abs(off_s)} s off, corrected here")


def show_unaccepted(collector: dict[str, Any], whereto: str) -> None:
    """Write what agents counted and did not send, and what they could not."""
    for name, reasons in sorted((collector.get("lost_before_accept") or {}).items()):
        for reason, number in sorted(reasons.items()):
            write(f"  {clean(name)}: {wording.count(number)} lost on the way {whereto}, {clean(reason)}")
    for name, number in sorted((collector.get("ignored") or {}).items()):
        write(f"  {clean(name)}: {wording.count(number)} ignored, as `ignore` says")


def cells(name: str, account: dict[str, Any]) -> list[str]:
    """Answer one service's account."""
    dropped = sum(account["dropped"].values())
    return [
        name,
        *(wording.count(account[what]) for what in ("accepted", "stored", "in_spool")),
        wording.count(dropped) if dropped else "",
        "" if account["balanced"] else "DOES NOT BALANCE",
    ]
