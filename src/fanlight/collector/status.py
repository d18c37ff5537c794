"""The collector's state as one JSON document."""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanlight.collector.commits import Committer
    from fanlight.collector.ledger import Client, Ledger

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
    connected = [(name, client) for name, client in ledger.clients.items() if client.connected]
    spool = {
        "bytes": writer.used,
        "segments": writer.segments,
        "max_bytes": options.spool_max_bytes,
        "trouble": committer.trouble or None,
    }
    state = {
        **about,
        "connections": connections,
        "clients": [describe(name, client) for name, client in connected[:CLIENTS]],
        "accepted": ledger.accepted,
        "dropped": ledger.dropped,
        "lost_before_accept": ledger.lost,
        "spool": spool,
        "rss_bytes": resident_bytes(),
    }
    return json.dumps(state).encode()


def describe(name: str, client: Client) -> dict[str, Any]:
    """Answer what is known of a connected client."""
    hello = client.hello
    keys = ("service", "environment", "host", "pid", "python", "program", "release", "version", "instruments")
    return {
        "client": name,
        **{key: hello.get(key) for key in keys},
        "sequence": client.sequence,
        "dropped": client.dropped,
    }


def resident_bytes() -> int:
    """Answer how much memory this process has in use; the peak where the present is not told."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
