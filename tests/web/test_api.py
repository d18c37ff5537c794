"""The JSON answers, and the link that only the owner gets."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

OWN = "http://127.0.0.1:7700"
CHECKOUT = "/api/endpoint?service=shop&endpoint=POST+/checkout&segment=html"
NOW = 1_790_000_000 * 1_000_000_000
HOUR = 3600 * 1_000_000_000


def test_endpoints_are_a_bare_list(browser):
    answer = browser.get("/api/endpoints")
    assert answer.header("content-type") == "application/json"
    rows = answer.json
    assert isinstance(rows, list)
    wanted = {
        "service",
        "endpoint",
        "segment",
        "count",
        "errors",
        "rpm",
        "p50",
        "p95",
        "p99",
        "pain",
        "findings",
    }
    assert wanted <= rows[0].keys()
    assert all(type(rows[0][name]) is int for name in ("count", "errors", "p50", "p95", "p99"))
    assert rows[0]["findings"][0]["location"] == "shop/cart.py:88"


def test_the_same_parameters_as_on_the_page(browser, shop):
    rows = browser.get("/api/endpoints?service=mail&last=15m").json
    assert [row["endpoint"] for row in rows] == ["POST /send"]
    assert shop.asked[-1] == ("endpoints", NOW - HOUR // 4, NOW, "mail")
    assert browser.get("/api/endpoints?sort=p50").json[0]["endpoint"] == "GET /export.csv"


def test_an_endpoint_comes_with_its_tree(browser, shop):
    found = browser.get(CHECKOUT + "&octaves=28,29").json
    assert {"timeline", "histogram", "tree", "samples", "p50", "findings"} <= found.keys()
    assert shop.asked[-1][-1] == [28, 29]


def test_a_trace_comes_with_its_spans(browser):
    assert len(browser.get(f"/api/trace/{1:032x}").json["spans"]) == 48


def test_status_is_what_the_server_says(browser, shop):
    assert browser.get("/api/status").json == shop.status()


def test_hostile_names_arrive_unchanged(browser):
    names = [row["endpoint"] for row in browser.get("/api/endpoints").json]
    assert '<script>alert(1)</script><img src=x onerror="alert(2)">' in names


@pytest.mark.parametrize(
    ("query", "parameter", "found", "nearest"),
    [
        ("lst=15m", "lst", "15m", "last"),
        ("servce=shop", "servce", "shop", "service"),
        ("utterly=1", "utterly", "1", None),
        ("last=15", "last", "15", "15m"),
        ("last=1fortnight", "last", "1fortnight", None),
        ("last=0s", "last", "0s", None),
        ("last=9999999d", "last", "9999999d", None),
        ("last=1h&last=2h", "last", "2h", None),
        ("last=1h&from=2026-01-01", "last", "1h", None),
        ("from=yesterday", "from", "yesterday", None),
        ("from=2026-13-01T00:00:00Z", "from", "2026-13-01T00:00:00Z", None),
        ("from=1790000001", "from", "1790000001", None),
        ("from=1", "from", "1", None),
        ("sort=errros", "sort", "errros", "errors"),
        ("order=up", "order", "up", None),
    ],
)
def test_a_wrong_parameter_is_named_with_what_was_found_and_the_nearest(
    browser, query, parameter, found, nearest
):
    answer = browser.get(f"/api/endpoints?{query}")
    assert answer.status == 400
    error = answer.json["error"]
    assert error["code"] == "parameter"
    assert error["parameter"] == parameter
    assert error["found"] == found
    if nearest or query == "utterly=1":
        assert error.get("nearest") == nearest
    assert parameter in error["message"]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "service=shop",
        "endpoint=x",
        "service=shop&endpoint=x&octaves=a",
        "service=shop&endpoint=x&octaves=65",
    ],
)
def test_an_endpoint_wants_its_names(browser, query):
    assert browser.get(f"/api/endpoint?{query}").status == 400


def test_what_is_not_there_is_404_in_json(browser):
    for address in (
        "/api/endpoint?service=x&endpoint=y",
        f"/api/trace/{9:032x}",
        "/api/trace/XYZ",
        "/api/nothing",
    ):
        answer = browser.get(address)
        assert answer.status == 404
        assert answer.json["error"]["message"]


def test_a_long_found_value_is_cut(browser):
    assert len(browser.get("/api/endpoints?last=" + "9" * 5000).body) < 1000


class OverSocket(http.client.HTTPConnection):
    """HTTP over a unix socket, as our own commands speak it."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def post(path, address, body=None, headers=()):
    connection = OverSocket(path)
    connection.request("POST", address, body, dict(headers))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def test_the_owner_gets_a_link_that_lets_a_browser_in(serve, shop):
    running = serve(shop)
    status, document = post(running.socket, "/api/link")
    assert status == 200
    own = f"http://127.0.0.1:{running.port}"
    assert document["url"].startswith(f"{own}/login?code=")
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    connection.request("GET", document["url"].removeprefix(own))
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    assert cookie.startswith(f"fanlight_{running.port}=")
    connection.request("GET", "/api/endpoints", headers={"cookie": cookie})
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(json.loads(answer.read())) == 12
    assert answer.headers["server"] is None
    connection.close()


def test_a_link_for_run_lives_longer_than_one_for_open(serve, shop):
    running = serve(shop)
    for what, lifetime in (("run", None), ("open", 60)):
        assert (
            post(running.socket, f"/api/link?for={what}", b"{}", {"content-type": "application/json"})[0]
            == 200
        )
        (expires,) = running.gate.keys.codes.values()
        assert (expires is None) == (lifetime is None)
        running.gate.keys.codes.clear()


def test_a_link_wants_json_and_known_words(serve, shop):
    running = serve(shop)
    assert post(running.socket, "/api/link", b"x=1", {"content-type": "text/plain"})[0] == 415
    status, document = post(running.socket, "/api/link?for=opne")
    assert (status, document["error"]["nearest"]) == (400, "open")
    status, document = post(running.socket, "/api/link?fro=open")
    assert (status, document["error"]["nearest"]) == (400, "for")


def raw(port, text):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(text)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(
    "request_line",
    [
        "GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example",
        "GET / HTTP/1.1",
        "GET / HTTP/1.0",
        "GET / HTTP/1.1\r\nHost: evil.example:{port}",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Forwarded-For: ",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade",
        "CONNECT evil.example:80 HTTP/1.1\r\nHost: 127.0.0.1:{port}",
        "GET /\x00 HTTP/1.1\r\nHost: 127.0.0.1:{port}",
    ],
)
def test_a_crooked_request_is_refused_on_a_real_socket(serve, shop, request_line):
    running = serve(shop)
    text = request_line.format(port=running.port)
    close = "" if "Upgrade" in text else "\r\nConnection: close"
    answer = raw(running.port, f"{text}{close}\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] in (b"400", b"401", b"403", b"405"), answer[:200]
    assert b"POST /checkout" not in answer
