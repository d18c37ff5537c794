"""The load generator against small servers of this test."""

import threading
import time
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fanlight.demo import load


class Shop(BaseHTTPRequestHandler):
    """Answers as the shop does, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.rstrip("0123456789")
        self.server.seen.append((self.command, path))
        if len(self.server.seen) >= self.server.enough:
            self.server.stop.set()
        status = {"/checkout": 303, "/broken": 500}.get(path, 200)
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = answer  # noqa: N815 http.server calls them by these names

    def log_message(self, *_):
        pass


@pytest.fixture
def shop():
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.daemon_threads = True
        server.seen, server.enough, server.stop = [], 24, threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_every_request_sent_is_in_the_tally_under_its_endpoint(shop):
    first = load.probe(shop.server_port)
    tally = load.drive(shop.server_port, shop.stop, rate_per_s=400.0)
    assert first.sent == {"GET /": 1}
    assert first.sent.total() + tally.sent.total() == len(shop.seen)
    for step in load.MIX:
        method, path = step.endpoint.split(" ")[0], step.path.removesuffix("{n}")
        seen = shop.seen.count((method, path))
        assert tally.sent[step.endpoint] + first.sent[step.endpoint] == seen


def test_the_mix_is_even(shop):
    shop.enough = 96
    tally = load.drive(shop.server_port, shop.stop, rate_per_s=400.0)
    assert set(tally.sent) == {step.endpoint for step in load.MIX}
    assert max(tally.sent.values()) <= 3 * min(tally.sent.values())


def test_the_rate_is_bounded(shop):
    shop.enough = 10**9
    threading.Timer(0.5, shop.stop.set).start()
    began_s = time.monotonic()
    tally = load.drive(shop.server_port, shop.stop)
    # So many a second, and what each customer had begun.
    most = (time.monotonic() - began_s) * load.RATE_PER_S + load.CUSTOMERS
    assert 1 <= tally.sent.total() <= most


def test_a_request_without_an_answer_is_a_surprise_and_not_sent():
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        port = server.server_port
    tally = load.probe(port)
    assert not tally.sent
    assert tally.surprises == {"GET /: ConnectionRefusedError": 1}


def test_an_unexpected_status_is_counted_and_told(shop):
    tally = load.Tally(Counter(), Counter())
    with closing(HTTPConnection("127.0.0.1", shop.server_port)) as connection:
        load.ask(connection, load.Step("GET /broken", "/broken", 200), 1, tally)
    assert tally.sent == {"GET /broken": 1}
    assert tally.surprises == {"GET /broken: status 500": 1}
