"""What a request brings (HOT): a bounded set of methods and formats, and how long it has waited.

The kernel counts from the last bytes that came over the connection: no proxy and no other clock is
needed, its resolution is one jiffy, and a body that came in pieces makes it too short, never too long.
Where a server's sockets cannot be reached nothing is asked. A proxy's header is kept as it came, and
read in the background.
"""

from __future__ import annotations

import _struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from fanlight.recording.recorder import Trace

    Way = Callable[[Any], Any]

UNMATCHED = "<unmatched>"
"""Endpoint of a request that no route took; an unmatched URL never becomes a name."""

OTHER_METHOD = "OTHER"


class Titles(dict[str, str]):
    """Titles by method."""

    def __missing__(self, method: str) -> str:
        return OTHER_METHOD


TITLES = Titles(
    {
        **{name: name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")},
        "QUERY": "QUERY",
        # A HEAD stands under the route, and in the tree, of its GET.
        "HEAD": "GET",
    }
)
"""Method as a client wrote it to how it counts; any other word counts as `OTHER`."""
OWN_TITLES = frozenset({OTHER_METHOD, *(method for method, title in TITLES.items() if method == title)})
"""Methods that count as what they are; of any other `note_method` is told."""

COMMON = frozenset(
    {
        *("", "html", "json", "text", "xml", "csv", "js", "css", "octet-stream", "event-stream", "pdf"),
        *("zip", "png", "jpg", "gif", "svg", "webp", "form-data", "ndjson", "protobuf", "msgpack", "other"),
    }
)
"""Formats that always keep their name."""

UNCOMMON_MAX = 64
"""Other formats that do; all further ones count as `other`."""
KNOWN_MAX = 1_000
"""Content-Types, and status lines, that are kept."""
SHORT = {"plain": "text", "javascript": "js", "x-javascript": "js", "jpeg": "jpg", "svg+xml": "svg"}


class Formats:
    """Short names of response formats by Content-Type; an application can't make up ever new ones.

    Attributes:
        known: those that came so far. A fast path, as is every such dict here: to look into one whose class
            has a `__missing__` costs thrice as much.
    """

    __slots__ = ("known", "uncommon")

    def __init__(self) -> None:
        self.known: dict[str | bytes, str] = {}
        self.uncommon: set[str] = set()

    def new(self, content_type: str | bytes) -> str:
        """Answer and keep the name of one that is not known."""
        text = content_type.decode("latin-1") if isinstance(content_type, bytes) else content_type
        name = short(text)
        if name not in COMMON and name not in self.uncommon:
            if len(self.uncommon) < UNCOMMON_MAX:
                self.uncommon.add(name)
            else:
                name = "other"
        if len(self.known) < KNOWN_MAX:
            self.known[content_type] = name
        return name


FORMATS = Formats()


class Statuses:
    """Numbers of WSGI status lines such as `404 Not Found`, read once each.

    Attributes:
        known: those that came so far.
    """

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def new(self, line: str) -> int:
        """Answer and keep the number of one that is not known."""
        status = int(line[:3])
        if len(self.known) < KNOWN_MAX:
            self.known[line] = status
        return status


STATUSES = Statuses()


def short(content_type: str) -> str:
    """Answer `json` for `application/vnd.api+json; charset=utf-8`, and "" for what is no type."""
    kind, slash, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    if (
        not slash
        or not subtype.isascii()
        or not subtype.replace("+", "").replace("-", "").replace(".", "").isalnum()
    ):
        return ""
    if kind == "text" and subtype == "javascript":
        return "js"
    name = SHORT.get(subtype)
    if name is None:
        name = subtype.rpartition("+")[2].removeprefix("x-")
    return name[:32]


TCP, TCP_INFO = 6, 11
INFO_BYTES = 56
LAST_DATA = _struct.Struct("=52xI").unpack
"""Milliseconds since data last came, out of the kernel's `tcp_info`."""
TRIES = 16
"""Requests whose socket is looked for in vain before none is any more."""
FAILURES = (
    *(OSError, LookupError, AttributeError, TypeError, ValueError),
    _struct.error,  # type: ignore[attr-defined]  # the stubs forgot it
)
"""What asking an object may raise that is of a server's making, or gone."""

IDENT = b"traceparent"
STAMPS = (b"x-request-start", b"x-queue-start", b"x-amzn-trace-id")
"""Headers that say when a proxy took the request, the one that is believed before the others first."""
FIELDS = frozenset((IDENT, *STAMPS))
"""Headers of a request that mean something here, as ASGI spells them."""


def found_wsgi(environ: Any) -> Any:
    """Answer the socket of a request, and remember the way there when the kernel tells something of it."""
    from fanlight.recording.waiting.reach import from_environ

    way = from_environ(environ)
    if way is None:
        REACH.wsgi = None
        raise LookupError
    socket = way(environ)
    LAST_DATA(socket.getsockopt(TCP, TCP_INFO, INFO_BYTES))
    REACH.wsgi = way
    return socket


def found_asgi(receive: Any) -> Any:
    """Answer likewise, of a server's `receive`."""
    from fanlight.recording.waiting.reach import from_receive

    way = from_receive(receive)
    if way is None:
        REACH.asgi = None
        raise LookupError
    socket = way(receive)
    LAST_DATA(socket.getsockopt(TCP, TCP_INFO, INFO_BYTES))
    REACH.asgi = way
    return socket


class Reach:
    """The way to a request's socket in this process, from its environ or its `receive`.

    Attributes:
        wsgi, asgi: raises one of `FAILURES` where it leads nowhere; None when nobody needs to try.
        missed: requests whose socket was looked for in vain.
    """

    __slots__ = ("asgi", "missed", "wsgi")

    def __init__(self) -> None:
        self.wsgi: Way | None = found_wsgi
        self.asgi: Way | None = found_asgi
        self.missed = 0


REACH = Reach()


def note_method(trace: Trace, method: str) -> None:
    """Title a request that does not count as its method; it keeps that, if it is known, as an annotation."""
    trace.title = title = TITLES[method]
    trace.notes["method"] = method if title != OTHER_METHOD else title


def note_environ(trace: Trace, environ: dict[str, Any]) -> None:
    """Take note of how long a WSGI request waited, as far as that can be known."""
    way = REACH.wsgi
    if way is not None:
        try:
            trace.waited_ms = LAST_DATA(way(environ).getsockopt(TCP, TCP_INFO, INFO_BYTES))[0]
        except FAILURES:
            miss()
    stamp = (
        environ.get("HTTP_X_REQUEST_START")
        or environ.get("HTTP_X_QUEUE_START")
        or environ.get("HTTP_X_AMZN_TRACE_ID")
    )
    # A fast path: there is no proxy that tells.
    if stamp is not None:
        trace.stamp = stamp


def note_receive(trace: Trace, receive: Any) -> None:
    """Take note of how long an ASGI request waited, as far as the kernel knows."""
    way = REACH.asgi
    if way is not None:
        try:
            trace.waited_ms = LAST_DATA(way(receive).getsockopt(TCP, TCP_INFO, INFO_BYTES))[0]
        except FAILURES:
            miss()


def note_headers(trace: Trace, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Keep those of `FIELDS` that an ASGI request has; what they say is judged when it is read."""
    for field, value in headers:
        if field == IDENT:
            if not trace.ident:
                trace.ident = value
        elif field in FIELDS and value and (trace.stamp is None or field == STAMPS[0]):
            trace.stamp = value


def miss() -> None:
    """Count a request whose socket tells nothing, and give up when there never was one that does."""
    REACH.missed += 1
    if REACH.missed >= TRIES:
        # A server at a unix socket, for one.
        if REACH.wsgi is found_wsgi:
            REACH.wsgi = None
        if REACH.asgi is found_asgi:
            REACH.asgi = None
