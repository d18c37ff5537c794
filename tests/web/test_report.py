"""The door for reports lets in whoever has the token, and nothing but reports."""

from __future__ import annotations

import gzip
import hashlib

import pytest
from web_client import Browser

from fanlight.errors import WireError
from fanlight.web.app import create
from fanlight.wire.report import BODY_MAX, CONTENT_TYPE, REPORT_MAX

TOKEN = "a-token-of-some-length"


class Taken:
    """Takes every report."""

    def __init__(self):
        self.reports = []
        self.error = None

    def take(self, data, told_ns=None):
        if self.error is not None:
            raise self.error
        self.reports.append((data, told_ns))
        return len(self.reports)


@pytest.fixture
def inbox():
    return Taken()


@pytest.fixture
def post(shop, gate, inbox):
    gate.report_digest = hashlib.sha256(TOKEN.encode()).digest()
    door = Browser(create(shop, gate, inbox=inbox), gate)

    def post(body=b"report", *, token=TOKEN, kind=CONTENT_TYPE, more=(), **options):
        headers = [("authorization", f"Bearer {token}")] if token is not None else []
        return door.ask("POST", "/v1/report", [*headers, ("content-type", kind), *more], body=body, **options)

    return post


def code(answer):
    return answer.status, answer.json["error"]["code"]


def test_a_report_is_taken_gzipped_or_not(post, inbox):
    answer = post()
    assert (answer.status, answer.json) == (200, {"sequence": 1})
    assert post(gzip.compress(b"more"), more=[("content-encoding", "gzip")]).json == {"sequence": 2}
    assert [data for data, _ in inbox.reports] == [b"report", b"more"]


def test_the_clock_of_the_sender_is_handed_on_when_it_is_one(post, inbox):
    for text in ("1700000000000000000", "-5", "soon", "9" * 40):
        post(more=[("fanlight-clock", text)])
    assert [told for _, told in inbox.reports] == [1700000000000000000, None, None, None]


@pytest.mark.parametrize("token", [None, "", "another", TOKEN + "x", TOKEN[:-1]])
def test_without_the_token_nobody_gets_in(post, inbox, token):
    answer = post(token=token)
    assert code(answer) == (401, "token")
    assert answer.header("www-authenticate") == 'Bearer realm="fanlight"'
    assert TOKEN not in answer.text
    assert not inbox.reports


def test_a_server_without_a_token_takes_none(post, gate, inbox):
    gate.report_digest = b""
    assert code(post(token="")) == (401, "token")
    assert not inbox.reports


def test_a_cookie_opens_the_page_and_not_this_door(post, gate, inbox, browser):
    assert code(post(token=None, cookie=browser.cookie)) == (403, "browser")
    assert code(post(cookie=browser.cookie)) == (403, "browser")
    assert not inbox.reports


@pytest.mark.parametrize(
    "header",
    [("origin", "http://127.0.0.1:7700"), ("origin", "null"), ("sec-fetch-site", "same-origin")],
)
def test_a_page_may_not_report(post, inbox, header):
    assert code(post(more=[header])) == (403, "browser")
    assert not inbox.reports


def test_a_rebound_name_is_refused_before_the_token_is_looked_at(post):
    assert code(post(host="evil.example:7700", token=None)) == (403, "host")


def test_the_token_opens_nothing_else(shop, gate, post):
    post()
    door = Browser(create(shop, gate), gate)
    assert door.get("/api/status", headers=[("authorization", f"Bearer {TOKEN}")]).status == 401


def test_reports_are_only_posted(post, shop, gate, inbox):
    door = Browser(create(shop, gate, inbox=inbox), gate)
    answer = door.get("/v1/report", headers=[("authorization", f"Bearer {TOKEN}")])
    assert code(answer) == (405, "method")


def test_another_type_or_encoding_is_refused(post, inbox):
    assert code(post(kind="text/plain")) == (415, "type")
    assert code(post(more=[("content-encoding", "br")])) == (415, "encoding")
    assert not inbox.reports


def test_a_body_over_the_cap_is_refused_by_its_length_and_by_its_bytes(post, inbox):
    assert code(post(b"", more=[("content-length", str(BODY_MAX + 1))])) == (413, "body")
    assert code(post(bytes(BODY_MAX + 1))) == (413, "body")
    assert not inbox.reports


def test_a_bomb_is_refused_before_it_is_unpacked(post, inbox):
    bomb = gzip.compress(bytes(REPORT_MAX + 1))
    assert len(bomb) < 100_000
    assert code(post(bomb, more=[("content-encoding", "gzip")])) == (413, "size")
    assert not inbox.reports


@pytest.mark.parametrize(
    "body",
    [b"", b"garbage", gzip.compress(b"x" * 999)[:-9], gzip.compress(b"x") + b"behind"],
    ids=["empty", "garbage", "cut off", "more behind"],
)
def test_what_is_not_gzipped_is_refused(post, inbox, body):
    assert code(post(body, more=[("content-encoding", "gzip")])) == (400, "report")
    assert not inbox.reports


def test_garbage_is_refused_with_what_is_wrong_about_it(post, inbox):
    inbox.error = WireError("a record is cut off")
    answer = post()
    assert code(answer) == (400, "report")
    assert "a record is cut off" in answer.json["error"]["message"]


def test_a_disk_that_fails_asks_to_come_again(post, inbox):
    inbox.error = OSError(28, "No space left on device", "/secret/path")
    answer = post()
    assert code(answer) == (503, "room")
    assert answer.header("retry-after") == "5"
    assert "/secret" not in answer.text


def test_the_owner_may_report_over_the_socket_of_our_own_commands(post, gate, inbox):
    scope = {"client": None, "server": (gate.socket, None)}
    assert post(token=None, scope=scope).status == 200
    assert inbox.reports
