"""Every panel of every page, copied and pasted: commands run, curl and JSON answer, links lead back."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

ENDPOINT = {"service": "shop", "endpoint": "GET /things/<int:number>", "segment": "html"}


class Copies(HTMLParser):
    """What a page's panels are copied as, and the anchors that it has."""

    def __init__(self, html):
        super().__init__()
        self.found, self.anchors = [], set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.anchors.add(told.get("id"))
        if told.get("class") == "copy":
            self.found.append(told)


def fetch(house, address):
    """Ask over the owner's socket, as curl does; answer status and text."""
    command = ["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", str(house.data / "run" / "server.sock")]
    done = subprocess.run(
        [*command, f"http://localhost{address}"], capture_output=True, text=True, timeout=60, check=True
    )
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


def pages(house):
    """Answer the addresses of every page, and of states that copy something else."""
    endpoint = f"/endpoint?{urlencode(ENDPOINT)}"
    found = json.loads(fetch(house, f"/api{endpoint}")[1])
    octave = found["histogram"][-1]["octave"]
    asked = ["", "?q=duration:>1us&last=15m", "?q=|+stats+count+by+endpoint", "?q=|+timechart+1m+count"]
    return [
        *("/", "/?last=15m&service=shop", "/servers?last=15m", "/status"),
        *(endpoint, f"{endpoint}&octaves={octave}", f"/trace/{found['samples'][0]['id']}"),
        *(f"/explore{query}" for query in asked),
        *("/compare?last=15m", f"/compare?{urlencode(ENDPOINT)}&last=15m"),
    ]


def pasted(house, line):
    """Run what was copied as somebody would who pastes it into a shell; answer what it prints."""
    scripts = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = house.environment(PATH=scripts, FANLIGHT_DATA=str(house.data))
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        env=environment,
        cwd=house.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"
    assert done.stdout.strip(), line
    return done.stdout


def test_every_copy_of_every_panel_works_where_it_is_pasted(house, kit):
    house.serve()
    _, port = house.application("shop")
    kit.wait(lambda: kit.get(port, "/things/1")[0] == 200, "the application")
    for number in range(30):
        assert kit.get(port, f"/things/{number}")[0] == 200
    kit.wait(lambda: house.stored("shop") >= 30, "the requests to be stored")
    kit.wait(lambda: "copying" in fetch(house, "/servers?last=15m")[1], "a reading of the server")
    lines, menus = set(), 0
    for address in pages(house):
        status, text = fetch(house, address)
        assert status == 200, address
        page = Copies(text)
        assert page.found, f"{address} has nothing to copy"
        for each in page.found:
            menus += 1
            if "data-link" in each:
                link, _, anchor = each["data-link"].partition("#")
                assert anchor in page.anchors, each
                assert fetch(house, link)[0] == 200, link
            elif "data-json" in each:
                status, text = fetch(house, each["href"])
                assert (status, bool(json.loads(text))) == (200, True), each["href"]
            else:
                lines.add(each["data-text"])
    assert menus > 80
    assert {shlex.split(line)[0] for line in lines} == {"fanlight", "curl"}
    for line in sorted(lines):
        told = pasted(house, line)
        if line.startswith("curl"):
            assert json.loads(told), line
