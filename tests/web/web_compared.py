"""What a real store keeps of a shop that got slower when its second release came, with hostile names."""

from __future__ import annotations

from functools import cache

from commits import Part, Request, commit
from web_shop import HOSTILE, MS, PRODUCT

from fanlight.server.answers import Answers
from fanlight.stores import open_store
from fanlight.wire.messages import ERROR, WHOLE

SECOND = 1000 * MS
CART = "SELECT cart.id FROM cart WHERE cart.owner = ?"
CALM = (
    ("GET /cart", "html", 60),
    ("GET /product/<int:id>", "html", 24),
    ("GET /search", "json", 90),
    (HOSTILE[0], HOSTILE[2], 5),
)


def checkout(number, start, times, waited):
    """A request that asks for its products one by one, has a mail sent and renders a receipt."""
    spread = 1 + number * 37 % 23 / 20
    each = round(2.4 * MS * spread)
    mail = round(24 * MS * spread)
    at = 30 * MS
    parts = [
        Part(("app.flask.view", "checkout", ""), 0, MS, at + times * each + mail + 30 * MS),
        Part(("db.sql.query", "SELECT FROM cart", CART), 1, 4 * MS, 6 * MS),
    ]
    for _ in range(times):
        found = (("location", "shop/cart.py:88"),)
        parts.append(Part(("db.sql.query", "SELECT FROM product", PRODUCT), 1, at, each, found))
        at += each
    parts.append(Part(("api.http.request", "POST mail.internal", ""), 1, at, mail))
    at += mail
    parts.append(Part(("view.jinja2.render", "receipt.html", ""), 1, at, 22 * MS))
    if times > 9:
        parts.append(Part(("db.sql.query", HOSTILE[1], HOSTILE[0]), len(parts), at + 4 * MS, 9 * MS))
    took = at + 31 * MS
    notes = (("status", 200), ("queue.time", waited * MS))
    release = "2026.9.2" if times > 9 else "2026.9.1"
    group = ("shop", "POST /checkout", "html")
    return Request(start, took, number, group, tuple(parts), WHOLE, notes, release=release)


def requests(now):
    """Two hours: the second release came 55 minutes ago."""
    for number in range(1, 481):
        start = now - number * 15 * SECOND
        is_late = number * 15 < 55 * 60
        yield checkout(number, start, 19 if is_late else 8, 14 if is_late else 3)
        endpoint, segment, took = CALM[number % 4]
        failed = number % 60 == 0
        yield Request(
            start + SECOND,
            round(took * MS * (1 + number * 53 % 17 / 12)),
            10_000 + number,
            ("shop", endpoint, segment),
            (Part(("view.jinja2.render", "page.html", ""), 0, MS, took * MS // 2),),
            WHOLE | (ERROR if failed else 0),
            (("status", 500 if failed else 200),),
            release="2026.9.2" if is_late else "2026.9.1",
        )


@cache
def compared(now, empty=False):
    """Answer what asks a store in memory that has them, or that is empty."""
    store = open_store("memory:")
    if not empty:
        store.apply(1, [(1, commit(list(requests(now))))])
    return Answers(store, dict)
