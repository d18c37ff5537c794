"""The collector's state as one JSON document."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from fanlight.collector.resident import resident_bytes

if TYPE_CHECKING:
    from fanlight.collector.commits import Committer
    from fanlight.collector.ledger import Client, Ledger

IGNORED = "ignored"
"""What an agent counts among its losses and is none: traces of endpoints that nobody wants."""
CLIENTS = 1_000
"""Clients told one by one; the counters hold all of them."""


def document(ledger: Ledger, committer: Committer, connections: int, about: dict[str, Any]) -> bytes:
    """Answer the state as JSON.

    Args:
        ledger: the accounts.
        committer: what is being written.
        connections: connected agents.
        about: pid, version and uptime.
    """
    writer, options = committer.writer, committer.options
    lost = {name: {why: n for why, n in each.items() if why != IGNORED} for name, each in ledger.lost.items()}
    connected = [(name, client) for name, client in ledger.clients.items() if client.connected]
    spool = {
        "bytes": writer.used,
        "segments": writer.segments,
        "max_bytes": options.spool_max_bytes,
        "held": ledger.shares.all_held(),
        "waiting": waiting(ledger, committer),
        "trouble": committer.trouble or None,
    }
    state = {
        **about,
        "connections": connections,
        "clients": [describe(name, client) for name, client in connected[:CLIENTS]],
        "accepted": ledger.accepted,
        "dropped": ledger.dropped,
        "ignored": {name: reasons[IGNORED] for name, reasons in ledger.lost.items() if IGNORED in reasons},
        "lost_before_accept": lost,
        "spool": spool,
        "rss_bytes": resident_bytes(os.getpid()),
    }
    return json.dumps(state).encode()


def waiting(ledger: Ledger, committer: Committer) -> list[str]:
    """Answer the services that are not read now because they hold too much of the spool."""
    services = {client.hello["service"] for client in ledger.clients.values() if client.connected}
    return sorted(name for name in services if committer.accepting and not committer.takes(name))


def describe(name: str, client: Client) -> dict[str, Any]:
    """Answer what is known of a connected client."""
    hello = client.hello
    keys = ("service", "environment", "host", "pid", "python", "program", "release", "version", "instruments")
    return {
        "client": name,
        **{key: hello.get(key) for key in keys},
        "sequence": client.sequence,
        "spent": client.spent_ns,
        "taken": client.taken,
        "dropped": {why: count for why, count in client.dropped.items() if why != IGNORED},
    }
