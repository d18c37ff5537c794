"""The load generator: an even mix of requests at a bounded rate, every one of them counted."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from threading import Event

CUSTOMERS = 4
"""Threads, each with one connection kept alive."""

RATE_PER_S = 24.0
"""Requests a second, all customers together: two workers on one core stay far from busy."""

PATIENCE_S = 30.0


class Step(NamedTuple):
    """One request of the mix; `{n}` in the path or body is an order's number."""

    endpoint: str
    path: str
    status: int
    body: str | None = None


HOME = Step("GET /", "/", 200)
ORDER = Step("GET /orders/<int:order_id>", "/orders/{n}", 200)
MIX = (
    HOME,
    Step("GET /products", "/products", 200),
    ORDER,
    Step("POST /checkout", "/checkout", 303, "order={n}"),
    Step("GET /broken", "/broken", 500),
    Step("GET /export.csv", "/export.csv", 200),
)


class Tally(NamedTuple):
    """What came of the requests: counts by endpoint, and what went wrong."""

    sent: Counter[str]
    surprises: Counter[str]
    """Answers of another status than the step's, and requests that got none at all."""


def probe(port: int) -> Tally:
    """Ask for the front page once, waiting until the shop is up; the request counts as one sent."""
    tally = Tally(Counter(), Counter())
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    ask(connection, HOME, 1, tally)
    connection.close()
    return tally


def drive(port: int, stop: Event, rate_per_s: float = RATE_PER_S) -> Tally:
    """Send the mix with all customers until `stop` is set; every request begun is finished."""
    total = Tally(Counter(), Counter())
    with ThreadPoolExecutor(CUSTOMERS) as pool:
        for tally in pool.map(lambda number: customer(port, number, stop, rate_per_s), range(CUSTOMERS)):
            total.sent.update(tally.sent)
            total.surprises.update(tally.surprises)
    return total


def customer(port: int, number: int, stop: Event, rate_per_s: float) -> Tally:
    """Send one customer's share of the mix, beginning at another step than the others."""
    tally = Tally(Counter(), Counter())
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    pause_s = CUSTOMERS / rate_per_s
    due = time.monotonic() + pause_s * number / CUSTOMERS
    turn = number
    while not stop.wait(max(0.0, due - time.monotonic())):
        ask(connection, MIX[turn % len(MIX)], 1 + turn % 50, tally)
        # Late answers are not made up for, so a slow machine is never flooded.
        due = max(due + pause_s, time.monotonic())
        turn += 1
    connection.close()
    return tally


def ask(connection: HTTPConnection, step: Step, number: int, tally: Tally) -> None:
    """Send one request and read its whole answer."""
    body = step.body.replace("{n}", str(number)) if step.body else None
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    method = step.endpoint.partition(" ")[0]
    try:
        connection.request(method, step.path.replace("{n}", str(number)), body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, HTTPException) as error:
        # Whether the shop saw this one nobody can know, so the counts may be off by it.
        tally.surprises[f"{step.endpoint}: {type(error).__name__}"] += 1
        connection.close()
        return
    tally.sent[step.endpoint] += 1
    if response.status != step.status:
        tally.surprises[f"{step.endpoint}: status {response.status}"] += 1
