"""What a page in the operator's browser can try, as a table; every row is one request."""

from __future__ import annotations

import pytest
from web_client import assert_armoured, fetched

OWN = "http://127.0.0.1:7700"
PAGES = (
    "/",
    "/endpoint?service=shop&endpoint=POST+/checkout&segment=html",
    f"/trace/{1:032x}",
    "/explore",
    "/servers",
    "/status",
)
DATA = ("/api/endpoints", "/api/endpoint?service=shop&endpoint=POST+/checkout&segment=html", "/api/status")
WRONG = (
    "/nothing",
    "/?lst=1h",
    "/trace/zz",
    "/static/none.js",
    "/api/nothing",
    "/endpoint?service=x&endpoint=y",
)


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
    (
        "X-Forwarded-Host means nothing",
        "GET",
        "/",
        [("x-forwarded-host", "localhost:7700")],
        {"host": "evil:7700"},
        403,
    ),
    ("a POST of another origin", "POST", "/", [("origin", "https://evil.example")], {}, 403),
    ("a POST without an origin", "POST", "/", [], {}, 403),
    ("a POST of a sandboxed frame", "POST", "/", [("origin", "null")], {}, 403),
    ("a POST of another port", "POST", "/", [("origin", "http://127.0.0.1:8000")], {}, 403),
    ("a POST of another scheme", "POST", "/", [("origin", "https://127.0.0.1:7700")], {}, 403),
    ("a POST of an origin like ours", "POST", "/", [("origin", OWN + ".evil.example")], {}, 403),
    ("a POST of two origins", "POST", "/", [("origin", OWN), ("origin", "http://evil.example")], {}, 403),
    ("a POST of another of our names", "POST", "/", [("origin", "http://localhost:7700")], {}, 403),
    (
        "a form posted to us",
        "POST",
        "/login",
        [("origin", "http://evil.example"), ("content-type", "text/plain")],
        {},
        403,
    ),
    ("our own POST where none is taken", "POST", "/", [("origin", OWN)], {}, 405),
    ("our own form posted to the login", "POST", "/login", [("origin", OWN)], {}, 405),
    ("a link asked over TCP", "POST", "/api/link", [("origin", OWN)], {}, 403),
    ("a link asked by GET", "GET", "/api/link", [], {}, 405),
    ("DELETE", "DELETE", "/", [("origin", OWN)], {}, 405),
    ("PUT", "PUT", "/api/link", [("origin", OWN)], {}, 405),
    ("PATCH", "PATCH", "/", [("origin", OWN)], {}, 405),
    (
        "OPTIONS, as before a cross-origin call",
        "OPTIONS",
        "/api/endpoints",
        [("origin", "http://evil.example")],
        {},
        405,
    ),
    ("TRACE", "TRACE", "/", [], {}, 405),
    ("CONNECT", "CONNECT", "/", [], {}, 405),
    ("an invented method", "FANLIGHT", "/", [], {}, 405),
    ("a method in small letters", "get", "/", [], {}, 405),
    ("a method override", "POST", "/", [("x-http-method-override", "GET")], {}, 403),
    ("HEAD reads as GET does", "HEAD", "/", [], {}, 200),
    (
        "a script tag of another site",
        "GET",
        "/api/endpoints",
        fetched("cross-site", "no-cors", "script"),
        {},
        403,
    ),
    (
        "a fetch of a page on another port",
        "GET",
        "/api/endpoints",
        fetched("same-site", "cors", "empty"),
        {},
        403,
    ),
    (
        "an image of another site",
        "GET",
        "/static/fanlight.svg",
        fetched("cross-site", "no-cors", "image"),
        {},
        403,
    ),
    ("a frame of another site", "GET", "/", fetched("cross-site", "navigate", "iframe"), {}, 403),
    ("a link followed from another site", "GET", "/", fetched("cross-site", "navigate", "document"), {}, 200),
    ("an address typed", "GET", "/", fetched("none", "navigate", "document"), {}, 200),
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
    (
        "a body announced as huge",
        "POST",
        "/api/link",
        [("origin", OWN), ("content-length", "65537")],
        {},
        413,
    ),
    (
        "a body announced as nonsense",
        "POST",
        "/api/link",
        [("origin", OWN), ("content-length", "-1")],
        {},
        413,
    ),
    (
        "a body that lies about its length",
        "POST",
        "/api/link",
        [("origin", OWN), ("content-length", "1")],
        {"chunks": [b"x" * 40_000] * 2},
        413,
    ),
    ("a GET with a huge body", "GET", "/", [], {"chunks": [b"x" * 70_000]}, 413),
    ("a login without a code", "GET", "/login", [], {}, 401),
    ("a login with an invented code", "GET", "/login?code=" + "A" * 43, [], {}, 401),
    ("a login that names where to go", "GET", "/login?code=x&next=//evil.example", [], {}, 401),
]


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

    handlers = [
        name
        for name in vars(Site)
        if not name.startswith("__") and name not in ("of", "read", "shown", "explored")
    ]
    assert len(handlers) == 22, "add the new route's address here"
    addresses = [
        *PAGES,
        *DATA,
        "/explore/whole",
        "/v1/query",
        f"/api/trace/{1:032x}",
        "/api/alive",
        "/api/link",
        "/api/overview",
        "/api/servers",
        "/api/compare",
    ]
    addresses += ["/api/complete", "/static/x.css"]
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


def test_no_refusal_repeats_what_was_asked(browser):
    for _, method, address, headers, options, _ in CHECKS:
        answer = browser.ask(method, address + "#ec%68o", headers, **options)
        if not address.startswith("/api/"):
            assert "evil" not in answer.text
