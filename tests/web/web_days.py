"""A store of requests around midnight, and a clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime

from commits import Part, Request, commit
from web_shop import Shop

from fanlight.stores.duckdb.store import GRACE_NS, DuckStore
from fanlight.wire.messages import WHOLE

__all__ = ["ENDPOINT", "GRACE_NS", "HOUR", "MIDNIGHT", "SECOND", "Clock", "asked", "filled", "state"]

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
MIDNIGHT = round(datetime(2026, 11, 22, tzinfo=UTC).timestamp()) * SECOND
VIEW = Part(("app.flask.view", "checkout", ""), 0, 1_000_000, 90_000_000)
ENDPOINT = "/endpoint?service=shop&endpoint=POST+/checkout&segment=html"


class Clock:
    """Wall-clock ns that a test moves."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def state():
    """Answer a status of a server that has accepted something."""
    return Shop().status()


def asked(end, number):
    """Answer requests up to a time, one each ten seconds."""
    name = ("shop", "POST /checkout", "html")
    return [
        Request(end - nth * 10 * SECOND, 100_000_000, nth + 1, name, (VIEW,), WHOLE) for nth in range(number)
    ]


def filled(folder, clock):
    """Answer a store with 120 requests up to now."""
    store = DuckStore(folder / "store", clock=clock)
    store.apply(1, [(1, commit(asked(clock.now - SECOND, 120)))])
    return store
