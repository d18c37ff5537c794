"""WSGI: how long a request's own thread ran, where that is asked."""

from __future__ import annotations

import threading
import time
from typing import Any

from fanlight.recording.recorder import SWITCH
from fanlight.recording.wsgi import wsgi


def served(app: Any) -> None:
    """Do what a server does."""
    body = app({"REQUEST_METHOD": "GET"}, lambda *given: None)
    list(body)
    if hasattr(body, "close"):
        body.close()


def test_a_request_tells_the_cpu_time_of_its_own_thread(seen: Any) -> None:
    def busy(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        until_ns = time.thread_time_ns() + 20_000_000
        while time.thread_time_ns() < until_ns:
            pass
        return [b""]

    def idle(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        threading.Event().wait(0.05)
        return iter([b""])

    served(wsgi(busy))
    served(wsgi(idle))
    ran, waited = (trace.spent_ns for trace in seen)
    assert 20_000_000 <= ran <= seen[0].end_ns - seen[0].start_ns
    assert 0 <= waited < 20_000_000


def test_short_requests_are_not_asked_for_their_cpu_time(seen: Any) -> None:
    app = wsgi(lambda environ, start_response: start_response("200 OK", []) or [b""])
    for duration_ns in (2_000_000, 900_000):
        SWITCH.weigh([duration_ns, 1_000_000])
        served(app)
    SWITCH.weigh([])
    served(app)
    SWITCH.weigh([5_000, 5_000_000])
    served(app)
    assert [trace.spent_ns >= 0 for trace in seen] == [True, False, False, True]
