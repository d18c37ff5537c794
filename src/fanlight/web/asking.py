"""`GET /v1/query`: the words of `fanlight query`, asked of the store."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

from starlette.responses import Response

from fanlight.query.query import Query
from fanlight.server.questions import ROWS_MAX, Question
from fanlight.web import api
from fanlight.web.parameters import TIMES, Mistake, zone_of

if TYPE_CHECKING:
    from fanlight.web.parameters import Asked
    from fanlight.web.seen import Seen

PATH = "/v1/query"
TEXT_MAX = 8000
"""Characters of a query."""


def answer(answers: Any, seen: Seen, asked: Asked) -> Response:
    """Answer a query as JSON: what it led to, or what is wrong with it and where.

    Args:
        answers: has `query(question)`.
        seen: what the kept events have, asked when nothing was selected.
        asked: the parameters.
    """
    found = question(asked)
    if isinstance(found, Mistake):
        return api.mistaken(found)
    status, document = answers.query(found)
    if status == 200 and not document["facts"]["read"]:
        lacking = seen.lacking(Query(found.text), asked)
        document["facts"]["lacking"] = [{"name": name, "nearest": near} for name, near in lacking]
    # ASCII: bytes of a log that were no UTF-8 survive as escapes.
    return Response(json.dumps(document), status, media_type="application/json")


def question(asked: Asked) -> Question | Mistake:
    """Answer what the parameters ask, or the first mistake in them."""
    wrong = mistake(asked, ROWS_MAX)
    if wrong is not None:
        return wrong
    bounded = any(asked.get(name) for name in TIMES)
    return Question(
        text=asked.get("q"),
        now_ns=asked.now_ns,
        from_ns=asked.from_ns if bounded else None,
        to_ns=asked.to_ns if bounded else None,
        service=asked.get("service"),
        zone=zone_of(asked),
        limit=int(asked.get("limit", "1000")),
        is_inverted=asked.get("invert") == "on",
        is_whole=asked.get("as") == "events",
        has_spans=asked.get("spans") == "on",
    )


def mistake(asked: Asked, rows_max: int) -> Mistake | None:
    """Answer what is wrong with the zone, or the length of a query or of its answer."""
    try:
        zone_of(asked)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Mistake("tz", asked.get("tz")[:80], "expected a zone such as Europe/Berlin or UTC")
    text = asked.get("q")
    if len(text) > TEXT_MAX:
        return Mistake("q", f"{text[:40]}…", f"a query has at most {TEXT_MAX} characters")
    limit = asked.get("limit", "1")
    if not re.fullmatch(r"[0-9]{1,6}", limit, re.ASCII) or not 0 < int(limit) <= rows_max:
        return Mistake("limit", limit[:80], f"expected a number of events, 1 to {rows_max}")
    return None
