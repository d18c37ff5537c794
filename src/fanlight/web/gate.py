"""The gate: pure ASGI, before routing, so that no page, file or error gets round it.

Other web pages in the operator's browser are the attackers here: they can reach this port, rebind
a name to it, post forms at it and frame it. What they cannot do is choose the Host and Origin that
the browser sends, read a `SameSite=Strict` cookie, or open a unix socket.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fanlight.config import is_loopback
from fanlight.web import importing, report
from fanlight.web.headers import armour
from fanlight.web.keys import LIFETIME_S, Keys
from fanlight.web.names import literal, origins
from fanlight.web.refusal import Refusal, bare, closed, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 64 * 1024
"""Bytes of a request's body. Nothing we accept is longer, but for reports."""

METHODS = ("GET", "HEAD", "POST")
"""An allow-list: a method that is not here cannot be forgotten in some deny-list."""


class Gate:
    """Which requests may pass, and the one-time links that let a browser in.

    Args:
        address: `host:port` that the server listens on; the port also names the cookie, because
            cookies ignore ports and two Fanlights on one machine would log each other out.
        names: further names, such as `fanlight.internal` or `https://fanlight.example.com`.
        socket: path of the unix socket whose user is the owner: no cookie, no Host, no Origin.
        clock: monotonic seconds.
        cookies: path of the file that lets browsers in again after a restart; None for none.

    Attributes:
        report_digest: SHA-256 of the token that reports are posted with; empty lets none in.

    Raises:
        ConfigError: a name that is none.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:7700",
        names: Iterable[str] = (),
        socket: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        cookies: str | None = None,
    ) -> None:
        host, _, port = address.rpartition(":")
        local = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
        anywhere = host in ("", "0.0.0.0", "[::]")  # noqa: S104 - compared, never bound
        self.address = local[0] if anywhere else address
        self.exposed = not is_loopback(host.strip("[]"))
        """Whether other machines reach the address."""
        further = origins(names, port)
        found = {**origins([*local, self.address], port), **further}
        self.origins = {host.encode(): origin.encode() for host, origin in found.items()}
        self.hosts = frozenset(self.origins)
        self.home = next(iter(further.values()), f"http://{self.address}")
        """The origin that links lead to."""
        self.cookie = f"fanlight_{port}"
        self.socket = socket
        self.clock = clock
        self.keys = Keys(clock, cookies)
        self.report_digest = b""
        self.asked_at = clock()
        """When the last request passed, on `clock`: a server that nobody asks may leave."""

    def link(self, lifetime_s: float | None = LIFETIME_S) -> str:
        """Answer an address that logs one browser in, once; None seconds live until used."""
        return f"{self.home}/login?code={self.keys.code(lifetime_s)}"

    def origin(self, host: bytes) -> bytes:
        """Answer the origin of our pages under a Host that was let in; a typed number has no TLS."""
        return self.origins.get(host.lower(), b"http://" + host.lower())

    def owner(self, scope: Scope) -> bool:
        """Answer whether a request came over `server.sock`, which only our own uid can open.

        Both ends must say so: a TCP peer that hung up early also has no client address.
        """
        server = scope.get("server")
        return (
            self.socket is not None
            and scope.get("client") is None
            and server is not None
            and tuple(server) == (self.socket, None)
        )

    def refusal(self, scope: Scope) -> Refusal | None:
        """Answer why a request may not pass, or None when it may."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        method: str = scope["method"]
        if not scope["path"].startswith("/"):
            return problem(400, "absolute", "Only paths of this server are answered here.")
        if method not in METHODS:
            return problem(405, "method", "Only GET, HEAD and POST are answered here.", allow=METHODS)
        if content_length(headers) > body_max(scope):
            return too_large(scope)
        if self.owner(scope):
            return None
        if scope["path"] in (importing.PATH, report.PATH):
            return self.wrong_host(scope, headers) or self.wrong_program(scope, headers)
        return (
            self.wrong_host(scope, headers)
            or self.wrong_origin(method, headers)
            or self.wrong_initiator(method, headers)
            or self.no_cookie(scope, headers)
        )

    def wrong_host(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Refuse a name that was rebound to our address, and any doubt about the name."""
        hosts = values(headers, b"host")
        if len(hosts) != 1:
            return problem(400, "host", "Exactly one Host header is wanted.")
        typed = self.exposed and hosts[0] == literal(scope.get("server")).encode()
        if hosts[0].lower() not in self.hosts and not typed:
            return problem(403, "host", "This server does not answer to that name.")
        return None

    def wrong_origin(self, method: str, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Refuse a write that no page of ours made. Compared whole, never by pattern."""
        if method in ("GET", "HEAD"):
            return None
        if values(headers, b"origin") != [self.origin(values(headers, b"host")[0])]:
            return problem(403, "origin", "Only pages of this server may send this.")
        return None

    def wrong_initiator(self, method: str, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Refuse reads that another site's page makes; following a link is not one of them.

        `same-site` is refused too: a page on another port of this machine is that, and it is the
        one kind of foreign page to which even a `SameSite=Strict` cookie is sent.
        """
        site = values(headers, b"sec-fetch-site")
        if not site or site in ([b"same-origin"], [b"none"]):
            return None
        follows = values(headers, b"sec-fetch-mode") == [b"navigate"]
        if method == "GET" and follows and values(headers, b"sec-fetch-dest") == [b"document"]:
            return None
        return problem(403, "initiator", "Other sites' pages may not ask here.")

    def wrong_program(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Refuse whoever is not the program that a door is for; none of these is for pages."""
        if scope["path"] == importing.PATH:
            return importing.refusal()
        # No cookie and no page: a header that no browser sends by itself.
        return report.refusal(headers, self.report_digest)

    def no_cookie(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Refusal | None:
        """Refuse browsers that no one-time link let in; the link itself must get through."""
        if scope["path"] == "/login":
            return None
        if any(self.keys.admits(cookie) for cookie in cookies(headers, self.cookie)):
            return None
        if scope["path"].startswith(("/api/", "/v1/")):
            return problem(401, "cookie", "No cookie of this server. Run: fanlight open")
        return closed(401)


def guard(app: ASGIApp, gate: Gate) -> ASGIApp:
    """Answer `app` behind `gate`: refusals end here, and every answer leaves with our headers."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return

        async def armoured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": armour(message.get("headers", ()))}
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        refusal = gate.refusal(scope)
        if refusal is None:
            if scope["path"] != "/login":
                gate.asked_at = gate.clock()
            body = await read(receive, body_max(scope))
            if body is not None:
                await app(scope, replay(body, receive), armoured)
                return
            refusal = too_large(scope)
        await bare(refusal, armoured)

    return guarded


def body_max(scope: Scope) -> int:
    """Answer how many bytes the body of a request may have."""
    longer = {report.PATH: report.BODY_MAX, importing.PATH: importing.BODY_MAX}
    return longer.get(scope["path"], BODY_MAX)


def too_large(scope: Scope) -> Refusal:
    """Answer the refusal of a body that is larger."""
    return problem(413, "body", f"The body is over {body_max(scope) >> 10} KiB.")


async def read(receive: Receive, most: int = BODY_MAX) -> bytes | None:
    """Answer the whole body, or None as soon as it passes the cap: a length can lie or be absent."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Answer a `receive` that gives the body once, then whatever really comes next."""
    unread = [body]

    async def again() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await receive()

    return again


def values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Answer every value of a header; two are not one."""
    return [value for key, value in headers if key == name]


def content_length(headers: list[tuple[bytes, bytes]]) -> int:
    """Answer the largest announced length; one that is no number counts as too long."""
    lengths = values(headers, b"content-length")
    if not all(length.isdigit() and len(length) < 16 for length in lengths):
        return BODY_MAX + 1
    return max((int(length) for length in lengths), default=0)


def cookies(headers: list[tuple[bytes, bytes]], name: str) -> list[str]:
    """Answer every value of a cookie; another port's page can add some of the same name."""
    pairs = [pair.strip().partition(b"=") for line in values(headers, b"cookie") for pair in line.split(b";")]
    return [value.decode("latin-1") for key, _, value in pairs[:100] if key == name.encode()]
