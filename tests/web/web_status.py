"""What became of a service's traces, in the shape of the server's."""

from __future__ import annotations


def account(accepted, stored, in_spool, full=0):
    dropped = {"spool_full": full} if full else {}
    balanced = accepted == stored + in_spool + full
    return {
        "accepted": accepted,
        "stored": stored,
        "in_spool": in_spool,
        "dropped": dropped,
        "balanced": balanced,
    }


COST = {
    "cost": [
        {"who": "application", "service": "shop", "cpu": 129_024_000, "requests": 18_432},
        {"who": "collector", "service": "", "cpu": 228_864_000, "requests": 19_072},
        {"who": "server", "service": "", "cpu": 890_000_000, "requests": 19_028},
    ]
}


def targets(hostile):
    well = {"target": "dogstatsd", "state": "ok", "delivered": 1452, "error": None}
    badly = {"target": "http", "state": "resting", "delivered": 90, "error": hostile[0]}
    return [
        well | {"errors": 0, "dropped": 0, "waiting": 0},
        badly | {"errors": 3, "dropped": 12, "waiting": 64},
    ]
