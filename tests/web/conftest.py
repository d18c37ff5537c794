"""The shop, browsers in front of it, and a real server on a loopback port."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from fanlight.server import comparing
from fanlight.server.traced import kin
from fanlight.web import seen
from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening
from fanlight.web.pages import explore, newest

# The commit builder is the stores' own.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "stores")]

from web_client import Browser, Page  # noqa: E402 - found through the path above
from web_shop import NOW, Shop  # noqa: E402 - likewise

CHROMIUM = "/usr/bin/chromium"
PATIENCES = {
    comparing: ("PATIENCE_S",),
    explore: ("PATIENCE_S", "VOLUME_S"),
    newest: ("FURTHER_S",),
    kin: ("PATIENCE_S",),
    seen: ("PATIENCE_S",),
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """Let what is asked of the store in memory take as long as it does."""
    for module, names in PATIENCES.items():
        for name in names:
            monkeypatch.setattr(module, name, 600.0)


@pytest.fixture
def shop():
    return Shop()


@pytest.fixture
def gate():
    return Gate("127.0.0.1:7700", names=("fanlight.internal:7700",), socket="/run/user/1/server.sock")


@pytest.fixture
def app(shop, gate):
    return create(shop, gate, clock=lambda: NOW)


@pytest.fixture
def stranger(app, gate):
    return Browser(app, gate)


@pytest.fixture
def browser(app, gate):
    known = Browser(app, gate)
    known.login()
    return known


@pytest.fixture
def ask_with(gate):
    """Answer a logged-in browser in front of other answers."""

    def ask(answers):
        known = Browser(create(answers, gate, clock=lambda: NOW), gate)
        known.login()
        return known

    return ask


@pytest.fixture
def look(browser):
    """Open an address that must be there, and take its page apart."""

    def look(address):
        answer = browser.get(address)
        assert answer.status == 200, answer.text
        return Page(answer.text)

    return look


class Running(NamedTuple):
    """A real server on a loopback port and a unix socket."""

    port: int
    socket: str
    gate: Gate


@pytest.fixture
def serve(tmp_path):
    """Start real servers in threads of this process; they end with the test."""
    started: list[tuple[Listening, threading.Thread]] = []

    def start(answers, clock=time.time_ns):
        tcp = socket.create_server(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        path = str(tmp_path / f"server{port}.sock")
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.bind(path)
        gate = Gate(f"127.0.0.1:{port}", socket=path)
        listening = Listening(create(answers, gate, clock), [tcp, unix])
        thread = threading.Thread(target=listening.run, daemon=True)
        thread.start()
        started.append((listening, thread))
        deadline = time.monotonic() + 60
        while not listening.server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.005)
        return Running(port, path, gate)

    yield start
    for listening, thread in started:
        listening.stop()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def chromium():
    """Its loop runs in this thread: other modules have loops of their own."""
    if not os.path.exists(CHROMIUM):
        pytest.skip("there is no Chromium here")
    with sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def violations():
    """Answer a function that answers rule and element of what assistive software would complain of."""

    def run(page):
        # Else it also describes every element that it finds nothing wrong with, for a minute on a long page.
        found = Axe().run(page, options={"resultTypes": ["violations"]})["violations"]
        return [(each["id"], each["nodes"][0]["html"]) for each in found]

    return run


@pytest.fixture
def running(serve, shop):
    return serve(type(shop)(time.time_ns()))


@pytest.fixture
def visit(chromium, running):
    """Open windows that write down every complaint and every address asked for."""
    complaints: list[str] = []
    asked: list[str] = []
    contexts = []

    def visit(*, login=True, **options):
        context = chromium.new_context(**options)
        context.set_default_timeout(120_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}") or dialog.dismiss())
        page.on("request", lambda request: asked.append(request.url))
        if login:
            page.goto(running.gate.link())
        page.complaints, page.asked, page.base = complaints, asked, f"http://127.0.0.1:{running.port}"
        return page

    yield visit
    for context in contexts:
        context.close()
