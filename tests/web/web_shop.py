"""A shop's answers as plain data, in the shapes of the server's, with hostile names among them."""

from __future__ import annotations

import math
from typing import Any

from web_status import COST, account, targets

from fanlight.server.split import of_trace
from fanlight.web.wording import rfc3339

MS = 1_000_000
MINUTE = 60_000_000_000
NOW = 1_790_000_000 * 1_000_000_000

HOSTILE = (
    '<script>alert(1)</script><img src=x onerror="alert(2)">',
    "\"><svg onload=alert(3)><a href='javascript:alert(4)'>x</a>",
    "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u202c {{ 7*7 }} ${7*7} </title></textarea>",
)

PRODUCT = "SELECT product.id, product.name, product.price FROM product WHERE product.id = ?"
N_PLUS_ONE = {
    "kind": "repeated-sql",
    "title": "SELECT FROM product",
    "description": PRODUCT,
    "location": "shop/cart.py:88",
    "share": 0.97,
    "repeats_mean": 41,
    "repeats_max": 84,
    "total": 98 * MS,
    "severe": True,
}


class Shop:
    """Answers in the shapes of the server's, of a shop that was busy for the last hour."""

    def __init__(self, now: int = NOW, endpoints: int = 12, empty: bool = False) -> None:
        self.now = now
        self.empty = empty
        from web_servers import saturation

        self.saturation = None if empty else saturation(now)
        self.rows = [] if empty else [row(number) for number in range(endpoints)]
        self.asked: list[tuple[Any, ...]] = []

    def endpoints(self, from_ns, to_ns, service=None):
        self.asked.append(("endpoints", from_ns, to_ns, service))
        rows = [each for each in self.rows if service in (None, each["service"])]
        return sorted(rows, key=lambda each: -each["pain"])

    def overview(self, from_ns, to_ns, service=None):
        rows = self.endpoints(from_ns, to_ns, service)
        services = [sum_of([each for each in rows if each["service"] == name]) for name in names(rows)]
        services = [each | {"releases": releases(self.now)} for each in services]
        whole = sum_of(rows) if rows else None
        return {
            "all": whole,
            "services": services,
            "endpoints": rows,
            "saturation": self.saturation,
            "environments": self.environments(from_ns, to_ns),
        }

    def endpoint(self, service, endpoint, segment, from_ns, to_ns, octaves=None):
        self.asked.append(("endpoint", service, endpoint, segment, from_ns, to_ns, octaves))
        from web_endpoint import changed, divided, histogram, hours, samples, timeline, tree

        name = (service, endpoint, segment)
        for each in self.rows:
            if (each["service"], each["endpoint"], each["segment"]) == name:
                return each | {
                    "from": rfc3339(from_ns),
                    "to": rfc3339(to_ns),
                    "timeline": timeline(each, from_ns, to_ns),
                    "histogram": histogram(each),
                    "hours": hours(each, from_ns, to_ns, octaves),
                    "split": divided(tree(each), each["mean"]),
                    "tree": tree(each, octaves),
                    "samples": samples(self.now, each),
                    "releases": releases(self.now),
                    "deploys": changed(self.now) if from_ns < self.now - 24 * MINUTE else [],
                }
        return None

    def brushed(self, *asked):
        return self.endpoint(*asked)

    def within(self, environment):
        self.asked.append(("within", environment))
        return self

    def environments(self, from_ns, to_ns):
        here = [("shop", "production"), ("shop", "staging")] if self.rows else []
        pairs = {*here, *((row["service"], "") for row in self.rows)}
        return [{"service": service, "environment": where} for service, where in sorted(pairs)]

    def trace(self, trace_id):
        from web_details import details

        if trace_id not in (ident(1), ident(2)) or self.empty:
            return None
        return details(trace(trace_id, self.now), self.now - 5 * MINUTE, HOSTILE)

    def servers(self, from_ns, to_ns, service=None):
        self.asked.append(("servers", from_ns, to_ns, service))
        from web_servers import servers

        found = [] if self.empty else servers(from_ns, to_ns)
        return {"step": 60, "servers": [each for each in found if service in (None, each["service"])]}

    def compare(self, *asked):
        return __import__("web_compared").compared(self.now, self.empty).compare(*asked)

    def releases(self, *asked):
        return __import__("web_compared").compared(self.now, self.empty).releases(*asked)

    def query(self, question):
        from web_kept import kept, nothing

        return (nothing if self.empty else kept)(self.now).query(question)

    def status(self):
        services = (
            {} if self.empty else {"shop": account(18_432, 18_400, 32), "mail": account(640, 628, 2, full=10)}
        )
        return {
            "version": "0.1.0",
            "processes": [
                {"role": "supervisor", "pid": 4100, "rss_bytes": 24 << 20},
                {"role": "collector", "pid": 4101, "rss_bytes": 41 << 20},
                {"role": "server", "pid": 4102, "rss_bytes": 182 << 20},
            ],
            "services": services,
            "spool": {
                "bytes": 3 << 20,
                "segments": 2,
                "max_bytes": 1 << 30,
                "bad_segments": 0,
                "bad_records": 0,
                "trouble": None,
            },
            "store": {
                "url": "duckdb:/srv/fanlight/store",
                "bytes": 48 << 20,
                "days": ["2026-09-20", "2026-09-21"],
                "lag_s": 0.4,
                "bad": 0,
                "trouble": None,
            },
            **COST,
            "collector": {
                "uptime_s": 7260,
                "targets": targets(HOSTILE),
                "clients": [
                    {
                        "service": "shop",
                        "host": HOSTILE[0],
                        "pid": 4242,
                        "instruments": [
                            "asgi=inactive: not imported",
                            "flask=active 3.1.3",
                            "sqlite3=active",
                            "wsgi=unsupported: 9.9",
                        ],
                        "dropped": {"queue_full": 3},
                    },
                ],
                "lost_before_accept": {"shop": {"queue_full": 3}},
            },
        }


NAMES = (
    ("shop", "POST /checkout", "html"),
    ("shop", "GET /cart", "html"),
    ("shop", "GET /product/<int:id>", "html"),
    ("shop", "GET /search", "json"),
    ("shop", "POST /checkout", "error"),
    ("shop", "GET /", "html"),
    ("mail", "POST /send", "json"),
    ("shop", "GET /export.csv", "csv"),
    ("shop", "GET /basket", "redirect"),
    ("shop", HOSTILE[0], "html"),
    ("shop", HOSTILE[1], HOSTILE[2]),
    (HOSTILE[2], "GET /health", ""),
)


def row(number):
    service, endpoint, segment = NAMES[number % len(NAMES)]
    if number >= len(NAMES):
        endpoint = f"{endpoint.partition('<')[0]}/part{number}"
    typical = (182, 96, 24, 61, 12, 9, 130, 840, 3, 5, 7, 1)[number % 12] * MS * (1 + number // 12 / 40)
    count = (2460, 5210, 12_930, 980, 88, 8211, 640, 42, 310, 12, 3, 120)[number % 12]
    errors = count if segment == "error" else (0, 0, 12, 3)[number % 4]
    rpm = count / 60
    spread = 11 if number % 12 == 0 else 4
    return {
        "service": service,
        "endpoint": endpoint,
        "segment": segment,
        "count": count,
        "errors": min(errors, count),
        "rpm": rpm,
        "p50": round(typical),
        "p95": round(typical * spread),
        "p99": round(typical * spread * 1.6),
        "mean": round(typical * 1.7),
        "max": round(typical * spread * 2.9),
        "pain": rpm * max(typical * 1.7 / 1e9 - 0.1, 0) * (1 if number % 12 else 4),
        "waited": 12 * MS if number % 12 == 0 else 0,
        "findings": [dict(N_PLUS_ONE)] if number % 12 == 0 else [hostile_finding()] if number == 9 else [],
        "sparkline": [round(rpm * (1 + math.sin((slot + number * 7) / 9) / 2)) for slot in range(60)],
    }


def releases(now):
    return [
        {"release": name, "first": rfc3339(now - first * MINUTE), "last": rfc3339(now), "count": 9000}
        for name, first in (("2026.9.1", 55), (HOSTILE[0], 24))
    ]


def names(rows):
    return sorted({each["service"] for each in rows})


def sum_of(rows):
    added = {name: sum(each[name] for each in rows) for name in ("count", "errors", "rpm", "pain")}
    slots = [sum(each) for each in zip(*(each["sparkline"] for each in rows), strict=True)]
    return {**rows[0], "endpoint": "", "segment": "", **added, "findings": [], "sparkline": slots}


def hostile_finding():
    return dict(N_PLUS_ONE, title=HOSTILE[1], description=HOSTILE[0], location=HOSTILE[2], severe=False)


def ident(number):
    return f"{number:032x}"


def trace(trace_id, now):
    spans: list[dict[str, Any]] = []

    def add(parent, category, title, start, length, description="", **notes):
        spans.append(
            {
                "index": len(spans),
                "parent": parent,
                "depth": 0 if parent is None else spans[parent]["depth"] + 1,
                "category": category,
                "title": title,
                "description": description,
                "start": start * MS // 10,
                "duration": length * MS // 10,
                "self": length * MS // 10,
                "annotations": {key.replace("__", "."): value for key, value in notes.items()},
            }
        )
        # A pause is within a child of its parent already.
        if parent is not None and category != "noise.gc":
            spans[parent]["self"] -= length * MS // 10
        return len(spans) - 1

    failed = trace_id == ident(2)
    fault = {"error__type": "PaymentDeclined", "error__message": HOSTILE[0]} if failed else {}
    waits = {"cpu__time": 31 * MS, "queue__time": 12 * MS, "queue__time__proxy": 31 * MS}
    root = add(None, "app.wsgi.request", "POST", 0, 2440, **waits, status=500 if failed else 200, **fault)
    view = add(root, "app.flask.view", "checkout", 12, 2400)
    add(
        view,
        "db.sql.query",
        "SELECT FROM cart",
        20,
        62,
        "SELECT cart.id FROM cart WHERE cart.owner = ?",
        rows=1,
    )
    for number in range(41):
        add(
            view,
            "db.sql.query",
            "SELECT FROM product",
            100 + number * 30,
            24,
            PRODUCT,
            location="shop/cart.py:88",
        )
    # Slow enough to carry its place.
    mail = {"status": 202, "attempt": 1, "note": HOSTILE[1], "location": "shop/mail.py:27"}
    add(view, "api.http.request", "POST mail.internal", 1400, 610, "", **mail)
    receipt = add(view, "view.jinja2.render", "receipt.html", 2040, 310)
    add(receipt, "db.sql.query", HOSTILE[1], 2100, 90, HOSTILE[2], hostile=HOSTILE[0])
    add(root, "noise.gc", "Garbage collection", 1330, 40)
    return {
        "id": trace_id,
        "service": "shop",
        "endpoint": "POST /checkout",
        "segment": "error" if failed else "html",
        "time": rfc3339(now - 5 * MINUTE),
        "duration": 244 * MS,
        "error": failed,
        "host": "cedar",
        "pid": 4242,
        "weight": 1.0,
        "whole": True,
        "lost": 12 if failed else 0,
        **of_trace(spans, 244 * MS),
        "spans": spans,
    }
