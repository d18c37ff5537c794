"""From letting go of a sweep over an endpoint's durations to the repainted page, in a real Chromium."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rows import Row

from fanlight.web.app import create
from fanlight.web.gate import Gate
from fanlight.web.listen import Listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.server.answers import Answers

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
SWEEPS = 9
KNOWN = "performance.getEntriesByName('brush').length"
PAINTED = """(known) => new Promise((done) => {
    const look = () => {
        const all = performance.getEntriesByName("brush");
        if (all.length > known) done(all.at(-1).duration);
        else requestAnimationFrame(look);
    };
    look();
})"""
"""The page's own measure: from the end of the sweep to the frame after what follows it was put in."""


def run(answers: Answers, clock: Callable[[], int], address: str, what: str) -> list[Row]:
    """Answer the row of sweeps over one endpoint's page; none where there is no Chromium.

    Args:
        answers: of a filled store.
        clock: wall-clock ns that the pages go by.
        address: of the endpoint's page, from the root.
        what: the store holds, for the row's name.
    """
    if not Path(CHROMIUM).exists():
        return []
    listener = socket.create_server(("127.0.0.1", 0))
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    gate = Gate(place, socket="")
    listening = Listening(create(answers, gate, clock=clock), [listener])
    thread = threading.Thread(target=listening.run, daemon=True)
    thread.start()
    try:
        while not listening.server.started:
            time.sleep(0.01)
        took = sweeps(gate.link(), f"http://{place}{address}")
    finally:
        listening.stop()
        thread.join(10)
    note = f"wall, median of {len(took)}; slowest {max(took):.0f} ms"
    return [Row(f"sweep to repaint, {what}", statistics.median(took), "ms", 150, note=note)]


def sweeps(link: str, address: str) -> list[float]:
    """Answer the milliseconds that each of some sweeps took."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(link)
        page.goto(address)
        count = int(page.get_attribute("svg.brush", "data-count") or 0)
        took = [sweep(page, number % (count - 1), count) for number in range(SWEEPS)]
        browser.close()
    return took


def sweep(page: Any, first: int, count: int) -> float:
    """Sweep from one octave to the next of the chart; answer the milliseconds until it was painted."""
    known = page.evaluate(KNOWN)
    box = page.locator("svg.brush").bounding_box()
    page.mouse.move(box["x"] + box["width"] * (first + 0.5) / count, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (first + 1.5) / count, box["y"] + 60, steps=4)
    page.mouse.up()
    return float(page.evaluate(PAINTED, known))
