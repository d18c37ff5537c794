"""The demo as a user runs it: every request is in the list, the slow pattern has its place."""

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run of eight seconds, judged by several tests."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-P", "-m", "fanlight", "demo", "--for", "8s", "--json"]
    done = subprocess.run(
        command,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return folder, done


def counts(document, service):
    found = {}
    for row in document["endpoints"]:
        if row["service"] == service:
            found[row["endpoint"]] = found.get(row["endpoint"], 0) + row["count"]
    return found


def test_every_request_sent_is_counted_under_its_endpoint(demo):
    _, done = demo
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["sent"] == counts(document, "shop")
    assert sum(document["sent"].values()) > 100


def test_the_second_service_reports_under_its_own_name(demo):
    document = json.loads(demo[1].stdout)
    assert counts(document, "payments")["POST /charge"] == document["sent"]["POST /checkout"]
    assert "POST /charge" not in document["sent"]


def test_the_repeated_query_is_found_with_its_file_and_line(demo):
    document = json.loads(demo[1].stdout)
    (finding,) = [
        finding
        for row in document["endpoints"]
        if row["endpoint"] == "GET /orders/<int:order_id>"
        for finding in row["findings"]
    ]
    path, _, line = finding["location"].rpartition(":")
    source = Path(sys.modules["fanlight"].__file__).parent / "demo" / "shop.py"
    assert path.endswith("fanlight/demo/shop.py")
    assert "line.product" in source.read_text().splitlines()[int(line) - 1]
    assert finding["repeats_max"] == 40
    assert finding["severe"] is True
    assert finding["total"] >= 80_000_000


def test_each_segment_is_what_was_answered(demo):
    document = json.loads(demo[1].stdout)
    segments = {row["endpoint"]: row["segment"] for row in document["endpoints"] if row["service"] == "shop"}
    assert segments == {
        "GET /": "html",
        "GET /products": "json",
        "GET /orders/<int:order_id>": "html",
        "POST /checkout": "redirect",
        "GET /broken": "error",
        "GET /export.csv": "csv",
    }


def test_nothing_is_left_behind(demo):
    folder, _ = demo
    assert list(folder.iterdir()) == []
    # The demo's processes have its folder in their arguments or as their directory.
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes().decode(errors="replace") + os.readlink(process / "cwd")
        except OSError:
            continue
        assert str(folder) not in told


def test_ctrl_c_ends_it_with_a_table_and_leaves_nothing_behind(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")  # a short name: a socket's path has 107 bytes
    command = [sys.executable, "-P", "-m", "fanlight", "demo"]
    popen = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with popen as demo, ExitStack() as stack:
        stack.callback(demo.kill)
        greeting = [demo.stderr.readline() for _ in range(3)]
        assert greeting[2].startswith("Load"), greeting
        assert "/login?code=" in greeting[1]
        # An impatient one: the second arrives while the first is being heard.
        demo.send_signal(signal.SIGINT)
        demo.send_signal(signal.SIGINT)
        out, told = demo.communicate(timeout=60)
    assert demo.returncode == 0, told
    assert "GET /" in out
    assert list(folder.iterdir()) == []


def test_a_folder_too_deep_for_a_socket_is_an_error_that_says_so(tmp_path):
    folder = tmp_path / ("deep" * 20)
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "fanlight", "demo", "--for", "1s"],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "107" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []
