"""The web application: routes, and which page or answer stands behind each."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fanlight.errors import AwayError, HardshipError
from fanlight.log import LOG
from fanlight.web import api, asking, completing, importing, parameters, report
from fanlight.web.apart import QUERIES, STATUS, Apart
from fanlight.web.assets import assets
from fanlight.web.gate import guard
from fanlight.web.pages import compare, endpoint, endpoints, explore, servers, status, trace
from fanlight.web.pages.switching import switches
from fanlight.web.parameters import Asked, Mistake
from fanlight.web.refusal import closed
from fanlight.web.rendering import page
from fanlight.web.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from fanlight.web.gate import Gate

HARDSHIPS = {
    "memory": "There is not enough memory for this answer; ask for a shorter time, or give Fanlight more.",
    "room": "The disk is full, and this answer needs some of it; make room on it.",
    "disk": "The disk cannot be read or written; Fanlight's log says what it answered.",
}
"""What the machine lacks, by code, and what to do."""
DISK = {
    errno.ENOSPC: "room",
    errno.EDQUOT: "room",
    errno.EIO: "disk",
    errno.EROFS: "disk",
    errno.ENOMEM: "memory",
}
SPECULATIVE = (b"prefetch", b"prerender", b"preview")


def create(answers: Any, gate: Gate, clock: Callable[[], int] = time.time_ns, inbox: Any = None) -> ASGIApp:
    """Answer the guarded application.

    Args:
        answers: has `endpoints(from_ns, to_ns, service)`, `overview` likewise, `endpoint(service,
            endpoint, segment, from_ns, to_ns, octaves)`, `brushed` likewise, `trace(id)`,
            `query(question)`, `status()`, `environments(from_ns, to_ns)` and `within(environment)`;
            called from several threads.
        gate: who may ask.
        clock: wall-clock ns since 1970, what `last=15m` counts back from.
        inbox: has `take(data, told_ns)` for posted reports; None where none are taken.
    """
    site = Site(answers, gate, clock)

    async def take_report(request: Request) -> Response:
        return await report.take(inbox, request)

    async def take_import(request: Request) -> Response:
        return await importing.take(answers, request)

    # Plain functions run in starlette's threads; slow queries fill none but their own.
    told, queried = Apart(STATUS).run, Apart(QUERIES).run
    routes = [
        Route("/", site.endpoints_page),
        Route("/endpoint", site.endpoint_page),
        Route("/endpoint/brushed", site.brushed_page),
        Route("/trace/{id}", site.trace_page),
        Route("/explore", queried(site.explore_page)),
        Route("/explore/whole", queried(site.explore_whole)),
        Route("/servers", site.servers_page),
        Route("/compare", queried(site.compare_page)),
        Route("/status", told(site.status_page)),
        Route("/login", site.login),
        Route("/api/endpoints", site.endpoints_json),
        Route("/api/overview", site.overview_json),
        Route("/api/endpoint", site.endpoint_json),
        Route("/api/trace/{id}", site.trace_json),
        Route("/api/servers", site.servers_json),
        Route("/api/compare", queried(site.compare_json)),
        Route("/api/status", told(site.status_json)),
        Route("/api/alive", site.alive),
        Route("/api/link", site.link, methods=["POST"]),
        Route("/api/complete", queried(site.complete_json)),
        Route(asking.PATH, queried(site.query_json)),
        Route(importing.PATH, take_import, methods=["GET", "POST"]),
        Route("/static/{name}", site.static),
    ]
    if inbox is not None:
        routes.append(Route(report.PATH, take_report, methods=["POST"]))
    handlers: dict[Any, Any] = {HTTPException: failed, AwayError: away, Exception: broken}
    handlers |= dict.fromkeys((HardshipError, MemoryError, OSError), lacking)
    app = Starlette(routes=routes, exception_handlers=handlers)
    # Otherwise `//evil.example/` would be redirected to `//evil.example`.
    app.router.redirect_slashes = False
    return guard(app, gate)


class Site:
    """The handlers, and what they ask."""

    def __init__(self, answers: Any, gate: Gate, clock: Callable[[], int]) -> None:
        self.answers = answers
        self.gate = gate
        self.clock = clock
        self.seen = Seen(answers)

    def read(self, request: Request, known: tuple[str, ...]) -> Asked | Mistake:
        """Answer what the query string asks for."""
        query = request.scope["query_string"].decode("latin-1")
        return parameters.read(request.scope["path"], query, known, self.clock())

    def of(self, asked: Asked) -> Any:
        """Answer the answers of the environment that is asked for, of all without one."""
        return self.answers.within(asked.get("env")) if asked.get("env") else self.answers

    def shown(self, template: str, context: dict[str, Any], status_code: int = 200) -> Response:
        """Answer a page, which says so when more than this machine reaches it."""
        context |= {"exposed": self.gate.exposed, "switches": switches(self.answers, context)}
        return page(template, context, status_code)

    def endpoints_page(self, request: Request) -> Response:
        """`/`: every endpoint, the most harmful first."""
        asked = self.read(request, parameters.ENDPOINTS)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        return self.shown("endpoints.html", endpoints.view(self.of(asked), asked, self.gate.socket))

    def endpoint_page(self, request: Request) -> Response:
        """`/endpoint`: one endpoint."""
        asked = self.read(request, parameters.ENDPOINT)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        context = endpoint.view(self.of(asked), asked, self.gate.socket)
        if context is None:
            # The name of what never was is nobody's but the visitor's.
            if not endpoint.is_known(self.of(asked), asked):
                return missing("No request like this in this time")
            return self.shown("quiet.html", endpoint.quiet(asked))
        return self.shown("endpoint.html", context)

    def brushed_page(self, request: Request) -> Response:
        """`/endpoint/brushed`: what follows a choice of durations, for a page that is open already."""
        asked = self.read(request, parameters.ENDPOINT)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        asked = asked._replace(path="/endpoint")
        context = endpoint.followed(self.of(asked), asked, self.gate.socket)
        return (
            missing("No request like this in this time") if context is None else page("brushed.html", context)
        )

    def trace_page(self, request: Request) -> Response:
        """`/trace/{id}`: one trace."""
        asked = self.read(request, parameters.TRACE)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        trace_id = request.path_params["id"]
        known = api.is_trace_id(trace_id)
        context = trace.view(self.of(asked), asked, trace_id, self.gate.socket) if known else None
        if context is None:
            return missing("No such trace is kept")
        return self.shown("trace.html", context)

    def explore_page(self, request: Request) -> Response:
        """`/explore`: a query and what is there at once of its answer."""
        return self.explored(request, whole=False)

    def explore_whole(self, request: Request) -> Response:
        """`/explore/whole`: a query and its answer, however long it takes."""
        return self.explored(request, whole=True)

    def explored(self, request: Request, *, whole: bool) -> Response:
        """Answer the page of a query."""
        asked = self.read(request, parameters.EXPLORE)
        wrong = asked if isinstance(asked, Mistake) else asking.mistake(asked, explore.ROWS_MAX)
        if isinstance(asked, Mistake) or wrong is not None:
            assert wrong is not None
            return puzzled(wrong)
        asked = asked._replace(path="/explore")
        status_code, context = explore.view(self.of(asked), self.seen, asked, self.gate.socket, whole=whole)
        return self.shown("explore.html", context, status_code)

    def servers_page(self, request: Request) -> Response:
        """`/servers`: how busy web servers are."""
        asked = self.read(request, parameters.SERVERS)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        return self.shown("servers.html", servers.view(self.of(asked), asked, self.gate.socket))

    def compare_page(self, request: Request) -> Response:
        """`/compare`: two times, or two releases, side by side."""
        asked = self.read(request, parameters.COMPARE)
        found = asked if isinstance(asked, Mistake) else compare.view(self.of(asked), asked, self.gate.socket)
        return puzzled(found) if isinstance(found, Mistake) else self.shown("compare.html", *found)

    def status_page(self, request: Request) -> Response:
        """`/status`: Fanlight about itself."""
        asked = self.read(request, parameters.STATUS)
        if isinstance(asked, Mistake):
            return puzzled(asked)
        return self.shown("status.html", status.view(self.of(asked), asked, self.gate.socket))

    def login(self, request: Request) -> Response:
        """`/login?code=…`: the one GET that changes something, so it takes care of who asks.

        A browser that only guesses that the link may be followed is told to come back; HEAD never
        reads the code. The answer to a good code is an address without it.
        """
        if request.method != "GET":
            return Response(status_code=204)
        hints = [
            value for name, value in request.headers.raw if name in (b"purpose", b"sec-purpose", b"x-moz")
        ]
        if any(word in value.lower() for value in hints for word in SPECULATIVE):
            return Response(status_code=503)
        cookie = self.gate.keys.exchange(request.query_params.get("code", ""))
        if cookie is None:
            refusal = closed(401)
            return Response(
                refusal.body, refusal.status, {k.decode(): v.decode() for k, v in refusal.headers}
            )
        # After a link on another site's page, a redirect still counts as that site's doing and the
        # new cookie would not be sent along; a page of our own goes on in its own name.
        foreign = request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        response = page("entering.html", {}) if foreign else RedirectResponse("/", 303)
        if foreign:
            response.headers["Refresh"] = "0; url=/"
        response.set_cookie(
            self.gate.cookie,
            cookie,
            path="/",
            secure=self.gate.origin(request.headers["host"].encode()).startswith(b"https:"),
            httponly=True,
            samesite="strict",
        )
        return response

    def endpoints_json(self, request: Request) -> Response:
        """`/api/endpoints`."""
        asked = self.read(request, parameters.ENDPOINTS)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.listing(self.of(asked), asked)

    def overview_json(self, request: Request) -> Response:
        """`/api/overview`."""
        asked = self.read(request, parameters.OVERVIEW)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.overview(self.of(asked), asked)

    def endpoint_json(self, request: Request) -> Response:
        """`/api/endpoint`."""
        asked = self.read(request, parameters.ENDPOINT)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.one(self.of(asked), asked)

    def trace_json(self, request: Request) -> Response:
        """`/api/trace/{id}`."""
        asked = self.read(request, parameters.TRACE)
        if isinstance(asked, Mistake):
            return api.mistaken(asked)
        return api.trace(self.answers, request.path_params["id"])

    def servers_json(self, request: Request) -> Response:
        """`/api/servers`."""
        asked = self.read(request, parameters.SERVERS)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.servers(self.of(asked), asked)

    def compare_json(self, request: Request) -> Response:
        """`/api/compare`."""
        asked = self.read(request, parameters.COMPARE)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.compared(self.of(asked), asked)

    def status_json(self, request: Request) -> Response:
        """`/api/status`."""
        asked = self.read(request, parameters.STATUS)
        return api.mistaken(asked) if isinstance(asked, Mistake) else api.answer(self.answers.status())

    def query_json(self, request: Request) -> Response:
        """`/v1/query`."""
        asked = self.read(request, parameters.QUERY)
        if isinstance(asked, Mistake):
            return api.mistaken(asked)
        return asking.answer(self.of(asked), self.seen, asked)

    def complete_json(self, request: Request) -> Response:
        """`/api/complete`."""
        asked = self.read(request, parameters.COMPLETE)
        return api.mistaken(asked) if isinstance(asked, Mistake) else completing.answer(self.seen, asked)

    async def alive(self, request: Request) -> Response:  # noqa: ARG002 - a handler takes a request
        """`/api/alive`: an open page knocks, so that the server stays while somebody looks."""
        return Response(status_code=204)

    async def link(self, request: Request) -> Response:
        """`POST /api/link`: over `server.sock` alone."""
        if not self.gate.owner(request.scope):
            return api.refuse(403, "owner", "only fanlight's own commands may ask for a link")
        query = request.scope["query_string"].decode("latin-1")
        return api.link(self.gate, query, await request.body(), request.headers.get("content-type", ""))

    async def static(self, request: Request) -> Response:
        """`/static/…`: one of the files in the list."""
        asset = assets().get(request.scope["path"])
        if asset is None:
            return missing("No such file")
        return Response(asset.body, media_type=asset.media_type)


def puzzled(mistake: Mistake) -> Response:
    """Answer the page for a query that cannot be used; it names our words, never the visitor's."""
    known = mistake.parameter if mistake.parameter in parameters.EVERY else None
    context = {
        "title": "This address cannot be read",
        "parameter": known,
        "message": mistake.message if known else "It has a parameter that this page does not know.",
        "nearest": mistake.nearest,
    }
    return page("error.html", context, 400)


def missing(title: str) -> Response:
    """Answer the page for something that is not there; says nothing of what was asked for."""
    context = {
        "title": title,
        "parameter": None,
        "message": "It may be older than what is kept, or lie in another time range.",
        "nearest": None,
    }
    return page("error.html", context, 404)


def failed(request: Request, error: Exception) -> Response:
    """Answer what the router refuses: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)
    allowed = error.status_code == 405
    sentence = "This address takes another method." if allowed else "There is nothing at this address."
    if request.scope["path"].startswith(("/api/", "/v1/")):
        response = api.refuse(error.status_code, "method" if allowed else "path", sentence)
    else:
        context = {"title": sentence, "parameter": None, "message": "", "nearest": None}
        response = page("error.html", context, error.status_code)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def away(request: Request, error: Exception) -> Response:  # noqa: ARG001 - a handler takes an error
    """Answer what a store that is being closed or opened anew has no answer to."""
    return later(request, "away", "The store is being closed or opened anew; ask again in a moment.", 1)


def lacking(request: Request, error: Exception) -> Response:
    """Answer what the machine has no memory for, or no disk that works; the log has the error."""
    if isinstance(error, OSError):
        if error.errno not in DISK:
            raise error
        code = DISK[error.errno]
    else:
        code = error.code if isinstance(error, HardshipError) else "memory"
    LOG.error(f"{request.scope['path']} was not answered: {str(error) or type(error).__name__}")
    return later(request, code, HARDSHIPS[code], 10)


def later(request: Request, code: str, sentence: str, retry_s: int) -> Response:
    """Answer that it may be had later, and when to ask again."""
    if request.scope["path"].startswith(("/api/", "/v1/")):
        response = api.refuse(503, code, sentence)
    else:
        context = {"title": "Not at this moment", "parameter": None, "message": sentence, "nearest": None}
        response = page("error.html", context, 503)
    response.headers["Retry-After"] = str(retry_s)
    return response


def broken(request: Request, error: Exception) -> Response:  # noqa: ARG001 - the log has the error
    """Answer a failure of ours: the page says that it is one, the log says which."""
    sentence = "Fanlight itself failed here; its log says how."
    if request.scope["path"].startswith(("/api/", "/v1/")):
        return api.refuse(500, "internal", sentence)
    context = {"title": "Something broke", "parameter": None, "message": sentence, "nearest": None}
    return page("error.html", context, 500)
