"""A worker that was stopped: said by `top`, by the page of servers, and by nobody once it goes on."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from fanlight.errors import FanlightError

SITE = """
def app(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]
"""
OFTEN = {"FANLIGHT_TELEMETRY__FREQUENCY_S": "0.5", "FANLIGHT_TELEMETRY__INITIAL_DELAY_S": "0"}


def page(house):
    """Answer the page of servers, as its owner sees it."""
    command = ["curl", "-s", "--unix-socket", str(house.data / "run" / "server.sock")]
    return subprocess.check_output([*command, "http://localhost/servers"], text=True, timeout=60)


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("number", [1, 2], ids=["the only one", "one of two"])
def test_a_stopped_worker_shows_on_the_terminal_and_on_the_page_until_it_goes_on(kind, number, house, kit):
    house.serve(**OFTEN)
    options = f"-k {kind} --threads {1 if kind == 'sync' else 2}"
    master, _ = house.application("shop", SITE, number, GUNICORN_CMD_ARGS=options)

    def told():
        try:
            found = house.api("/api/servers")["servers"]
        except FanlightError:
            found = []
        return next((each["values"] for each in found if each["service"] == "shop"), {})

    def stalled():
        """Answer whether the kept readings, the terminal and the page say so, and of how many."""
        rows = [line for line in house.ask("top").splitlines() if line.startswith("shop ")]
        shown = page(house)
        return (
            told().get("workers.stalled"),
            [" 1 stalled " in row for row in rows],
            "<dt>Stalled</dt><dd><b>1</b>" in shown,
            shown.count('<b class="bad">says nothing</b>'),
        )

    rows = 1 if number == 1 else 1 + number
    kit.wait(lambda: told().get("workers.booted") == number, "all workers to be read")
    kit.wait(lambda: stalled() == (0, [False] * rows, False, 0), "all workers to go on", told=stalled)
    os.kill(kit.children(master.pid)[0], signal.SIGSTOP)
    kit.wait(lambda: told().get("workers.stalled") == 1, "the stopped worker to be noticed")
    shown = stalled()
    assert shown[::2] == (1, True)
    # Where there are several the server says it, and of which one.
    assert (sum(shown[1]), shown[3]) == ((1, 0) if number == 1 else (2, 1))
    os.kill(kit.children(master.pid)[0], signal.SIGCONT)
    kit.wait(lambda: stalled() == (0, [False] * rows, False, 0), "all workers to go on", told=stalled)
