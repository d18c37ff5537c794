"""Programs that people run at the other end: npm's statsd, netdata, VictoriaMetrics, and promtool's eye."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from receivers import free_port

from fanlight.config.keys import METRICS
from fanlight.formatters import snapshot_formatter
from fanlight.targets import Place, target
from fanlight.wire.readings import Snapshot

PLACE = Place({}, 5.0)
WHOLE = {"service": "shop", "host": "vm"}
TOLD = [
    Snapshot(
        0,
        WHOLE,
        {
            "workers.requests_count": 40,
            "queue.backlog": 7,
            "workers.utilisation": 0.25,
            "queue.time": 12_500_000,
            "sockets.backlog_limit": 2048,
        },
    ),
    Snapshot(0, {**WHOLE, "worker": "0"}, {"workers.busy_threads": 3}),
]
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
NODE = shutil.which("node")
STATSD = Path(sys.prefix) / "npm" / "node_modules" / "statsd" / "stats.js"
NETDATA = shutil.which("netdata", path=PATH)
VICTORIA = shutil.which("victoria-metrics")
PROMTOOL = shutil.which("promtool")
DEADLINE_S = 120


@contextmanager
def running(command, folder, **options):
    """Run a program until the block is left; what it says is in the folder's log."""
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(expected, ask, send=lambda: None):
    """Send until what is asked for is what is expected."""
    end_s = time.monotonic() + DEADLINE_S
    while True:
        with suppress(OSError):
            send()
        found = ask()
        if found == pytest.approx(expected):
            return
        assert time.monotonic() < end_s, found
        time.sleep(0.2)


def fetched(url):
    """Answer a page, "" while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.read().decode()
    except OSError:
        return ""


@pytest.mark.skipif(NODE is None or not STATSD.exists(), reason="npm's statsd is not installed")
def test_npms_statsd_has_gauges_counters_times_and_tags(tmp_path):
    port, steering = free_port(), free_port()
    settings = {
        "port": port,
        "address": "127.0.0.1",
        "mgmt_port": steering,
        "mgmt_address": "127.0.0.1",
        "flushInterval": 60_000,
        "backends": [],
    }
    (tmp_path / "config.js").write_text(json.dumps(settings))
    options = {"address": f"127.0.0.1:{port}", "types": {"queue.time": "timing"}}
    plain = target("statsd", PLACE, options)
    tagged = target("dogstatsd", PLACE, {"address": options["address"]})

    def has(what):
        with suppress(OSError), socket.create_connection(("127.0.0.1", steering), timeout=60) as asked:
            asked.sendall(what.encode() + b"\n")
            told = b""
            while not told.endswith(b"END\n\n"):
                told += asked.recv(1 << 16) or pytest.fail(told.decode())
            return told.decode()
        return ""

    def send():
        plain.send(TOLD)
        tagged.send(TOLD)

    def gauges():
        # Written as an object of JavaScript's, with the names in quotes where they need them.
        lines = [line.strip().rstrip(",").rpartition(": ") for line in has("gauges").splitlines()]
        found = {name.strip("'"): value for name, _, value in lines}
        return {name: float(found.get(name, -1)) for name in expected}

    expected = {
        "fanlight.shop.queue.backlog": 7,
        "fanlight.shop.workers.utilisation": 0.25,
        "fanlight.shop.sockets.backlog_limit": 2048,
        "fanlight.shop.worker.0.busy_threads": 3,
        "queue.backlog;service=shop": 7,
        "worker.busy_threads;service=shop;worker=0": 3,
    }
    try:
        with running([NODE, str(STATSD), str(tmp_path / "config.js")], tmp_path):
            until(expected, gauges, send)
            assert "fanlight.shop.queue.time" in has("timers")
            assert "'statsd.bad_lines_seen': 0" in has("counters")
    finally:
        plain.close()
        tagged.close()


@pytest.mark.skipif(NETDATA is None, reason="netdata is not installed")
def test_netdata_makes_a_chart_of_every_gauge_and_has_its_value(tmp_path):
    port, page = free_port(), free_port()
    for name in ("cache", "lib", "logs", "run", "conf"):
        (tmp_path / name).mkdir()
    (tmp_path / "netdata.conf").write_text(
        f"""
[global]
    run as user = {os.environ.get("USER", "root")}
[directories]
    cache = {tmp_path}/cache
    lib = {tmp_path}/lib
    log = {tmp_path}/logs
    config = {tmp_path}/conf
[db]
    mode = ram
[ml]
    enabled = no
[cloud]
    enabled = no
[health]
    enabled = no
[registry]
    enabled = no
[web]
    bind to = 127.0.0.1:{page}
[plugins]
    statsd = yes
    timex = no
    checks = no
    idlejitter = no
    tc = no
    diskspace = no
    proc = no
    cgroups = no
    enable running new plugins = no
    python.d = no
    go.d = no
    apps = no
    charts.d = no
[statsd]
    enabled = yes
    bind to = udp:127.0.0.1:{port}
"""
    )
    plain = target("statsd", PLACE, {"address": f"127.0.0.1:{port}"})
    tagged = target("dogstatsd", PLACE, {"address": f"127.0.0.1:{port}"})

    def charts():
        told = fetched(f"http://127.0.0.1:{page}/api/v1/allmetrics?format=json")
        values = {}
        for chart in (json.loads(told) if told else {}).values():
            for dimension in chart["dimensions"].values():
                values[chart["name"]] = dimension["value"]
        return {name: values.get(name) for name in expected}

    expected = {
        "statsd_fanlight.shop.queue.backlog_gauge": 7,
        "statsd_fanlight.shop.workers.utilisation_gauge": 0.25,
        "statsd_fanlight.shop.sockets.backlog_limit_gauge": 2048,
    }

    def send():
        plain.send(TOLD)
        tagged.send(TOLD)

    command = [NETDATA, "-D", "-c", str(tmp_path / "netdata.conf"), "-P", str(tmp_path / "run" / "pid")]
    try:
        with running(command, tmp_path, env={**os.environ, "NETDATA_DISABLE_CLOUD": "1"}):
            until(expected, charts, send)
    finally:
        plain.close()
        tagged.close()


@pytest.mark.skipif(VICTORIA is None, reason="VictoriaMetrics is not installed")
def test_victoria_metrics_imports_what_is_posted_to_it(tmp_path):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    ours = target("http", PLACE, {"url": f"{address}/api/v1/import/prometheus"})
    command = [VICTORIA, f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={tmp_path}/data"]
    names = {
        "fanlight_queue_backlog": 7,
        "fanlight_workers_requests_count_total": 40,
        "fanlight_queue_time_seconds": 0.0125,
        "fanlight_worker_busy_threads": 3,
    }

    def has():
        found = {}
        for name in names:
            text = fetched(f"{address}/api/v1/export?" + urllib.parse.urlencode({"match[]": name}))
            rows = [json.loads(line) for line in text.splitlines()]
            found[name] = rows[0]["values"][-1] if rows else None
        return found

    sent = []

    def send():
        if not sent:
            ours.send(snapshot_formatter("prometheus")(TOLD))
            sent.append(1)

    try:
        with running(command, tmp_path):
            until(names, has, send)
    finally:
        ours.close()


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_complain_about():
    every = Snapshot(0, WHOLE, {**dict.fromkeys(METRICS, 1), "workers.restarts.SIGKILL": 1})
    (text,) = snapshot_formatter("prometheus")([every, *TOLD])
    found = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=str(text), capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
