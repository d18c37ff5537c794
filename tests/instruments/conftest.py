"""A recorder that is on, with a list at its end, and every library hooked."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings

from fanlight import instruments, normalizers
from fanlight.recording.recorder import SWITCH, begin, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanlight.recording.recorder import Trace


# Django has one project a process, and wants it before most of it can be imported.
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    LANGUAGES=[("en", "English"), ("de", "German")],
    LOGGING_CONFIG=None,
    MIDDLEWARE=[
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "fanlight_shop.asynchronous",
    ],
    ROOT_URLCONF="fanlight_shop",
    SECRET_KEY="only a test",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup()


class Seen(list["Trace"]):
    """The finished traces, oldest first."""

    def leaves(self, name: str = "") -> list[tuple[str, Any]]:
        """Answer (name, payload) of every leaf, of all traces together."""
        return [
            (event[2], event[3])
            for trace in self
            for events, _, _ in trace.records or ()
            for event in events
            if isinstance(event, tuple) and len(event) == 5 and name in ("", event[2])
        ]

    def handled(self) -> list[tuple[str, Any]]:
        """Answer (name, payload) of every span that an instrument opened and closed."""
        return [
            (event[1], event[3])
            for trace in self
            for events, _, _ in trace.records or ()
            for event in events
            if isinstance(event, tuple) and len(event) == 6
        ]

    def endpoints(self) -> list[tuple[str, int]]:
        """Answer (endpoint, status) of every trace."""
        return [(trace.endpoint, trace.status) for trace in self]

    def titles(self) -> list[str]:
        """Answer the title of every SQL leaf, as it leaves the process."""
        return [normalizers.normalize(*leaf)[1] for leaf in self.leaves("sql.query")]


@pytest.fixture(scope="session", autouse=True)
def _hooked() -> None:
    """Hooks stay for good, as in an application."""
    instruments.install()


@pytest.fixture
def seen() -> Iterator[Seen]:
    """Answer the traces that finish during the test."""
    traces = Seen()
    before = (SWITCH.sink, SWITCH.sample, SWITCH.draw, SWITCH.faults)
    SWITCH.sink, SWITCH.sample, SWITCH.faults = traces.append, 1.0, 0
    yield traces
    faults = SWITCH.faults
    SWITCH.sink, SWITCH.sample, SWITCH.draw, SWITCH.faults = before
    assert faults == 0


class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = 404 if "missing" in self.path else 200
        self.send_response(status)
        self.send_header("Content-Length", "2")
        if "bye" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET  # noqa: N815 the library's own spelling

    def log_message(self, *what: Any) -> None:
        pass


@pytest.fixture
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def calls(seen: Any) -> Any:
    """Answer a function that runs another inside a trace and answers its calls."""

    def run(work: Any) -> list[Any]:
        opened = begin("app.test", "t", "e")
        try:
            work()
        finally:
            finish(opened)
        return [payload for _, payload in seen.leaves("http.request")]

    return run
