"""What a real store keeps of the shop: requests of the last two hours, with hostile names among them."""

from __future__ import annotations

from functools import cache

from commits import Part, Request, commit
from web_shop import HOSTILE, MS, NAMES, PRODUCT

from fanlight.server.answers import Answers
from fanlight.stores import open_store
from fanlight.wire.messages import ERROR, WHOLE

SECOND = 1000 * MS
SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835
"""Makes ids that look like ids."""


def requests(now, many=240):
    """Requests, one every 17 s, each the next of the shop's endpoints."""
    for number in range(1, many + 1):
        service, endpoint, segment = NAMES[number % 9 if number % 20 else 9 + number // 20 % 3]
        failed = segment == "error"
        took = (number * 37 % 190 + 5) * MS * (12 if number % 25 == 0 else 1)
        query = Part(
            ("db.sql.query", "SELECT FROM product", PRODUCT), 0, MS, took // 2, (("rows", number % 7),)
        )
        yield Request(
            now - number * 17 * SECOND - took,
            took,
            number * SPREAD % 2**128,
            (service, endpoint, segment),
            (query, Part(("view.jinja2.render", HOSTILE[1], HOSTILE[0]), 0, took // 2, MS)),
            flags=WHOLE | (ERROR if failed else 0),
            notes=(
                ("status", 500 if failed else 302 if segment == "redirect" else 200),
                *((("error.type", "PaymentDeclined"), ("error.message", HOSTILE[0])) if failed else ()),
                *((("note", HOSTILE[2]),) if number % 20 == 0 else ()),
            ),
            weight=3.0 if number % 50 == 0 else 1.0,
        )


@cache
def kept(now):
    """Answer what asks a store in memory that has them."""
    store = open_store("memory:")
    store.apply(1, [(1, commit(list(requests(now))))])
    return Answers(store, dict)


@cache
def nothing(_now):
    """Answer what asks a store that keeps nothing yet."""
    return Answers(open_store("memory:"), dict)
