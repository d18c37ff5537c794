"""A browser at its worst, without a network, and a page taken apart."""

from __future__ import annotations

import asyncio
import json
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

VOID = {"meta", "link", "input", "br"}
HEADERS = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
INLINE = {"a", "b", "bdi", "span", "code", "kbd", "time"}


class Answer(NamedTuple):
    """What came back, as raw as it left."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def all(self, name):
        return [value.decode("latin-1") for key, value in self.headers if key == name.encode()]

    def header(self, name):
        found = self.all(name)
        return found[0] if found else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Browser:
    """Asks the application over ASGI with exactly the headers it is told: a browser at its worst."""

    def __init__(self, app, gate, host="127.0.0.1:7700"):
        self.app, self.gate, self.host = app, gate, host
        self.cookie = None

    def login(self):
        answer = self.get(urlsplit(self.gate.link())._replace(scheme="", netloc="").geturl())
        self.cookie = answer.header("set-cookie").partition(";")[0]
        return answer

    def get(self, address, **options):
        return self.ask("GET", address, **options)

    def ask(self, method, address, headers=(), *, host=None, body=b"", cookie=None, scope=None, chunks=None):
        path, _, query = address.partition("?")
        sent = [(b"host", (host or self.host).encode())] if host != "" else []
        cookie = self.cookie if cookie is None else cookie
        sent += [(b"cookie", cookie.encode())] if cookie else []
        sent += [(name.encode(), value.encode("latin-1")) for name, value in headers]
        whole = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": sent,
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 7700),
        } | (scope or {})
        return asyncio.run(self.run(whole, chunks if chunks is not None else [body]))

    async def run(self, scope, chunks):
        waiting = [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
            for number, chunk in enumerate(chunks)
        ]
        sent: list[dict[str, Any]] = []

        async def receive():
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        try:
            await self.app(scope, receive, send)
        except ZeroDivisionError:
            assert sent, "a failure of ours is answered before it is logged"
        body = b"".join(
            message.get("body", b"") for message in sent if message["type"] == "http.response.body"
        )
        return Answer(sent[0]["status"], sent[0]["headers"], body)


class Page(HTMLParser):
    """A page taken apart: its text, links, tags, and whether every tag was closed."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.wrong, self.links, self.tags, self.text = [], [], [], [], ""
        self.feed(html)
        self.close()
        self.words = " ".join(self.text.split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.text += " " * (tag not in INLINE)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.text += " " * (tag not in INLINE)
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text += data


def assert_armoured(answer):
    for name, value in HEADERS.items():
        assert answer.all(name) == [value], name
    (policy,) = answer.all("content-security-policy")
    for part in (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ):
        assert part in policy.split("; ")
    assert "unsafe" not in policy
    assert not [name for name, _ in answer.headers if name.startswith(b"access-control")], "no CORS, ever"
    assert answer.header("server") is None


def fetched(site, mode, dest):
    """Answer what a browser says of why it asks."""
    return [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]
