"""An upgrade under a running Fanlight: the next version takes over, and no request is lost by it."""

import json
import os
import shutil
import socket
import time
from pathlib import Path

import pytest

import fanlight
from fanlight.wire import codec, frames, messages

LATER = "0.1.0.post1"


@pytest.fixture
def site(tmp_path):
    """A folder with a copy of our whole package, as an installer would leave it."""
    folder = tmp_path / "site"
    shutil.copytree(
        Path(fanlight.__file__).parent, folder / "fanlight", ignore=shutil.ignore_patterns("__pycache__")
    )
    return folder


def upgrade(site):
    """Replace every file of the package, one after the other; the last one names the version."""
    package = site / "fanlight"
    for path in sorted(package.rglob("*.py"), reverse=True):
        text = path.read_text()
        if path == package / "__init__.py":
            text = text.replace(f'__version__ = "{fanlight.__version__}"', f'__version__ = "{LATER}"')
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, path)


def versions(house):
    status = house.status()
    return status["version"], (status["collector"] or {}).get("version")


def test_replaced_files_start_collector_and_server_anew_and_lose_nothing(house, kit, site):
    house.serve(PYTHONPATH=str(site))
    process, port = house.application("shop")
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request")
    before = house.pids()
    assert versions(house) == (fanlight.__version__, fanlight.__version__)
    with kit.Load(port) as load:
        upgrade(site)
        kit.wait(
            lambda: len(house.pids()) == 3 and not set(before.values()) & set(children(house)),
            "other processes",
        )
        goal = 2 + load.answered
        kit.wait(lambda: house.stored("shop") >= goal, "requests stored by the next version", 120, 0.2)
    assert versions(house) == (LATER, LATER)
    assert house.pids()["supervisor"] == before["supervisor"]
    assert load.broken == 0
    assert load.wrong == []
    kit.end(process)
    assert house.settled("shop")["accepted"] == 1 + load.answered
    assert house.endpoints("shop").total() == 1 + load.answered
    log = (house.folder / "serve.log").read_text()
    assert log.count("ended because its files have changed") == 2


def children(house):
    pids = house.pids()
    return [pids.get("collector"), pids.get("server")]


def test_a_newer_hello_alone_starts_nothing_anew(house, kit):
    house.serve()
    before = house.pids()
    hello = {"protocol": messages.PROTOCOL, "version": "999.0.0", "client": "0" * 32, "service": "later"}
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(60)
        agent.connect(str(house.data / "run" / "collector.sock"))
        agent.sendall(frames.frame(frames.HELLO, codec.encode(messages.HELLO, hello), messages.PROTOCOL))
        _length, kind, _version = frames.header(agent.recv(8))
        assert kind == frames.WELCOME
        time.sleep(5)  # twice as long as it takes to see files that have changed
    assert json.dumps(house.pids()) == json.dumps(before)
