"""Without a collector a worker tells of its own server: to callables, and with the next report."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from receiving import until

from fanlight.agent.gauge import Gauge, packed
from fanlight.agent.outgoing import ROOM, TRIES, Outgoing
from fanlight.agent.own import own
from fanlight.agent.published import outgoing
from fanlight.config.keys import METRICS
from fanlight.pipeline.saturation import packed as kept
from fanlight.recording.slots.slot import Slot
from fanlight.wire import slots as layout
from fanlight.wire.readings import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = """
import fanlight, json, os, sys
def write(snapshot):
    with open("coded", "a") as file:
        file.write(json.dumps([snapshot.labels, snapshot.values]) + "\\n")
def raising(snapshot):
    raise SystemExit("no")
fanlight.start(targets=[write, raising])
import waitress
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
waitress.serve(app, sockets=[__import__("socket").socket(fileno=int(sys.argv[1]))], threads=3)
"""
NAMED = """
def write(snapshot):
    with open("named", "a") as file:
        file.write(snapshot.labels["server"] + "\\n")
"""


@pytest.fixture
def serving(tmp_path: Path, house: Any) -> Iterator[tuple[str, Path]]:
    """A waitress that reports to a server by itself, and the directory that it runs in."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "named_target.py").write_text(NAMED)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FANLIGHT_")},
        "FANLIGHT_DSN": house.dsn,
        "FANLIGHT_SERVICE": "shop",
        "FANLIGHT_TELEMETRY__INITIAL_DELAY_S": "0.1",
        "FANLIGHT_TELEMETRY__FREQUENCY_S": "0.5",
        "FANLIGHT_TELEMETRY__TARGETS": json.dumps(
            [{"type": "named_target:write"}, {"type": "named_target.no"}]
        ),
    }
    with socket.create_server(("127.0.0.1", 0)) as made, (tmp_path / "err").open("wb") as err:
        command = [sys.executable, "app.py", str(made.fileno())]
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environ, pass_fds=[made.fileno()], stderr=err, stdout=err
        )
        try:
            yield f"http://127.0.0.1:{made.getsockname()[1]}/", tmp_path
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(60)


def test_a_worker_tells_callables_and_the_server_what_it_is_at(serving, house):
    url, folder = serving

    def asked() -> bool:
        with urllib.request.urlopen(url, timeout=60) as answer:
            answer.read()
        return (folder / "named").exists() and bool(list(house.server.store.readings(0, 1 << 62)))

    until(asked)
    # The first reading from here may have seen the last request waiting; the last line may not be whole.
    told_of = len((folder / "coded").read_text().splitlines())
    until(lambda: len((folder / "coded").read_text().splitlines()) > told_of + 2)
    labels, values = json.loads((folder / "coded").read_text().splitlines()[-2])
    assert (labels["service"], labels["server"]) == ("shop", "waitress")
    assert values["workers.max_threads"] == 3
    assert values["workers.requests_count"] >= 1
    assert (values["sockets.backlog"], values["requests.waiting"]) == (0, 0)
    assert (folder / "named").read_text().split()[0] == "waitress"
    (row, *_) = house.server.store.readings(0, 1 << 62)
    assert row.event()["server"] == "waitress"
    told = (folder / "err").read_text()
    assert "target named_target.no cannot be called: AttributeError" in told
    assert told.count("target raising: SystemExit: no") == 1


def test_a_worker_with_a_master_tells_of_itself_by_its_number():
    """Two processes that told the same row would each overwrite what the other is at."""
    made = Slot()
    made.claimed = True
    words = made.cells
    words[0], words[1] = layout.MAGIC, layout.VERSION
    words[layout.PID], words[layout.MASTER] = os.getpid(), os.getppid()
    words[layout.MAX_THREADS] = 4
    kept: list[tuple[Any, ...]] = []
    told: list[Any] = []
    gauge = Gauge(
        [Outgoing("told", told.append, told.append)], lambda *event: kept.append(event), lambda _: None, made
    )
    window = gauge.saturation.window()
    gauge.saturation.look(gauge.readings(1), 1)
    gauge.tell(window.take(5))
    (event,) = kept
    assert json.loads(event[3])[2:6] == ["", os.uname().nodename, "", os.getpid()]
    until(lambda: bool(told))
    ((snapshot,),) = told
    assert snapshot.labels["worker"] == str(os.getpid())
    assert snapshot.values["workers.max_threads"] == 4


def test_an_event_of_the_embedded_strategy_is_that_of_a_collector():
    values: dict[str, int | float] = {name: 1.5 if name == "workers.utilisation" else 7 for name in METRICS}
    values["workers.restarts.killed"] = 1
    labels = {"service": "shop", "host": "web-1", "server": "gunicorn", "master": "1", "worker": "12"}
    assert packed(Snapshot(5, labels, values)) == kept(Snapshot(5, labels, values))


def test_a_target_that_hangs_or_fails_costs_nobody_else_and_is_left_alone_for_a_while():
    told: list[str] = []
    failing = Outgoing("failing", lambda _: 1 / 0, told.append)
    for _ in range(TRIES):
        failing.attempt(())
    failing.take(())
    assert (failing.errors, failing.dropped, told) == (
        TRIES,
        TRIES + 1,
        ["target failing: ZeroDivisionError: division by zero"],
    )
    hanging = Outgoing("hanging", lambda _: time.sleep(30), told.append)
    before = time.monotonic()
    for _ in range(ROOM + 5):
        hanging.take(())
    assert time.monotonic() - before < 20, "a target's turn lasts 30 s"
    assert len(hanging.waiting) <= ROOM
    assert hanging.dropped >= 4
    hanging.end()


@pytest.mark.parametrize("text", ["{", "7", "[7]", '[{"formatter": "json"}]'])
def test_garbage_for_targets_is_told_and_harms_nothing(text):
    told: list[str] = []
    assert outgoing((), {"FANLIGHT_TELEMETRY__TARGETS": text}, told.append) == []
    assert told == [
        "FANLIGHT_TELEMETRY__TARGETS is no JSON array of objects, each with a type; nobody is told"
    ]


def test_a_socket_of_this_process_is_read_without_netlink():
    with (
        socket.create_server(("127.0.0.1", 0), backlog=8) as made,
        socket.create_connection(made.getsockname()) as client,
        socket.socket(socket.AF_UNIX) as other,
    ):
        inodes = {os.fstat(each.fileno()).st_ino for each in (made, client, other)}
        (found,) = own(inodes).values()
        assert found[1:5] == ("tcp4", f"127.0.0.1:{made.getsockname()[1]}", 1, 8)
