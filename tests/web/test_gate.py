"""What a page in the operator's browser can try, as a table; every row is one request."""

from __future__ import annotations

import asyncio
import logging

import pytest

OWN = "http://127.0.0.1:7700"
PAGES = ("/", "/endpoint?service=shop&endpoint=POST+/checkout&segment=html", f"/trace/{1:032x}", "/status")
DATA = ("/api/endpoints", "/api/endpoint?service=shop&endpoint=POST+/checkout&segment=html", "/api/status")
WRONG = (
    "/nothing",
    "/?lst=1h",
    "/trace/zz",
    "/static/none.js",
    "/api/nothing",
    "/endpoint?service=x&endpoint=y",
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}

# what is tried | method | address | headers | options | status
CHECKS = [
    ("a page of ours is read", "GET", "/", [], {}, 200),
    ("localhost is ours", "GET", "/", [], {"host": "localhost:7700"}, 200),
    ("IPv6 loopback is ours", "GET", "/", [], {"host": "[::1]:7700"}, 200),
    ("a configured name is ours", "GET", "/", [], {"host": "fanlight.internal:7700"}, 200),
    ("a name's case does not matter", "GET", "/", [], {"host": "LOCALHOST:7700"}, 200),
    ("a name was rebound to us", "GET", "/", [], {"host": "evil.example:7700"}, 403),
    ("a rebound name asks for JSON", "GET", "/api/endpoints", [], {"host": "evil.example:7700"}, 403),
    ("a rebound name asks for a file", "GET", "/static/fanlight.css", [], {"host": "evil.example:7700"}, 403),
    ("a rebound name logs in", "GET", "/login?code=x", [], {"host": "evil.example:7700"}, 403),
    ("our name with a tail", "GET", "/", [], {"host": "127.0.0.1:7700.evil.example"}, 403),
    ("our name as a head", "GET", "/", [], {"host": "localhost.evil.example:7700"}, 403),
    ("our name with a dot", "GET", "/", [], {"host": "localhost.:7700"}, 403),
    ("another port", "GET", "/", [], {"host": "127.0.0.1:7701"}, 403),
    ("no port", "GET", "/", [], {"host": "127.0.0.1"}, 403),
    ("another loopback address", "GET", "/", [], {"host": "127.0.0.2:7700"}, 403),
    ("everyone's address", "GET", "/", [], {"host": "0.0.0.0:7700"}, 403),
    ("a user in the name", "GET", "/", [], {"host": "127.0.0.1:7700@evil.example"}, 403),
    ("an empty Host", "GET", "/", [("host", "")], {"host": ""}, 403),
    ("no Host", "GET", "/", [], {"host": ""}, 400),
    ("two Hosts", "GET", "/", [("host", "evil.example")], {}, 400),
    ("two Hosts, alike", "GET", "/", [("host", "127.0.0.1:7700")], {}, 400),
    ("an absolute target", "GET", "/", [], {"scope": {"path": "http://evil.example/"}}, 400),
    ("an authority target", "GET", "/", [], {"scope": {"path": "evil.example:80"}}, 400),
    ("X-Forwarded-Host means nothing", "GET", "/", [("x-forwarded-host", "localhost:7700")], {"host": "evil:7700"}, 403),
    ("a POST of another origin", "POST", "/", [("origin", "https://evil.example")], {}, 403),
    ("a POST without an origin", "POST", "/", [], {}, 403),
    ("a POST of a sandboxed frame", "POST", "/", [("origin", "null")], {}, 403),
    ("a POST of another port", "POST", "/", [("origin", "http://127.0.0.1:8000")], {}, 403),
    ("a POST of another scheme", "POST", "/", [("origin", "https://127.0.0.1:7700")], {}, 403),
    ("a POST of an origin like ours", "POST", "/", [("origin", OWN + ".evil.example")], {}, 403),
    ("a POST of two origins", "POST", "/", [("origin", OWN), ("origin", "http://evil.example")], {}, 403),
    ("a POST of another of our names", "POST", "/", [("origin", "http://localhost:7700")], {}, 403),
    ("a form posted to us", "POST", "/login", [("origin", "http://evil.example"), ("content-type", "text/plain")], {}, 403),
    ("our own POST where none is taken", "POST", "/", [("origin", OWN)], {}, 405),
    ("our own form posted to the login", "POST", "/login", [("origin", OWN)], {}, 405),
    ("a link asked over TCP", "POST", "/api/link", [("origin", OWN)], {}, 403),
    ("a link asked by GET", "GET", "/api/link", [], {}, 405),
    ("DELETE", "DELETE", "/", [("origin", OWN)], {}, 405),
    ("PUT", "PUT", "/api/link", [("origin", OWN)], {}, 405),
    ("PATCH", "PATCH", "/", [("origin", OWN)], {}, 405),
    ("OPTIONS, as before a cross-origin call", "OPTIONS", "/api/endpoints", [("origin", "http://evil.example")], {}, 405),
    ("TRACE", "TRACE", "/", [], {}, 405),
    ("CONNECT", "CONNECT", "/", [], {}, 405),
    ("an invented method", "FANLIGHT", "/", [], {}, 405),
    ("a method in small letters", "get", "/", [], {}, 405),
    ("a method override", "POST", "/", [("x-http-method-override", "GET")], {}, 403),
    ("HEAD reads as GET does", "HEAD", "/", [], {}, 200),
    ("a script tag of another site", "GET", "/api/endpoints", [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")], {}, 403),
    ("a fetch of a page on another port", "GET", "/api/endpoints", [("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")], {}, 403),
    ("an image of another site", "GET", "/static/fanlight.svg", [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")], {}, 403),
    ("a frame of another site", "GET", "/", [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], {}, 403),
    ("a link followed from another site", "GET", "/", [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], {}, 200),
    ("an address typed", "GET", "/", [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], {}, 200),
    ("no cookie for a page", "GET", "/", [], {"cookie": "a=b"}, 401),
    ("no cookie for JSON", "GET", "/api/endpoints", [], {"cookie": "a=b"}, 401),
    ("no cookie for a file", "GET", "/static/fanlight.css", [], {"cookie": "a=b"}, 401),
    ("no cookie for what is not there", "GET", "/nothing", [], {"cookie": "a=b"}, 401),
    ("an invented cookie", "GET", "/", [], {"cookie": "fanlight_7700=" + "A" * 43}, 401),
    ("an empty cookie", "GET", "/", [], {"cookie": "fanlight_7700="}, 401),
    ("a cookie that is no ASCII", "GET", "/", [("cookie", "fanlight_7700=\xff\xfe")], {"cookie": "a=b"}, 401),
    ("a code in place of a cookie", "GET", "/?code=x", [], {"cookie": "code=x"}, 401),
    ("up and out of the files", "GET", "/static/../app.py", [], {}, 404),
    ("up and out, encoded", "GET", "/static/..%2f..%2fapp.py", [], {}, 404),
    ("up and out, encoded twice", "GET", "/static/%252e%252e/app.py", [], {}, 404),
    ("an absolute file", "GET", "/static//etc/passwd", [], {}, 404),
    ("a file by its own name", "GET", "/static/fanlight.css", [], {}, 404),
    ("a NUL in a path", "GET", "/static/fanlight.css%00.js", [], {}, 404),
    ("another site behind two slashes", "GET", "//evil.example/", [], {}, 404),
    ("a slash too many", "GET", "/status/", [], {}, 404),
    ("a trace id that is a path", "GET", "/trace/..%2f..%2fetc", [], {}, 404),
    ("a body announced as huge", "POST", "/api/link", [("origin", OWN), ("content-length", "65537")], {}, 413),
    ("a body announced as nonsense", "POST", "/api/link", [("origin", OWN), ("content-length", "-1")], {}, 413),
    ("a body that lies about its length", "POST", "/api/link", [("origin", OWN), ("content-length", "1")], {"chunks": [b"x" * 40_000] * 2}, 413),
    ("a GET with a huge body", "GET", "/", [], {"chunks": [b"x" * 70_000]}, 413),
    ("a login without a code", "GET", "/login", [], {}, 401),
    ("a login with an invented code", "GET", "/login?code=" + "A" * 43, [], {}, 401),
    ("a login that names where to go", "GET", "/login?code=x&next=//evil.example", [], {}, 401),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "address", "headers", "options", "status"),
    [check[1:] for check in CHECKS],
    ids=[check[0] for check in CHECKS],
)
def test_a_browser_gets(browser, method, address, headers, options, status):
    answer = browser.ask(method, address, headers, **options)
    assert answer.status == status, answer.text
    assert_armoured(answer)
    if method == "HEAD":
        assert answer.body == b""


def assert_armoured(answer):
    for name, value in HEADERS.items():
        assert answer.all(name) == [value], name
    (policy,) = answer.all("content-security-policy")
    for part in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"):  # fmt: skip
        assert part in policy.split("; ")
    assert "unsafe" not in policy
    assert not [name for name, _ in answer.headers if name.startswith(b"access-control")], "no CORS, ever"
    assert answer.header("server") is None


@pytest.mark.parametrize("address", [*PAGES, *DATA, *WRONG, "/login", "/api/alive", f"/api/trace/{1:032x}"])
def test_every_answer_carries_every_header(browser, stranger, address):
    for one in (browser, stranger):
        assert_armoured(one.get(address))


def test_files_carry_every_header(browser):
    from fanlight.web.assets import assets

    for href in assets():
        answer = browser.get(href)
        assert answer.status == 200
        assert_armoured(answer)


def test_every_route_is_behind_the_gate(stranger):
    """A route that somebody adds is closed without its author's doing."""
    from fanlight.web.app import Site

    handlers = [name for name in vars(Site) if not name.startswith("__") and name != "read"]
    assert len(handlers) == 12, "add the new route's address here"
    addresses = [*PAGES, *DATA, f"/api/trace/{1:032x}", "/api/alive", "/static/x.css", "/api/link"]
    assert {stranger.get(address).status for address in addresses} == {401}


def test_a_failure_of_ours_is_armoured_and_says_nothing(ask_with, shop):
    class Broken(type(shop)):
        def endpoints(self, *_):
            raise ZeroDivisionError("secret-in-a-message")

    browser = ask_with(Broken())
    for address in ("/", "/api/endpoints"):
        answer = browser.get(address)
        assert answer.status == 500
        assert "secret" not in answer.text
        assert_armoured(answer)


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
    address = gate.link().removeprefix(OWN)
    assert stranger.get(address).status == 303
    assert stranger.get(address).status == 401


def test_an_old_cookie_still_works_after_another_login(browser, gate):
    assert browser.get(gate.link().removeprefix(OWN)).status == 303
    assert browser.get("/").status == 200


def test_a_used_code_does_not_harm_who_is_in(browser, gate):
    address = gate.link().removeprefix(OWN)
    browser.get(address)
    answer = browser.get(address)
    assert answer.status == 401
    assert answer.header("set-cookie") is None
    assert browser.get("/").status == 200


PREFETCHES = [("sec-purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch"), ("purpose", "preview")]  # fmt: skip


@pytest.mark.parametrize("header", PREFETCHES)
def test_a_prefetch_does_not_use_the_code_up(stranger, gate, header):
    address = gate.link().removeprefix(OWN)
    answer = stranger.get(address, headers=[header])
    assert (answer.status, answer.header("set-cookie")) == (503, None)
    assert_armoured(answer)
    assert stranger.get(address).status == 303


def test_head_does_not_use_the_code_up(stranger, gate):
    address = gate.link().removeprefix(OWN)
    answer = stranger.ask("HEAD", address)
    assert (answer.status, answer.header("set-cookie")) == (204, None)
    assert stranger.get(address).status == 303


FOREIGN = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]


def test_an_image_of_another_site_does_not_use_the_code_up(stranger, gate):
    address = gate.link().removeprefix(OWN)
    image = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")]
    assert stranger.get(address, headers=image).status == 403
    assert stranger.get(address).status == 303


def test_a_link_on_another_page_is_followed_without_a_redirect(stranger, gate):
    """A redirect would count as the other page's doing, and the strict cookie would stay at home."""
    answer = stranger.get(gate.link().removeprefix(OWN), headers=FOREIGN)
    assert answer.status == 200
    assert answer.header("refresh") == "0; url=/"
    assert answer.header("set-cookie").startswith("fanlight_7700=")
    assert_armoured(answer)


def test_the_closed_page_tells_how_to_open_it_and_echoes_nothing(stranger):
    answer = stranger.get("/?service=<b>echo</b>")
    assert answer.status == 401
    assert "run: fanlight open" in answer.text
    assert "echo" not in answer.text


def test_no_refusal_repeats_what_was_asked(browser):
    for _, method, address, headers, options, _ in CHECKS:
        answer = browser.ask(method, address + "#ec%68o", headers, **options)
        if not address.startswith("/api/"):
            assert "evil" not in answer.text


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
    from fanlight.web.gate import Gate

    assert not Gate("127.0.0.1:7700").owner({"client": None, "server": (None, None)})


def test_a_websocket_is_closed(app):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_the_gate_knows_when_it_was_last_asked(shop, browse):
    from fanlight.web.app import create
    from fanlight.web.gate import Gate

    now = [100.0]
    gate = Gate("127.0.0.1:7700", clock=lambda: now[0])
    browser = browse(create(shop, gate), gate)
    browser.login()
    now[0] = 160.0
    browser.get("/", cookie="none")
    browser.get("/login?code=none")
    assert gate.asked_at == 100.0, "who is not let in does not keep the server up"
    browser.get("/api/alive")
    assert gate.asked_at == 160.0


def test_listening_everywhere_links_to_this_machine_and_lets_no_new_name_in():
    from fanlight.web.gate import Gate

    gate = Gate("0.0.0.0:7700")
    assert gate.link().startswith("http://127.0.0.1:7700/login?code=")
    assert gate.hosts == {b"127.0.0.1:7700", b"localhost:7700", b"[::1]:7700"}


def test_port_80_may_be_left_out():
    from fanlight.web.gate import Gate

    assert b"localhost" in Gate("127.0.0.1:80").hosts


def test_no_secret_reaches_a_log(serve, shop, caplog):
    import http.client

    caplog.set_level(logging.DEBUG)
    running = serve(shop)
    link = running.gate.link()
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    connection.request("GET", link.partition(str(running.port))[2])
    answer = connection.getresponse()
    answer.read()
    secrets = (link.partition("code=")[2], answer.headers["set-cookie"].partition("=")[2].partition(";")[0])
    connection.close()
    assert answer.status == 303
    assert not [
        record for record in caplog.records if any(secret in record.getMessage() for secret in secrets)
    ]
