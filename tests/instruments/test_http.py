"""Calls to other services: one leaf each, by method and host, whichever library makes them."""

from __future__ import annotations

import http.client
import socket
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest
import requests
import urllib3

from fanlight.recording.clock import clock


def test_urllib_is_seen_without_path_and_query(host: str, calls: Any) -> None:
    def work() -> None:
        with urllib.request.urlopen(f"http://{host}/hunter2?token=hunter2") as response:
            assert response.read() == b"ok"

    assert calls(work) == [("GET", host, 200, "")]


def test_urllib3_is_seen_once_on_a_connection_kept_alive(host: str, calls: Any) -> None:
    def work() -> None:
        with urllib3.PoolManager() as pool:
            assert pool.request("GET", f"http://{host}/a").data == b"ok"
            assert pool.request("POST", f"http://{host}/b").data == b"ok"

    assert calls(work) == [("GET", host, 200, ""), ("POST", host, 200, "")]


def test_a_connection_that_is_not_kept_alive_has_its_status(host: str, calls: Any) -> None:
    def work() -> None:
        connection = http.client.HTTPConnection(host)
        connection.request("GET", "/bye")
        assert connection.getresponse().read() == b"ok"

    assert calls(work) == [("GET", host, 200, "")]


def test_an_error_status_is_raised_as_ever(host: str, calls: Any) -> None:
    def work() -> None:
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"http://{host}/missing")
        raised.value.close()

    assert calls(work) == [("GET", host, 404, "")]


def test_a_refused_connection_is_a_failed_call(calls: Any) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"

        def work() -> None:
            with pytest.raises(urllib.error.URLError):
                urllib.request.urlopen(f"http://{address}/", timeout=120)

        assert calls(work) == [("GET", address, 0, "no response")]


def test_a_connection_that_is_cut_is_a_failed_call(calls: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"

        def hang_up() -> None:
            peer, _ = server.accept()
            peer.recv(1000)
            peer.close()

        thread = threading.Thread(target=hang_up)
        thread.start()

        def work() -> None:
            connection = http.client.HTTPConnection(address, timeout=120)
            connection.request("GET", "/")
            with pytest.raises(ConnectionError):
                connection.getresponse()
            connection.close()

        assert calls(work) == [("GET", address, 0, "RemoteDisconnected")]
        thread.join()


def test_a_proxys_call_is_named_by_the_host_it_is_for(host: str, calls: Any) -> None:
    def work() -> None:
        connection = http.client.HTTPConnection(host)
        connection.request("GET", "http://u:hunter2@shop.example:81/path?q=1")
        connection.getresponse().read()
        connection.close()

    assert calls(work) == [("GET", "shop.example:81", 200, "")]


def test_a_tunnels_call_is_named_by_the_host_it_is_for() -> None:
    from fanlight.recording.outgoing import target

    connection = http.client.HTTPConnection("proxy", 3128)
    connection.set_tunnel("shop.example", 443)
    assert target(connection, "/path") == "shop.example"


def test_requests_is_seen_once_and_every_redirect_by_itself(host: str, calls: Any) -> None:
    def work() -> None:
        with requests.Session() as session:
            assert session.get(f"http://{host}/hunter2", params={"token": "hunter2"}).text == "ok"
            assert session.get(f"http://{host}/moved/once").status_code == 200

    assert calls(work) == [("GET", host, 200, ""), ("GET", host, 302, ""), ("GET", host, 200, "")]


def test_every_retry_is_a_call_of_its_own(host: str, calls: Any) -> None:
    def work() -> None:
        retry = urllib3.Retry(2, status_forcelist=[503], backoff_factor=0, raise_on_status=False)
        with urllib3.PoolManager(retries=retry) as pool:
            assert pool.request("GET", f"http://{host}/busy").status == 503

    assert calls(work) == [("GET", host, 503, "")] * 3


def test_a_connection_that_fails_before_its_request_is_one_failed_call(host: str, calls: Any) -> None:
    """The server speaks no TLS."""

    def work() -> None:
        retry, failed = urllib3.Retry(1, backoff_factor=0), urllib3.exceptions.MaxRetryError
        with urllib3.PoolManager(retries=retry) as pool, pytest.raises(failed):
            pool.request("GET", f"https://{host}/hunter2")

    found = calls(work)
    assert [call[:3] for call in found] == [("GET", host, 0)] * 2
    assert all("SSLError" in call[3] for call in found)


def test_the_time_to_connect_belongs_to_the_call(calls: Any, seen: Any, host: str) -> None:
    order: list[int] = []

    class Slow(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            order.append(clock())
            super().connect()

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Slow

        def _validate_conn(self, conn: Any) -> None:
            conn.connect()  # as one with TLS does

    address, _, port = host.partition(":")

    def work() -> None:
        with Pool(address, int(port)) as pool:
            assert pool.request("GET", "/").status == 200

    assert calls(work) == [("GET", host, 200, "")]
    [(start_ns, *_)] = [event for event in seen[0].records[0][0] if len(event) == 5]
    assert start_ns < order[0]


def test_outside_of_a_trace_nothing_is_recorded(host: str, seen: Any) -> None:
    urllib.request.urlopen(f"http://{host}/").close()
    assert not seen
