"""One endpoint of the made-up shop: its time line, histogram, merged trace and samples."""

from __future__ import annotations

import math

from web_shop import HOSTILE, MINUTE, MS, PRODUCT, ident

from fanlight.server.split import split
from fanlight.web.wording import rfc3339
from fanlight.wire.buckets import octave_of


def timeline(each, from_ns, to_ns):
    step = max((to_ns - from_ns) // 60, MINUTE)
    points = []
    for number, at in enumerate(range(from_ns, to_ns, step)):
        # A quiet stretch: nobody asked, so there is no typical time.
        busy = 0 if 20 <= number < 24 else 1 + math.sin(number / 6) / 3
        bump = 1.8 if 38 <= number <= 44 else 1 + math.sin(number) / 8
        points.append(
            {
                "time": rfc3339(at),
                "count": round(each["rpm"] * busy),
                "errors": 1 if number == 41 else 0,
                "rpm": each["rpm"] * busy,
                "p50": round(each["p50"] * (1 + (bump - 1) / 2)) if busy else 0,
                "p95": round(each["p95"] * bump) if busy else 0,
            }
        )
    return points


def histogram(each):
    middle = math.log2(each["p50"])
    out = []
    for bucket in range(round((middle - 2) * 32), round((middle + 5) * 32)):
        place = bucket / 32 - middle
        near = math.exp(-(place**2) * 4) + 0.22 * math.exp(-((place - 3.2) ** 2) * 5)
        count = round(each["count"] * near / 40)
        if count:
            low, high = 2 ** ((bucket - 1) / 32), 2 ** (bucket / 32)
            shares = {"queue": 0.1, "application": 0.2, "sql": 0.7}
            octave = octave_of(bucket)
            row = {"octave": octave, "bucket": bucket, "low": low, "high": high, "count": count}
            out.append({**row, "split": shares})
    return out


def hours(each, from_ns, to_ns, octaves):
    """All of the requests that the histogram has began in the range, as none other in its hours."""
    hour = 60 * MINUTE
    rows = [row for row in histogram(each) if octaves is None or row["octave"] in octaves]
    return {
        "from": rfc3339(from_ns // hour * hour),
        "to": rfc3339(-(-to_ns // hour) * hour),
        "requests": sum(row["count"] for row in histogram(each)),
        "chosen": sum(row["count"] for row in rows),
    }


def divided(nodes, mean):
    """Answer where the mean request's time went, 12 ms of waiting before it."""
    return split(((node["category"], node["self"]) for node in nodes), round(mean), 12 * MS)


def tree(each, octaves=None):
    """A merged trace in pre-order: (depth, category, title, description, per request, offset, share)."""
    plan = (
        (0, "app.wsgi.request", "POST", "", 1, 0.0, 1.0, ""),
        (1, "app.flask.view", "checkout", "", 1, 0.01, 0.97, ""),
        (
            2,
            "db.sql.query",
            "SELECT FROM cart",
            "SELECT cart.id, cart.owner FROM cart WHERE cart.owner = ?",
            1,
            0.02,
            0.03,
            "",
        ),
        (2, "db.sql.query", "SELECT FROM product", PRODUCT, 41, 0.34, 0.56, "shop/cart.py:88"),
        (2, "cache.redis.get", "GET", "session:?", 2, 0.61, 0.02, ""),
        (2, "api.http.request", "POST mail.internal", "", 1, 0.64, 0.19, ""),
        (2, "view.jinja2.render", "receipt.html", "", 1, 0.84, 0.09, ""),
        (3, "db.sql.query", HOSTILE[1], HOSTILE[0], 1, 0.85, 0.04, HOSTILE[2]),
        (1, "noise.gc", "Garbage collection", "", 0.3, 0.5, 0.015, ""),
    )
    mean = each["mean"]
    out = []
    parents: list[str] = []
    for number, (depth, category, title, description, many, offset, share, location) in enumerate(plan):
        del parents[depth:]
        inner = 0.0
        for later in plan[number + 1 :]:
            if later[0] <= depth:
                break
            inner += later[6] if later[0] == depth + 1 else 0
        out.append(
            {
                "path": f"{number + 1:016x}",
                "parent": parents[-1] if parents else None,
                "depth": depth,
                "category": category,
                "title": title,
                "description": description,
                "count": round(each["count"] * many),
                "traces": round(each["count"] * min(many, 1)),
                "per_request": many,
                "offset": round(offset * mean),
                "total": round(share * mean * each["count"]),
                "self": round(max(share - inner, 0) * mean * each["count"]),
                "mean": round(share * mean),
                "share": share,
                "percentile": None if octaves is None else 0.93 if many > 5 else 0.2 if depth > 2 else 0.5,
                "repeats_max": 84 if many > 5 else 0,
                "location": location,
            }
        )
        parents.append(f"{number + 1:016x}")
    return out


def samples(now, each):
    return [
        {
            "id": ident(1 + number % 2),
            "time": rfc3339(now - number * 37_123 * MS),
            "duration": round(each["p50"] * (0.7 + number * number / 40)),
            "error": number % 7 == 3,
            "spans": 52 + number,
            "whole": number % 5 != 4,
            "weight": 1.0,
        }
        for number in range(24)
    ]


def changed(now):
    before = {"count": 1320, "errors": 2, "rpm": 42.6, "p50": 171 * MS, "p95": 1_640 * MS}
    after = {"count": 1140, "errors": 9, "rpm": 47.5, "p50": 196 * MS, "p95": 2_410 * MS}
    return [{"release": HOSTILE[0], "time": rfc3339(now - 24 * MINUTE), "before": before, "after": after}]
