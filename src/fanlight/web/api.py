"""The JSON answers: the same parameters and the same numbers as the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from fanlight.web import parameters
from fanlight.web.keys import LIFETIME_S
from fanlight.web.pages import compare, endpoint, endpoints
from fanlight.web.parameters import Mistake

if TYPE_CHECKING:
    from fanlight.web.gate import Gate
    from fanlight.web.parameters import Asked


def answer(document: Any, status: int = 200) -> Response:
    """Answer a document as JSON."""
    import msgspec

    return Response(msgspec.json.encode(document), status, media_type="application/json")


def refuse(status: int, code: str, message: str, **more: str | None) -> Response:
    """Answer an error as JSON: a stable code, a sentence, and what helps to correct it."""
    details = {name: value for name, value in more.items() if value is not None}
    return answer({"error": {"code": code, "message": message, **details}}, status)


def mistaken(mistake: Mistake) -> Response:
    """Answer which parameter is wrong, what was found, and the nearest name."""
    hint = f"; did you mean {mistake.nearest!r}?" if mistake.nearest else ""
    return refuse(
        400,
        "parameter",
        f"parameter {mistake.parameter!r}: found {mistake.found!r}: {mistake.message}{hint}",
        parameter=mistake.parameter,
        found=mistake.found,
        nearest=mistake.nearest,
    )


def listing(answers: Any, asked: Asked) -> Response:
    """`/api/endpoints`: a bare list."""
    return answer(endpoints.select(answers, asked))


def overview(answers: Any, asked: Asked) -> Response:
    """`/api/overview`: all services together, each of them, and their endpoints."""
    return answer(answers.overview(asked.from_ns, asked.to_ns, asked.get("service") or None))


def one(answers: Any, asked: Asked) -> Response:
    """`/api/endpoint`: the row, its time line, histogram, merged tree and samples."""
    for name in ("service", "endpoint"):
        if not asked.get(name):
            return mistaken(Mistake(name, "", "is needed here"))
    found = endpoint.ask(answers, asked)
    if not found or not found.get("count"):
        return refuse(404, "endpoint", "no such endpoint had a request in this time")
    return answer(found)


def servers(answers: Any, asked: Asked) -> Response:
    """`/api/servers`: what web servers were at, step by step."""
    return answer(answers.servers(asked.from_ns, asked.to_ns, asked.get("service") or None))


def compared(answers: Any, asked: Asked) -> Response:
    """`/api/compare`: two times, or two releases, side by side."""
    found = compare.ask(answers, asked)
    return mistaken(found) if isinstance(found, Mistake) else answer(found[1], found[0])


def trace(answers: Any, trace_id: str) -> Response:
    """`/api/trace/{id}`: one trace and its spans."""
    found = answers.trace(trace_id) if is_trace_id(trace_id) else None
    if not found:
        return refuse(404, "trace", "no such trace is kept; an id is 32 hexadecimal digits")
    return answer(found)


def link(gate: Gate, query: str, body: bytes, content_type: str) -> Response:
    """`POST /api/link`: a one-time address, for whoever may open `server.sock`.

    Args:
        gate: keeps the codes.
        query: `for=open` (dies on use or after 60 s) or `for=run` (dies on use).
        body: nothing is read from it, but what is there must be JSON.
        content_type: as announced.
    """
    if body and content_type.partition(";")[0].strip().lower() != "application/json":
        return refuse(415, "type", "a body must be application/json")
    asked = parameters.read("/api/link", query, parameters.LINK, 0)
    if isinstance(asked, Mistake):
        return mistaken(asked)
    return answer({"url": gate.link(None if asked.get("for") == "run" else LIFETIME_S)})


def is_trace_id(text: str) -> bool:
    """Answer whether a text is 32 lower-case hexadecimal digits."""
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)
