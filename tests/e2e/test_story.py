"""The five minutes of a newcomer in a real browser: the demo, its pages, a server that goes and comes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")
CHROMIUM = "/usr/bin/chromium"
EVIL = (
    '<script>alert(1)</script><img src=x onerror="alert(2)">',
    "\"><svg onload=alert(3)><a href='javascript:alert(4)'>x</a>{{ 7*7 }}",
    "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u202c </title></textarea></script>" + "W" * 3000,
)
PROGRAM = f"""
import logging, fanlight
EVIL = {EVIL!r}
for number in range(3):
    with fanlight.trace(EVIL[1]):
        fanlight.annotate(**{{"note": EVIL[2], "error.message": EVIL[0]}})
        with fanlight.span(EVIL[2], "db.sql.query"):
            logging.getLogger(EVIL[1][:80]).warning("%s", EVIL[0] + EVIL[2])
fanlight.flush(5)
"""
PAGES = ("/", "/explore", "/compare", "/servers", "/status")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo under load, and what a hostile program and a hostile log file brought into its store."""
    folder = tmp_path_factory.mktemp("story")
    env = {key: value for key, value in os.environ.items() if not key.startswith("FANLIGHT_")}
    env |= {"TMPDIR": str(folder), "FANLIGHT_LISTEN": "127.0.0.1:0"}
    data = ("--data", str(folder / "data"))
    command = [*FANLIGHT, "demo", "--for", "150s", *data]
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as ran:
        try:
            link = next(line.split()[1] for line in ran.stderr if line.startswith("Fanlight"))
            script = folder / "hostile.py"
            script.write_text(PROGRAM, "utf-8")
            log = folder / "hostile.log"
            line = {"time": time.time(), "level": "ERROR", "message": "".join(EVIL)}
            log.write_text(json.dumps(line) + "\n")
            run = partial(subprocess.run, capture_output=True, text=True, timeout=60, check=True)
            run(
                [*FANLIGHT, "run", *data, "--", sys.executable, script],
                env=env | {"FANLIGHT_SERVICE": EVIL[0]},
            )
            run([*FANLIGHT, "import", *data, log], env=env)
            yield link, data, env
        finally:
            ran.send_signal(signal.SIGTERM)
            ran.wait(60)


@pytest.fixture(scope="module")
def page(demo):
    """One window for all of the story; it writes down complaints, and every address asked for."""
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no Chromium here")
    with sync_playwright() as started:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        window = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        window.complaints, window.asked = [], []
        window.on("console", lambda message: window.complaints.append(message.text))
        window.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.on("dialog", lambda dialog: window.complaints.append(dialog.message) or dialog.dismiss())
        window.on("request", lambda request: window.asked.append(request.url))
        window.set_default_timeout(60_000)
        window.goto(demo[0])
        window.base = re.match(r"http://[^/]*", window.url)[0]
        yield window
        browser.close()


def seen(page, selector):
    """Open the page anew until it has something: a request is listed within five seconds."""
    until_s = time.monotonic() + 60
    while not page.query_selector(selector):
        assert time.monotonic() < until_s, (selector, page.inner_text("main")[:2000])
        page.wait_for_timeout(500)
        page.reload()


def test_five_minutes_from_the_link_to_the_line_of_code(page):
    page.goto(page.base + "/")
    seen(page, "tbody a.row >> text=GET /orders/<int:order_id>")
    assert "login" not in page.url
    assert re.search(r"[0-9,]+ requests to", page.inner_text(".head")), "minute 1: it moves"
    # Minute 2: the list is sorted by pain, and what repeats stands with its endpoint.
    assert page.get_attribute("th.c-pain", "aria-sort") == "descending"
    slow = page.locator("tbody tr", has=page.locator(".badge"))
    assert "GET /orders/<int:order_id>" in slow.first.inner_text()
    slow.first.locator("a.row").click()
    # Minute 3: what its time goes into, the slow tail, the repeats and their line of code.
    page.wait_for_selector(".finding")
    assert re.search(r"demo/shop\.py:[0-9]+", page.inner_text(".finding"))
    assert "SQL" in page.inner_text(".parts >> nth=0")
    links = page.query_selector_all("svg.brush a")
    page.goto(page.base + links[-1].get_attribute("href"))
    page.wait_for_selector("rect.chosen", state="attached")
    assert re.search(r"endpoint=.*duration>", page.input_value("input.query"))
    page.click(".samples a.row >> nth=0")
    page.wait_for_selector("table.waterfall")
    assert re.search(f"SELECT.*{chr(0xD7)}[0-9]+", page.inner_text("table.waterfall"), re.DOTALL)
    page.go_back()
    # The same question in words, and then against the time before.
    page.focus("input.query")
    page.keyboard.press("Enter")
    page.wait_for_selector("table.results a.row")
    page.goto(page.base + "/compare?service=shop&last=1m&against=before")
    # A quick machine is here within the first minute, which has none before it.
    page.wait_for_selector("h1 >> text=Compare")
    for key, heading in (("e", "table.endpoints"), ("w", "text=Waiting"), ("s", "#account")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(heading)
    assert page.complaints == []


def test_hostile_data_is_only_ever_text(page):
    page.goto(page.base + "/")
    seen(page, "tbody a.row >> text=onload")
    opened = [link.get_attribute("href") for link in page.query_selector_all("tbody a.row")]
    endpoint = next(link for link in opened if "svg" in link)
    page.goto(page.base + endpoint)
    trace = page.get_attribute(".samples a.row >> nth=0", "href")
    compared = endpoint.replace("/endpoint?", "/compare?")
    for address in (*PAGES, endpoint, compared, trace, "/explore?q=kind:log", "/explore?q=alert"):
        page.goto(page.base + address)
        # What was not there within a second comes later.
        page.wait_for_selector("[data-later]", state="detached")
        wrong = "main script, main img, main [onload], main [onerror], [style]"
        assert page.evaluate(f"document.querySelectorAll('{wrong}').length") == 0, address
        assert page.evaluate("[...document.links].every((link) => link.origin === location.origin)"), address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        if address not in ("/", "/compare", "/servers", "/status", "/explore"):
            assert "alert(" in page.inner_text("main"), address
    assert page.complaints == []
    assert {re.match(r"[a-z]+://[^/]*", url)[0] for url in page.asked} == {page.base}


def test_a_page_goes_on_by_itself_when_the_server_was_killed(page, demo):
    page.goto(page.base + "/?last=15m&live=on")
    page.clock.install()
    _, data, env = demo
    status = [*FANLIGHT, "status", "--json", *data]
    told = subprocess.run(status, env=env, capture_output=True, text=True, timeout=60, check=True)
    took = {(each["who"], each["service"]): each["cpu"] for each in json.loads(told.stdout)["cost"]}
    assert all(took[who] > 0 for who in (("application", "shop"), ("collector", ""), ("server", "")))
    (server,) = (each["pid"] for each in json.loads(told.stdout)["processes"] if each["role"] == "server")
    os.kill(server, signal.SIGKILL)
    page.evaluate("document.querySelector('main h1').textContent = 'old'")
    until_s = time.monotonic() + 60
    while page.inner_text("main h1") == "old":
        assert time.monotonic() < until_s, page.inner_text("body")[:500]
        page.clock.run_for(2_500)
        page.wait_for_timeout(300)
    assert page.locator(".away").is_hidden()
    page.complaints.clear()
    page.click("tbody a.row >> nth=0")
    page.wait_for_selector(".parts")
    assert page.complaints == [], "the same cookie lets in"
