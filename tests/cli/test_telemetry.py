"""What `telemetry` and `top` show of what a collector tells."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress

import pytest

from fanlight.cli import main
from fanlight.cli.top import server
from fanlight.pipeline.directory import write_state
from fanlight.wire import codec, frames, messages
from fanlight.wire.readings import Snapshot

LABELS = {"service": "shop", "host": "vm", "server": "gunicorn"}
VALUES = {
    "workers.booted": 2,
    "workers.total": 3,
    "workers.requests_count": 1204,
    "queue.backlog": 0,
    "sockets.backlog": 7,
    "requests.waiting": 7,
    "workers.busy_threads": 2,
    "workers.utilisation": 0.5,
    "sockets.backlog_limit": 2048,
    "queue.time": 12_500_000,
}
TOLD = [
    {"time_ns": 1_795_323_600_250_000_000, "labels": LABELS, "values": VALUES},
    {
        "time_ns": 1_795_323_600_250_000_000,
        "labels": {**LABELS, "worker": "0"},
        "values": {"workers.busy_threads": 1},
    },
]


class Teller:
    """Stands where a collector would, and tells whoever watches."""

    def __init__(self, path, document=TOLD, instants=3, *, stays=False):
        self.document, self.instants, self.stays = document, instants, stays
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.periods = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                _, kind, _ = frames.header(peer.recv(8))
                assert kind == frames.WATCH
                self.periods.append(codec.decode(messages.WATCH, peer.recv(100))["period_ms"])
                body = codec.encode(messages.SNAPSHOTS, {"json": json.dumps(self.document).encode()})
                for _ in range(self.instants):
                    try:
                        peer.sendall(frames.frame(frames.SNAPSHOTS, body))
                    except OSError:
                        break
                if self.stays:
                    # Until whoever watches has left.
                    peer.recv(1)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(60)


@pytest.fixture
def teller(data, tmp_path):
    path = str(tmp_path / "c.sock")
    write_state(data, {"socket": path, "pids": {}})
    found = Teller(path)
    yield found
    found.close()


def run(capsys, *arguments):
    code = main([*arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_telemetry_prints_a_line_with_all_labels_for_each_server(data, teller, capsys):
    code, out, _ = run(capsys, "telemetry", "--count", "2", "--data", data)
    assert code == 0
    line = (
        'time="2026-11-22T05:00:00.250Z" workers.booted=2 workers.total=3 workers.requests_count=1204 '
        "queue.backlog=0 sockets.backlog=7 requests.waiting=7 workers.busy_threads=2 workers.utilisation=0.5 "
        'sockets.backlog_limit=2048 queue.time=12500000 service="shop" host="vm" server="gunicorn"'
    )
    assert out.splitlines() == [line, line]
    assert teller.periods == [5000]


def test_as_json_it_is_one_document_of_one_instant(data, teller, capsys):
    code, out, err = run(capsys, "telemetry", "--json", "--per-worker", "--every", "0.5", "--data", data)
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        [
            {"time": "2026-11-22T05:00:00.250Z", **VALUES, **LABELS},
            {
                "time": "2026-11-22T05:00:00.250Z",
                "workers.busy_threads": 1,
                **LABELS,
                "worker": "0",
            },
        ]
    ]
    assert teller.periods == [500]


@pytest.mark.usefixtures("teller")
def test_forms_and_their_options_are_those_of_targets(data, capsys):
    arguments = ("--format", "json", "--transform", "l2met", "--option", "source=test", "--count", "1")
    _, out, _ = run(capsys, "telemetry", *arguments, "--data", data)
    found = json.loads(out)
    assert found["sample#workers.booted"] == 2
    assert found["source"] == "test"


@pytest.mark.usefixtures("teller")
def test_prometheus_is_a_page(data, capsys):
    _, out, _ = run(capsys, "telemetry", "--format", "prometheus", "--count", "1", "--data", data)
    assert 'fanlight_sockets_backlog{service="shop",host="vm",server="gunicorn"} 7' in out.splitlines()


@pytest.mark.usefixtures("teller")
def test_it_delivers_to_a_target(data, capsys):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(60)
        address = f"address=127.0.0.1:{receiver.getsockname()[1]}"
        arguments = ("--to", "dogstatsd", "--option", address, "--option", "tags=env:test,a:b")
        code, out, _ = run(capsys, "telemetry", *arguments, "--count", "1", "--data", data)
        assert (code, out) == (0, "")
        assert receiver.recv(2000).splitlines()[0] == (
            b"workers.booted:2|g|#service:shop,server:gunicorn,env:test,a:b"
        )


def refuses(listening):
    listening.close()


def talks_nonsense(listening):
    with suppress(OSError):
        while True:
            one, _ = listening.accept()
            with one:
                one.recv(1 << 16)
                one.sendall(b"\x00\xffnonsense\r\n\r\n")


@pytest.mark.usefixtures("teller")
@pytest.mark.parametrize(
    ("does", "said"),
    [(refuses, "Connection refused"), (talks_nonsense, "BadStatusLine")],
    ids=["", "nonsense"],
)
def test_a_target_that_takes_nothing_is_named_with_what_to_look_at(data, capsys, does, said):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"url=http://127.0.0.1:{listening.getsockname()[1]}/x"
        thread = threading.Thread(target=does, args=(listening,), daemon=True)
        thread.start()
        found = run(capsys, "telemetry", "--to", "http", "--option", url, "--count", "1", "--data", data)
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    code, out, err = found
    assert (code, out) == (3, "")
    assert "target 'http' did not take what was sent" in err
    assert said in err
    assert "defect" not in err
    assert "\x00" not in err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--format", "jsn"), 4, "did you mean 'json'"),
        (("--transform", "l2mt"), 4, "did you mean 'l2met'"),
        (("--to", "dogstats"), 4, "did you mean 'dogstatsd'"),
        (("--option", "lables=a"), 4, "did you mean 'labels'"),
        (("--option", "labels"), 2, "wants NAME=VALUE"),
        (("--transform", "l2met", "--option", "typed=maybe"), 4, "'maybe' is no value of 'typed'"),
        (("--json", "--format", "json"), 2, "a shape of its own"),
        (("--count", "0"), 2, "--count"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(data, teller, capsys, arguments, code, said):
    found, out, err = run(capsys, "telemetry", *arguments, "--data", data)
    assert (found, out) == (code, "")
    assert said in err
    assert teller.periods == []


def test_a_collector_that_is_started_again_is_found_again(data, tmp_path, capsys):
    path = str(tmp_path / "c.sock")
    write_state(data, {"socket": path, "pids": {}})
    first = Teller(path, instants=2)
    code, out, _ = run(capsys, "telemetry", "--count", "5", "--data", data)
    first.close()
    assert (code, len(out.splitlines())) == (0, 5)
    assert len(first.periods) == 3


def test_a_collector_that_refuses_says_why(data, tmp_path, capsys):
    path = str(tmp_path / "c.sock")
    write_state(data, {"socket": path, "pids": {}})
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def refuse():
        peer, _ = listener.accept()
        # What is unread when a connection ends takes the answer with it.
        peer.recv(100)
        body = codec.encode(messages.REFUSAL, {"code": "unread", "text": "this collector reads no servers"})
        peer.sendall(frames.frame(frames.REFUSAL, body))
        peer.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    code, _, err = run(capsys, "telemetry", "--data", data)
    thread.join(60)
    listener.close()
    assert code == 3
    assert "this collector reads no servers" in err


def test_where_none_runs_it_says_how_to_start_one(tmp_path, capsys):
    code, _, err = run(capsys, "telemetry", "--data", str(tmp_path / "nothing"))
    assert code == 3
    assert "fanlight run" in err


@pytest.mark.usefixtures("teller")
def test_top_is_one_look_where_nobody_looks(data, capsys):
    code, out, _ = run(capsys, "top", "--data", data)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:7] == ["SERVICE", "SERVER", "WORKER", "WORKERS", "BUSY", "USED", "WAITING"]
    assert lines[1].split() == [
        "shop",
        "gunicorn",
        "2/3",
        "2",
        "50%",
        "7",
        "7/2,048",
        "0",
        "-",
        "-",
        "-",
        "1,204",
        "-",
    ]
    assert lines[2].split() == [
        "shop",
        "gunicorn",
        "0",
        "-",
        "1",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
        "-",
    ]
    assert any("GET /orders/<id>" in line for line in lines)
    assert "\x1b" not in out


@pytest.mark.usefixtures("teller")
def test_top_as_json_has_servers_and_endpoints(data, capsys):
    _, out, _ = run(capsys, "top", "--json", "--data", data)
    found = json.loads(out)
    assert [row["service"] for row in found["servers"]] == ["shop", "shop"]
    assert found["endpoints"] == data.answers.rows


@pytest.mark.usefixtures("teller")
def test_top_on_a_terminal_shows_look_after_look_until_it_is_interrupted(data, read_terminal):
    screen, theirs = pty.openpty()
    environ = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    command = [sys.executable, "-P", "-m", "fanlight", "top", "--every", "0.1", "--data", data]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        text = b""
        deadline_s = time.monotonic() + 30
        while text.count(b"fanlight top") < 3:
            assert time.monotonic() < deadline_s, text
            text += os.read(screen, 4096)
        process.send_signal(signal.SIGINT)
        read_terminal(screen)
    assert process.returncode == 0
    assert b"7/2,048" in text


def last_frame(text):
    """Answer the lines of the last screen that was written, without what steers the terminal."""
    shown = text.decode(errors="replace").rpartition("\x1b[H")[2]
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).splitlines()


def test_top_fits_a_terminal_at_once_that_is_made_narrower_or_wider(data, tmp_path, read_terminal):
    path = str(tmp_path / "c.sock")
    write_state(data, {"socket": path, "pids": {}})
    teller = Teller(path, instants=1, stays=True)
    screen, theirs = pty.openpty()
    size_of(theirs, 40, 160)
    environ = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    environ |= {"NO_COLOR": "1", "TERM": "xterm"}
    # One look comes, and then nothing but what the resizing draws.
    command = [sys.executable, "-P", "-m", "fanlight", "top", "--data", data]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as process:
        text, told = b"", {}
        try:
            for number, (rows, columns) in enumerate([(40, 160), (12, 60), (40, 200)]):
                if number:
                    size_of(theirs, rows, columns)
                    process.send_signal(signal.SIGWINCH)
                while not is_whole(text, rows, columns):
                    assert select.select([screen], [], [], 8)[0], text[-5000:]
                    text += os.read(screen, 65_536)
                told[columns] = last_frame(text)
        finally:
            process.send_signal(signal.SIGINT)
            os.close(theirs)
            read_terminal(screen)
            teller.close()
    assert process.returncode == 0
    headings = {columns: lines[2].split() for columns, lines in told.items()}
    assert headings[160] == headings[200]
    assert "restarts" in headings[200]
    assert "restarts" not in headings[60]
    assert {"service", "workers", "busy", "used", "waiting"} <= set(headings[60])
    # The row of the server is whole however narrow it is: it takes one line.
    whole = [
        [line for line in lines if line.startswith("shop ") and "2/3" in line] for lines in told.values()
    ]
    assert [len(lines) for lines in whole] == [1] * 3


def is_whole(text, rows, columns):
    """Answer whether the last screen is all there, and as large as the terminal."""
    lines = last_frame(text)
    is_ours = bool(lines) and lines[0].startswith("fanlight top")
    return is_ours and (len(lines), max(map(len, lines))) == (rows, columns)


def size_of(terminal, rows, columns):
    """Give a terminal another size."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_top_marks_a_full_queue_stalled_workers_and_uneven_waiting():
    values = {"requests.waiting": 8, "workers.skewed": 1, "sockets.backlog": 6, "sockets.backlog_limit": 5}
    cells = server(Snapshot(0, {"service": "shop"}, values))
    assert "8 uneven" in cells
    assert server(Snapshot(0, {}, {"workers.booted": 2, "workers.total": 2, "workers.stalled": 1}))[3] == (
        "2/2 1 stalled"
    )
    assert "6/5 full" in cells
    calm = server(Snapshot(0, {"service": "shop"}, {**values, "workers.skewed": 0, "sockets.backlog": 4}))
    assert "8" in calm
    assert "4/5" in calm


def test_top_tells_two_masters_of_a_server_apart():
    labels = {"service": "shop", "server": "gunicorn"}
    told = [server(Snapshot(0, {**labels, **more}, {}))[1] for more in ({}, {"master": "1"})]
    assert told == ["gunicorn", "gunicorn, master 1"]
