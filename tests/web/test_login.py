"""How a browser gets in, how our own commands do, and that nobody else does."""

from __future__ import annotations

import asyncio
import http.client
import logging

import pytest
from web_client import Browser, assert_armoured, fetched

from fanlight.web.app import create
from fanlight.web.gate import Gate

OWN = "http://127.0.0.1:7700"


def path_of(link: str) -> str:
    """Answer what a browser asks the server for; the link leads to the first of its names."""
    return "/" + link.split("/", 3)[3]


def test_the_cookie_is_strict_and_names_the_port(stranger):
    answer = stranger.login()
    assert answer.status == 303
    assert answer.header("location") == "/"
    (cookie,) = answer.all("set-cookie")
    name, *flags = [part.strip() for part in cookie.split(";")]
    assert name.startswith("fanlight_7700=")
    assert len(name.partition("=")[2]) == 43, "32 random bytes"
    assert {flag.lower() for flag in flags} == {"httponly", "path=/", "samesite=strict"}


def test_only_digests_of_secrets_are_kept(stranger, gate):
    link = gate.link()
    code = link.partition("code=")[2]
    stranger.login()
    secrets = (code, stranger.cookie.partition("=")[2])
    kept = repr(vars(gate)) + repr(vars(gate.keys))
    assert not [secret for secret in secrets if secret in kept]


def test_a_code_works_once(stranger, gate):
    address = path_of(gate.link())
    assert stranger.get(address).status == 303
    assert stranger.get(address).status == 401


def test_an_old_cookie_still_works_after_another_login(browser, gate):
    assert browser.get(path_of(gate.link())).status == 303
    assert browser.get("/").status == 200


def test_a_used_code_does_not_harm_who_is_in(browser, gate):
    address = path_of(gate.link())
    browser.get(address)
    answer = browser.get(address)
    assert answer.status == 401
    assert answer.header("set-cookie") is None
    assert browser.get("/").status == 200


PREFETCHES = [
    ("sec-purpose", "prefetch"),
    ("sec-purpose", "prefetch;prerender"),
    ("purpose", "prefetch"),
    ("x-moz", "prefetch"),
    ("purpose", "preview"),
]


@pytest.mark.parametrize("header", PREFETCHES)
def test_a_prefetch_does_not_use_the_code_up(stranger, gate, header):
    address = path_of(gate.link())
    answer = stranger.get(address, headers=[header])
    assert (answer.status, answer.header("set-cookie")) == (503, None)
    assert_armoured(answer)
    assert stranger.get(address).status == 303


def test_head_does_not_use_the_code_up(stranger, gate):
    address = path_of(gate.link())
    answer = stranger.ask("HEAD", address)
    assert (answer.status, answer.header("set-cookie")) == (204, None)
    assert stranger.get(address).status == 303


FOREIGN = fetched("cross-site", "navigate", "document")


def test_an_image_of_another_site_does_not_use_the_code_up(stranger, gate):
    address = path_of(gate.link())
    image = fetched("cross-site", "no-cors", "image")
    assert stranger.get(address, headers=image).status == 403
    assert stranger.get(address).status == 303


def test_a_link_on_another_page_is_followed_without_a_redirect(stranger, gate):
    """A redirect would count as the other page's doing, and the strict cookie would stay at home."""
    answer = stranger.get(path_of(gate.link()), headers=FOREIGN)
    assert answer.status == 200
    assert answer.header("refresh") == "0; url=/"
    assert answer.header("set-cookie").startswith("fanlight_7700=")
    assert_armoured(answer)


def test_the_closed_page_tells_how_to_open_it_and_echoes_nothing(stranger):
    answer = stranger.get("/?service=<b>echo</b>")
    assert answer.status == 401
    assert "run: fanlight open" in answer.text
    assert "echo" not in answer.text


def test_a_cookie_of_the_same_name_from_another_port_does_not_lock_out(browser):
    """Cookies ignore ports: any page on this machine can add one."""
    assert browser.get("/", cookie=f"fanlight_7700=planted; {browser.cookie}").status == 200


def test_our_own_socket_needs_neither_cookie_nor_name(stranger):
    ours = {"client": None, "server": ("/run/user/1/server.sock", None)}
    assert stranger.ask("GET", "/api/endpoints", host="anything", scope=ours).status == 200
    assert stranger.ask("GET", "/", scope=ours).status == 200


@pytest.mark.parametrize(
    "scope",
    [
        {"client": None},
        {"client": None, "server": None},
        {"client": None, "server": ("/tmp/other.sock", None)},
        {"client": ("", 0), "server": ("/run/user/1/server.sock", None)},
        {"client": None, "server": ("/run/user/1/server.sock", 7700)},
    ],
)
def test_nothing_else_is_taken_for_our_own_socket(stranger, scope):
    assert stranger.ask("GET", "/api/endpoints", scope=scope).status == 401
    assert stranger.ask("POST", "/api/link", [("origin", OWN)], scope=scope).status in (401, 403)


def test_a_gate_without_a_socket_has_no_owner(shop):

    assert not Gate("127.0.0.1:7700").owner({"client": None, "server": (None, None)})


def test_a_websocket_is_closed(app):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_gate_knows_when_it_was_last_asked(shop):

    now = [100.0]
    gate = Gate("127.0.0.1:7700", clock=lambda: now[0])
    browser = Browser(create(shop, gate), gate)
    browser.login()
    now[0] = 160.0
    browser.get("/", cookie="none")
    browser.get("/login?code=none")
    assert gate.asked_at == 100.0, "who is not let in does not keep the server up"
    browser.get("/api/alive")
    assert gate.asked_at == 160.0


def test_listening_everywhere_links_to_this_machine_and_lets_no_new_name_in():

    gate = Gate("0.0.0.0:7700")
    assert gate.link().startswith("http://127.0.0.1:7700/login?code=")
    assert gate.hosts == {b"127.0.0.1:7700", b"localhost:7700", b"[::1]:7700"}


def test_port_80_may_be_left_out():

    assert b"localhost" in Gate("127.0.0.1:80").hosts


def test_no_secret_reaches_a_log(serve, shop, caplog):

    caplog.set_level(logging.DEBUG)
    running = serve(shop)
    link = running.gate.link()
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", link.partition(str(running.port))[2])
    answer = connection.getresponse()
    answer.read()
    secrets = (link.partition("code=")[2], answer.headers["set-cookie"].partition("=")[2].partition(";")[0])
    connection.close()
    assert answer.status == 303
    assert not [
        record for record in caplog.records if any(secret in record.getMessage() for secret in secrets)
    ]
