"""A server that answers what a test puts into it, on the socket that commands ask."""

import os
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fanlight.pipeline import directory, listening
from fanlight.server.answers import Answers as RealAnswers
from fanlight.stores import open_store
from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening

# The commit builder is the stores' own.
sys.path.insert(0, str(Path(__file__).parents[1] / "stores"))

from commits import Request, commit

MS = 1_000_000
EVIL = "\x1b[2J\u202e\x9b[bold]"
ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SHARED = "5" * 32
LOGGING = "6" * 32
LOOPING = "7" * 32


class Answers:
    """Answers of the right shape, with content of the wrong intention."""

    def __init__(self):
        self.asked = []
        self.rows = [row("GET /orders/<id>", "html", findings=[FINDING]), row(EVIL, "error", errors=3)]

    def endpoints(self, from_ns, to_ns, service=None):
        self.asked.append((from_ns, to_ns, service))
        return [one for one in self.rows if service in (None, one["service"])]

    def trace(self, trace_id):
        if trace_id == LOGGING:
            line = {
                "category": "log.error",
                "title": "shop.cart",
                "annotations": {"message": f"none left{EVIL}"},
            }
            return {**TRACE, "spans": [*TRACE["spans"], {**TRACE["spans"][-1], **line, "description": ""}]}
        if trace_id == LOOPING:
            return LOOP
        if trace_id == SHARED:
            return {
                **TRACE,
                "id": SHARED,
                "also": [{**TRACE, "service": "payments", "endpoint": "POST /charge"}],
            }
        return TRACE if trace_id == ID else None

    def status(self):
        account = {"accepted": 12, "stored": 9, "in_spool": 1, "dropped": {"queue full": 2}, "balanced": True}
        return {
            "version": "0.1.0",
            "processes": [{"role": "server", "pid": os.getpid(), "rss_bytes": 50 << 20}],
            "services": {"shop": account},
            "spool": {},
            "store": {"shares": {"shop": {"bytes": 5 << 20, "left_out": 3, "keeps": "counts"}}},
            "collector": None,
        }


def row(endpoint, segment, **more):
    return {
        "service": "shop",
        "endpoint": endpoint,
        "segment": segment,
        "count": 1204,
        "errors": 0,
        "rpm": 20.1,
        "p50": 90 * MS,
        "p95": 240 * MS,
        "p99": 1300 * MS,
        "mean": 100 * MS,
        "max": 2000 * MS,
        "pain": 4.25,
        "findings": [],
        "sparkline": [0] * 60,
        **more,
    }


FINDING = {
    "kind": "repeated-sql",
    "title": "SELECT FROM product",
    "description": "SELECT * FROM product WHERE id = ?",
    "location": f"shop/cart.py:88{EVIL}",
    "share": 1.0,
    "repeats_mean": 40.0,
    "repeats_max": 41,
    "total": 92 * MS,
    "severe": True,
}


def span(index, depth, title, start, duration):
    return {
        "index": index,
        "parent": index - 1,
        "depth": depth,
        "category": "db.sql.query",
        "title": title,
        "description": title,
        "start": start,
        "duration": duration,
        "self": duration,
        "annotations": {},
    }


TRACE = {
    "id": ID,
    "service": "shop",
    "endpoint": "GET /orders/<id>",
    "segment": "html",
    "time": "2026-01-31T14:05:00.000Z",
    "duration": 100 * MS,
    "error": False,
    "host": "web-1",
    "pid": 77,
    "weight": 1.0,
    "whole": True,
    "lost": 0,
    "spans": [
        span(0, 0, "GET", 0, 100 * MS),
        span(1, 1, f"SELECT {EVIL}", 50 * MS, 25 * MS)
        | {"annotations": {"rows": 3, "share": 0.5, f"cart.{EVIL}": EVIL}, "percentile": 0.93},
    ],
}


LONG = f"SELECT {', '.join(f'item.column_{n}' for n in range(40))} FROM item WHERE item.id = ?"


def turn(at):
    """Answer one of two statements that take turns below the root; the fifth of its kind has a place."""
    notes = {"location": "shop/cart.py:88"} if at in (9, 10) else {}
    told = {"title": ("SELECT FROM item", "SELECT FROM price")[at % 2], "description": LONG}
    return span(at, 1, "", at * MS, MS) | told | {"parent": 0, "annotations": notes}


LOOP = TRACE | {
    "id": LOOPING,
    "spans": [
        span(0, 0, "GET", 0, 100 * MS),
        *map(turn, range(1, 41)),
        span(41, 1, "commit", 90 * MS, MS) | {"parent": 0},
    ],
}


@pytest.fixture
def read_terminal():
    """Answer a function that answers all that a terminal shows until the last program on it has left."""

    def read(screen):
        text = b""
        # So Linux says that nobody has the other end open any more.
        with suppress(OSError):
            while part := os.read(screen, 4096):
                text += part
        os.close(screen)
        return text

    return read


@pytest.fixture
def data(tmp_path):
    """A data directory whose server runs in this process; `.answers` is what it answers."""
    answers = Answers()
    with served(str(tmp_path / "data"), answers) as path:

        class Data(str):
            __slots__ = ("answers",)

        found = Data(path)
        found.answers = answers
        yield found


@contextmanager
def served(path, answers):
    """Serve answers for a data directory, on the socket that commands ask."""
    directory.prepare(path)
    owner = listening.bind_owner(path)
    gate = Gate("127.0.0.1:7700", socket=owner.getsockname())
    server = Listening(create(answers, gate), [owner])
    thread = threading.Thread(target=server.run)
    thread.start()
    yield path
    server.stop()
    thread.join(60)
    owner.close()


@pytest.fixture
def serving():
    """Answer what serves answers for a data directory, for as long as its block lasts."""
    return served


@pytest.fixture
def asked_store(tmp_path):
    """A data directory whose server has a store of its own: forty requests, the newest just over."""
    store = open_store("memory:")
    now_ns = time.time_ns()
    store.apply(1, [(1, commit([minute_of(number, now_ns) for number in range(1, 41)]))])
    with served(str(tmp_path / "data"), RealAnswers(store, dict)) as path:
        yield path


def minute_of(number, now_ns):
    """Answer a request that took as many milliseconds as it is minutes old; the oldest ten failed."""
    failed = number > 30
    return Request(
        now_ns - number * 60 * 1000 * MS,
        number * MS,
        number,
        (("shop", "pay")[number % 2], f"GET /{number % 4}", "error" if failed else "html"),
        notes=(("status", 500 if failed else 200),),
        weight=1.0 + number % 2,
    )
