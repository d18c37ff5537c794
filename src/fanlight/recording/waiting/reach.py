"""Ways from a request to the socket that it came over, server by server; loaded with the first request."""

from __future__ import annotations

import sys
from _operator import itemgetter
from _socket import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Way = Callable[[Any], Any]

INET, STREAM, TCP = 2, 1, 6


class Descriptors(dict[int, socket]):
    """Sockets of connections of which only the number is known, made once each; who opened them closes them.

    The next connection of that number is asked through the same one.
    """

    __slots__ = ()

    def __missing__(self, number: int) -> socket:
        self[number] = made = socket(INET, STREAM, TCP, number)
        return made


DESCRIPTORS = Descriptors()


def of_waitress(environ: Any) -> Any:
    """Answer the socket of the channel whose method waitress hands on."""
    return environ["waitress.client_disconnected"].__self__.socket


def of_uwsgi(_environ: Any) -> Any:
    """Answer the descriptor that uWSGI tells of."""
    return DESCRIPTORS[sys.modules["uwsgi"].connection_fd()]


def of_uvicorn(receive: Any) -> Any:
    """Answer the socket of the transport of the cycle whose method uvicorn hands on."""
    return receive.__self__.transport.get_extra_info("socket")


WAYS: dict[str, Way] = {
    "gunicorn.socket": itemgetter("gunicorn.socket"),
    # What its workers with gevent's own server call it.
    "gunicorn.sock": itemgetter("gunicorn.sock"),
    "werkzeug.socket": itemgetter("werkzeug.socket"),
    "waitress.client_disconnected": of_waitress,
    "uwsgi.version": of_uwsgi,
}
"""What a server puts into the environ, to the way from there to the socket."""


def from_environ(environ: Any) -> Way | None:
    """Answer the way from an environ of this server's, None when there is none."""
    return next((way for key, way in WAYS.items() if key in environ), None) if is_told() else None


def from_receive(receive: Any) -> Way | None:
    """Answer the way from a `receive` of this server's, None when there is none."""
    leads = hasattr(getattr(receive, "__self__", None), "transport")
    return of_uvicorn if leads and is_told() else None


def is_told() -> bool:
    """Answer whether this system's sockets tell when data last came."""
    return sys.platform == "linux"
