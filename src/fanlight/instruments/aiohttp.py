"""aiohttp: requests of its client sessions, a websocket's opening among them."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.clock import clock
from fanlight.recording.outgoing import record_request
from fanlight.recording.recorder import current
from fanlight.recording.traceparent import NAME, outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}


def patch(module: ModuleType) -> None:
    """Record from the call to the response's headers, redirects and all.

    A request takes the trace's id along, unless the application has set a `traceparent` itself.
    The library's own hooks are given to a session when it is made, and would miss earlier ones.

    Args:
        module: `aiohttp.client`.

    Raises:
        LookupError: there is no `ClientSession._request`, which all its methods call.
    """
    session = getattr(module, "ClientSession", None)
    request = getattr(session, "_request", None)
    if session is None or request is None:
        raise LookupError("aiohttp has no ClientSession._request")

    @wraps(request)
    async def recorded(self: Any, method: Any, str_or_url: Any, **options: Any) -> Any:
        # A fast path: nothing is recorded here and now.
        if current() is None:
            return await request(self, method, str_or_url, **options)
        start_ns = clock()
        try:
            response = await request(self, method, str_or_url, **options)
        except BaseException as error:
            record_request(method, target(self, str_or_url), 0, type(error).__name__, start_ns)
            raise
        record_request(method, target(self, str_or_url), response.status, "", start_ns)
        return response

    session._request = recorded  # noqa: SLF001 the one method that every request goes through
    prepare = getattr(session, "_prepare_headers", None)
    if prepare is not None:
        session._prepare_headers = carrying(prepare)  # noqa: SLF001 where all headers are together


def carrying(prepare: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what makes a request's headers, the session's among them, with a `traceparent`."""

    @wraps(prepare)
    def prepared(self: Any, headers: Any) -> Any:
        made = prepare(self, headers)
        header = outgoing()
        if header and NAME not in made:
            made[NAME] = header
        return made

    return prepared


def target(session: Any, url: Any) -> str:
    """Answer host and port that a request is for, never a path or a password; "" when it tells none."""
    text = str(url)
    if "://" not in text[:9]:
        text = str(getattr(session, "_base_url", None) or "")
    scheme, _, rest = text.partition("://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    host = rest.rpartition("@")[2].removesuffix(DEFAULT_PORTS.get(scheme, ""))
    _, colon, port = host.rpartition("]")[2].rpartition(":")
    # No port, so it is no host either: the address was broken, and this may be anything.
    return "" if colon and not port.isdigit() else host
