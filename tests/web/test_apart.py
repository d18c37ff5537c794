"""What takes long holds up nothing of another kind."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from urllib.parse import quote

import pytest
from web_shop import Shop

from fanlight.web.apart import QUERIES

ASKED = 60
"""More than all threads for queries and for pages together."""


class Stuck(Shop):
    """A shop whose queries do not end until they are let go."""

    def __init__(self):
        super().__init__(time.time_ns())
        self.begun = threading.Semaphore(0)
        self.free = threading.Event()

    def query(self, question):
        self.begun.release()
        assert self.free.wait(600)
        return super().query(question)


def status_of(path, address, patience_s=60):
    """Ask a server over its unix socket; answer the status of its answer."""
    connection = http.client.HTTPConnection("127.0.0.1")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(patience_s)
    connection.sock.connect(path)
    try:
        connection.request("GET", address)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.fixture
def stuck(serve):
    """A server with more slow queries than threads for them, and what they will have been answered."""
    shop = Stuck()
    running = serve(shop)
    answered = []

    def ask():
        answered.append(status_of(running.socket, f"/v1/query?last=1h&q={quote('duration:>1ms')}", 600))

    asking = [threading.Thread(target=ask) for _ in range(ASKED)]
    for thread in asking:
        thread.start()
    for _ in range(QUERIES):
        assert shop.begun.acquire(timeout=60)
    yield running.socket
    shop.free.set()
    for thread in asking:
        thread.join(60)
    assert answered == [200] * ASKED


@pytest.mark.parametrize("address", ["/status", "/api/status", "/", "/api/endpoints", "/servers"])
def test_pages_and_status_do_not_wait_behind_slow_queries(stuck, address):
    assert status_of(stuck, address) == 200, "the queries let go of nothing until this is answered"
