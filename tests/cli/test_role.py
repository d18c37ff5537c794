"""Collector and server by themselves, as the supervisor starts them: what is said where, what comes first."""

import http.client
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from commits import DAY_NS, Request, commit

from fanlight.cli.role import uses
from fanlight.stores import open_store
from fanlight.wire import codec, spool
from fanlight.wire.messages import COMMIT

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")
PROGRAM = "import fanlight; fanlight.start('shop')\nwith fanlight.trace('job'): pass"


def wait_for(what, within_s=120.0):
    deadline_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("", []),
        ("info", ["shop: the agent of pid", "is connected"]),
        ("debug", ["shop: the agent of pid", "bytes of traces from pid"]),
    ],
)
def test_a_collector_says_as_much_as_it_is_told_to_where_it_is_told_to(tmp_path, level, said):
    data, log = tmp_path / "data", tmp_path / "collector.log"
    path = data / "run" / "collector.sock"
    settings = {"FANLIGHT_LOG": str(log), "FANLIGHT_LOG_LEVEL": level} if level else {}
    reader, writer = os.pipe()
    command = [*FANLIGHT, "serve", "--role", "collector", "--data", str(data)]
    command += ["--parent", str(os.getpid()), "--report-fd", str(writer)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FANLIGHT_")}
    path.parent.mkdir(parents=True, mode=0o700)
    with subprocess.Popen(
        command, env={**environ, **settings}, stderr=subprocess.PIPE, pass_fds=[writer]
    ) as collector:
        try:
            wait_for(path.exists)
            subprocess.run(
                [sys.executable, "-c", PROGRAM],
                env={**environ, "FANLIGHT_DSN": f"unix://{path}"},
                check=True,
                timeout=60,
            )
            if said:
                wait_for(lambda: log.exists() and said[1] in log.read_text())
        finally:
            collector.terminate()
        _, told = collector.communicate(timeout=60)
    os.close(reader)
    os.close(writer)
    # Where a file is named, nothing of it stands on stderr.
    assert b"agent" not in told
    text = log.read_text() if said else ""
    assert [part for part in said if part not in text] == []


HELD = """
import os, sys
from fanlight import cli
from fanlight.cli import role

class Held:
    def find_spec(self, name, path, target=None):
        if name == "fanlight.web.app":
            print("held", flush=True)
            sys.stdin.readline()

sys.meta_path.insert(0, Held())
sys.exit(role.main(sys.argv[1:]))
"""
"""A server that goes on to what pages are made of only when it is told to."""


STUCK = """
import sys
from fanlight.cli import role
from fanlight.pipeline import build

open_server = build.server

def stuck(settings):
    server = open_server(settings)
    server.store.writing.acquire()
    return server

build.server = stuck
role.END_S = 0.5
"""
"""A server one of whose threads writes to its store for ever,"""

MUTE = """
import threading
from fanlight.log import Log

Log.put = lambda *_: threading.Event().wait()
"""
"""whose log lies on the same disk;"""

CROWDED = """
import _thread, sys, threading
from fanlight.cli import role

end_within, begin = role.end_within, _thread.start_new_thread

def refuse(*_):
    raise RuntimeError("can't start new thread")

def crowded(grace_s):
    _thread.start_new_thread = threading._start_new_thread = refuse
    try:
        end_within(grace_s)
    finally:
        _thread.start_new_thread = threading._start_new_thread = begin

role.end_within = crowded
"""
"""and one that finds no room for a thread when it is told to end."""
PLAYS = "\nsys.exit(role.main(sys.argv[1:]))\n"


@contextmanager
def a_server(data, program):
    """Run the role of a server in a program; yield it and the port of its pages."""
    (data / "run").mkdir(mode=0o700)
    reader, writer = os.pipe()
    page, owner = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    owner.bind(str(data / "run" / "server.sock"))
    owner.listen()
    given = {"parent": os.getpid(), "report-fd": writer, "page-fd": page.fileno(), "owner-fd": owner.fileno()}
    words = [word for name, number in given.items() for word in (f"--{name}", str(number))]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FANLIGHT_")}
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, "--role", "server", "--data", str(data), *words],
        env=environ,
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE),
        pass_fds=[writer, page.fileno(), owner.fileno()],
    ) as server:
        try:
            yield server, page.getsockname()[1]
        finally:
            server.kill()
    for each in (page, owner):
        each.close()
    os.close(reader)
    os.close(writer)


def test_a_server_stores_what_waits_before_it_loads_what_pages_are_made_of(tmp_path):
    applied, following = (tmp_path / "spool" / spool.file_name(number) for number in (101, 102))
    applied.parent.mkdir(mode=0o700)
    for path in (applied, following):
        header = {"number": int(path.stem), "created": 1, "service": [], "accepted": [], "dropped": []}
        path.write_bytes(spool.pack_header(header))
    with applied.open("ab") as file:
        record = codec.encode(COMMIT, commit([Request(20_000 * DAY_NS, 1_000_000, 1)]))
        file.write(spool.pack_record(record))
    with a_server(tmp_path, HELD) as (server, _):
        assert server.stdout.readline() == b"held\n"
        wait_for(lambda: not applied.exists())


def told_to_end(data, program):
    """Run a server until it answers, tell it to end; answer its exit code and what it said."""
    with a_server(data, program + PLAYS) as (server, port):
        pages = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        pages.request("GET", "/api/alive")
        assert pages.getresponse().status == 401
        pages.close()
        server.terminate()
        _, said = server.communicate(timeout=60)
    open_store(f"duckdb:{data / 'store'}").close()
    return server.returncode, said.decode()


def test_a_server_that_cannot_close_its_store_ends_all_the_same_and_the_next_one_opens_it(tmp_path):
    code, said = told_to_end(tmp_path, STUCK)
    assert code == 1
    assert "did not end within 0.5 s of the word to" in said


def test_it_ends_too_where_the_log_cannot_be_written(tmp_path):
    assert told_to_end(tmp_path, STUCK + MUTE) == (1, "")


def test_a_server_closes_its_store_where_there_is_no_room_for_a_thread_that_ends_it(tmp_path):
    code, said = told_to_end(tmp_path, CROWDED)
    assert code == 0
    assert "Traceback" not in said


def test_a_collector_is_used_while_somebody_is_connected_and_where_something_came_since_it_was_asked():
    committer, reception = SimpleNamespace(acknowledged=0), SimpleNamespace(watchers=0)
    collector = SimpleNamespace(agents=0, committer=committer, reception=reception)
    is_used = uses(collector)
    assert not is_used()
    collector.agents = 1
    assert [is_used(), is_used()] == [True, True]
    collector.agents, committer.acknowledged = 0, 1
    assert [is_used(), is_used()] == [True, False]
    reception.watchers = 1
    assert is_used()
