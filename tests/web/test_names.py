"""Names that a server answers to besides loopback, and who may write from them."""

from __future__ import annotations

import socket
import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from web_client import Browser

from fanlight.errors import ConfigError
from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening
from fanlight.web.names import literal, origins

SECURE = "https://fanlight.example.com"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("fanlight.internal", {"fanlight.internal:7700": "http://fanlight.internal:7700"}),
        ("Fanlight.Internal:80", {"fanlight.internal:80": "http://fanlight.internal"}),
        (SECURE, {"fanlight.example.com": SECURE, "fanlight.example.com:443": SECURE}),
        ("https://fan.example:8443", {"fan.example:8443": "https://fan.example:8443"}),
        ("http://fan.example", {"fan.example": "http://fan.example", "fan.example:80": "http://fan.example"}),
        ("[fd00::1]:7700", {"[fd00::1]:7700": "http://[fd00::1]:7700"}),
    ],
)
def test_a_name_is_the_host_and_the_origin_that_a_browser_sends(name, found):
    assert found.items() <= origins([name], "7700").items()


@pytest.mark.parametrize(
    "name", ["", "*", "*.example.com", "a b", "ftp://x", "https://x/", "x:y", "x:7700/path", "a@b", ".", "x."]
)
def test_what_is_no_exact_name_is_refused_and_told(name):
    with pytest.raises(ConfigError, match="expected NAME, NAME:PORT or https://NAME"):
        origins([name], "7700")


@pytest.fixture
def proxied(shop):
    """A browser that comes through a proxy with TLS."""
    gate = Gate("127.0.0.1:7700", names=[SECURE])
    return Browser(create(shop, gate), gate, host="fanlight.example.com")


def test_behind_a_proxy_with_tls_links_and_cookies_are_for_its_name(proxied):
    assert proxied.gate.link().startswith(f"{SECURE}/login?code=")
    cookie = proxied.login().header("set-cookie").lower()
    assert "; secure" in cookie
    assert "; httponly" in cookie
    assert proxied.get("/").status == 200


def test_at_home_the_cookie_needs_no_tls(proxied):
    proxied.host = "127.0.0.1:7700"
    assert "secure" not in proxied.login().header("set-cookie").lower()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (SECURE, 405),  # let through to where nothing is taken
        ("http://fanlight.example.com", 403),
        ("https://evil.example", 403),
        ("https://127.0.0.1:7700", 403),
    ],
)
def test_a_write_needs_the_origin_of_that_very_name(proxied, origin, status):
    proxied.login()
    assert proxied.ask("POST", "/", [("origin", origin)]).status == status


@pytest.mark.parametrize(
    ("listens", "host", "server", "status"),
    [
        ("0.0.0.0:7700", "10.1.2.3:7700", ("10.1.2.3", 7700), 401),
        ("[::]:7700", "10.1.2.3:7700", ("::ffff:10.1.2.3", 7700), 401),
        ("[::]:7700", "[fd00::1]:7700", ("fd00::1", 7700), 401),
        ("0.0.0.0:7700", "10.1.2.4:7700", ("10.1.2.3", 7700), 403),
        ("0.0.0.0:7700", "10.1.2.3", ("10.1.2.3", 7700), 403),
        ("0.0.0.0:7700", "evil.example:7700", ("10.1.2.3", 7700), 403),
        ("127.0.0.1:7700", "10.1.2.3:7700", ("10.1.2.3", 7700), 403),
    ],
)
def test_other_machines_may_type_the_address_they_reach_and_still_need_a_link(
    shop, listens, host, server, status
):
    gate = Gate(listens)
    browser = Browser(create(shop, gate), gate, host=host)
    assert browser.ask("GET", "/", scope={"server": server}, cookie="none").status == status


def test_a_real_connection_knows_the_address_it_came_in_at(shop):
    listener = socket.create_server(("127.0.0.2", 0))
    port = listener.getsockname()[1]
    gate = Gate(f"0.0.0.0:{port}")
    listening = Listening(create(shop, gate), [listener])
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    try:
        assert ask(port, f"127.0.0.2:{port}", "/") == 401
        assert ask(port, f"127.0.0.3:{port}", "/") == 403
        code = urlsplit(gate.link())
        assert ask(port, f"127.0.0.2:{port}", f"/login?{code.query}") == 303
    finally:
        listening.stop()
        thread.join(60)


def ask(port, host, path):
    deadline = time.monotonic() + 60
    while True:
        connection = HTTPConnection("127.0.0.2", port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": host})
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
        finally:
            connection.close()


def test_a_unix_socket_has_no_address_to_type():
    assert literal(("/run/server.sock", None)) == literal(None) == ""
