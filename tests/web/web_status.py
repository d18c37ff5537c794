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
