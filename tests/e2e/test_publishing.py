"""A real server under load, its numbers at real receivers, and targets that misbehave beside them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families as families

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")
PROMETHEUS = shutil.which("prometheus")
APPLICATION = """
import os, time
def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        while not os.path.exists(os.environ["ENOUGH"]):
            time.sleep(0.02)
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]
"""
SINKS = """
import os, time
def raises(told):
    raise RuntimeError("no such thing")
def hangs(told):
    time.sleep(60)
def leaves(told):
    raise SystemExit(3)
def remembers(told):
    with open(os.environ["SINK"], "a") as file:
        file.write(f"{told.values!r}\\n")
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """A program that `fanlight run` became, with its Fanlight."""

    def __init__(self, folder, targets, out=None):
        self.folder, self.port = folder, free_port()
        (folder / "site").mkdir()
        (folder / "site" / "shop_app.py").write_text(APPLICATION)
        (folder / "site" / "shop_sinks.py").write_text(SINKS)
        self.environ = {
            **os.environ,
            "FANLIGHT_LISTEN": "127.0.0.1:0",
            "FANLIGHT_DATA": str(folder / "data"),
            "FANLIGHT_TELEMETRY__FREQUENCY_S": "0.5",
            "FANLIGHT_TELEMETRY__INITIAL_DELAY_S": "0",
            "FANLIGHT_TELEMETRY__TARGETS": json.dumps(targets),
            "FANLIGHT_KEEP_ENV": "PYTHONPATH,SINK",
            "PYTHONPATH": str(folder / "site"),
            "SINK": str(folder / "sink"),
            "ENOUGH": str(folder / "enough"),
        }
        gunicorn = (sys.executable, "-P", "-m", "gunicorn", "-k", "gthread")
        where = ("-w", "1", "--threads", "2", "-b", f"127.0.0.1:{self.port}", "shop_app:app")
        with open(folder / "out", "wb") as file, open(folder / "err", "wb") as err:
            self.process = subprocess.Popen(
                [*FANLIGHT, "run", "--service", "shop", *gunicorn, *where],
                env=self.environ,
                stdout=file if out is None else out,
                stderr=err,
            )
        self.clients = []

    def ask(self, path="/"):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read()

    def overload(self, number):
        """Let so many requests come at once that are answered at the end."""
        for _ in range(number):
            client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
            self.clients.append(client)

    def fanlight(self, *arguments):
        done = subprocess.run(
            [*FANLIGHT, *arguments], env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def targets(self):
        found = json.loads(self.fanlight("status", "--json"))["collector"]
        return {each["target"]: each for each in (found or {}).get("targets", ())}

    def end(self):
        (self.folder / "enough").touch()
        for client in self.clients:
            client.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=40)
        subprocess.run([*FANLIGHT, "stop"], env=self.environ, capture_output=True, check=False, timeout=60)
        return code


@pytest.fixture
def house(tmp_path):
    """Start houses that are ended."""
    made = []

    def start(targets, out=None):
        made.append(House(tmp_path, targets, out))
        until(lambda: made[0].ask() == b"ok")
        return made[0]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.end()


def until(question, deadline_s=60):
    """Answer what a question answers once it is true."""
    deadline_s += time.monotonic()
    while True:
        try:
            if answer := question():
                return answer
        except (OSError, ValueError, KeyError, StopIteration):
            pass  # not there yet
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_eight_requests_that_wait_are_eight_at_every_receiver(house, tmp_path):
    page = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as agent:
        agent.bind(str(tmp_path / "dsd.sock"))
        agent.settimeout(60)
        found = house(
            [
                {"type": "prometheus", "address": f"127.0.0.1:{page}"},
                {"type": "dogstatsd", "address": f"unix:{tmp_path}/dsd.sock", "labels": ["service"]},
                {"type": "stream"},
                {"type": "log"},
                {"type": "stream", "to": "stderr", "formatter": "logfmt", "transform": "l2met"},
            ]
        )
        found.overload(10)

        def scraped():
            with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics", timeout=60) as answer:
                text = answer.read().decode()
            return {
                sample.name: sample.value
                for family in families(text)
                for sample in family.samples
                if sample.labels["service"] == "shop" and "worker" not in sample.labels
            }

        values = until(lambda: (got := scraped())["fanlight_requests_waiting"] == 8 and got)
        assert values["fanlight_workers_busy_threads"] == values["fanlight_workers_max_threads"] == 2
        assert values["fanlight_queue_capacity"] == 0
        until(lambda: b"requests.waiting:8|g|#service:shop\n" in agent.recv(8192))
        out = until(lambda: '"requests-waiting":8,' in (tmp_path / "out").read_text() and (tmp_path / "out"))
        line = next(line for line in out.read_text().splitlines() if '"requests-waiting":8,' in line)
        assert list(json.loads(line).items())[-2:] == [("name", "Fanlight"), ("message", "Publish telemetry")]
        err = until(lambda: "sample#requests.waiting=8" in (text := (tmp_path / "err").read_text()) and text)
        source = f'name="Fanlight" source="{os.uname().nodename}/shop"'
        assert re.search(rf"sample#requests\.waiting=8 .* {source}$", err, re.MULTILINE)
        head = r"^I, \[[\dT:.-]+ #\d+\]  INFO -- : "
        assert re.search(rf"{head}workers\.booted=1 .* requests\.waiting=8 ", err, re.MULTILINE)
        (row,) = json.loads(found.fanlight("telemetry", "--count", "1", "--json"))[0]
        assert (row["service"], row["requests.waiting"]) == ("shop", 8)
        looked = json.loads(found.fanlight("top", "--json"))["servers"][0]
        assert looked["requests.waiting"] == 8


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
def test_debians_prometheus_scrapes_what_an_overloaded_server_is_at(house, tmp_path):
    page, port = free_port(), free_port()
    found = house([{"type": "prometheus", "address": f"127.0.0.1:{page}"}])
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: fanlight, static_configs: [{{targets: ['127.0.0.1:{page}']}}]}}]\n"
    )
    command = [
        PROMETHEUS,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(tmp_path / "prometheus.log", "wb") as log:
        prometheus = subprocess.Popen(command, stdout=log, stderr=log)

    def asked(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return [float(row["value"][1]) for row in json.load(answer)["data"]["result"]]

    try:
        until(lambda: asked("up") == [1.0])
        found.overload(10)
        until(lambda: asked("fanlight_requests_waiting") == [8.0])
        assert asked("fanlight_workers_max_threads") == [2.0]
        until(lambda: asked("max_over_time(fanlight_requests_waiting[1m])") == [8.0])
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=60)


def test_targets_that_misbehave_harm_neither_the_program_nor_each_other(house, tmp_path):
    found = house(
        [
            {"type": "shop_sinks:raises"},
            {"type": "shop_sinks:hangs", "timeout_s": 1},
            {"type": "shop_sinks:leaves"},
            {"type": "dogstatsd", "address": f"unix:{tmp_path}/nobody.sock"},
            {"type": "http", "url": f"http://127.0.0.1:{free_port()}/"},
            {"type": "shop_sinks:remembers"},
        ]
    )
    good = "shop_sinks:remembers"
    states = until(
        lambda: (
            (now := found.targets())["shop_sinks:hangs"]["state"] == "hanging"
            and now[good]["delivered"] >= 10
            and now["shop_sinks:raises"]["errors"] >= 3
            and now
        )
    )
    assert states[good]["errors"] == states[good]["dropped"] == 0
    assert states["shop_sinks:raises"]["error"] == "RuntimeError: no such thing"
    assert states["shop_sinks:leaves"]["error"] == "SystemExit: 3"
    assert states["shop_sinks:hangs"]["errors"] == 1
    assert "dogstatsd" in states
    assert "No such file" in states["dogstatsd"]["error"]
    assert "refused" in states["http"]["error"]
    assert found.ask() == b"ok"
    assert "'workers.booted': 1" in (tmp_path / "sink").read_text()
    # As text for people too, and once in the log however often it failed.
    assert re.search(r"shop_sinks:hangs +hanging +0 +1 ", found.fanlight("status"))
    log = (tmp_path / "data" / "run" / "fanlight.log").read_text()
    assert log.count("target shop_sinks:raises: RuntimeError: no such thing") == 1
    # The one that hangs holds up no end.
    assert found.end() == 0


def test_a_pipe_that_is_closed_ends_neither_the_program_nor_the_other_targets(house):
    reads, writes = os.pipe()
    found = house([{"type": "stream"}, {"type": "shop_sinks:remembers"}], writes)
    os.close(writes)
    with open(reads, encoding="utf-8") as pipe:
        assert json.loads(pipe.readline())["message"] == "Publish telemetry"
    other = "shop_sinks:remembers"
    broken = until(lambda: (now := found.targets())["stream"]["errors"] >= 3 and now)
    assert "closed" in broken["stream"]["error"]
    until(lambda: found.targets()[other]["delivered"] > broken[other]["delivered"])
    assert found.targets()[other]["errors"] == 0
    assert found.ask() == b"ok"


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([{"type": "dogstats"}], "did you mean 'dogstatsd'"),
        ([{"type": "stream", "formatter": "jsn"}], "did you mean 'json'"),
        ([{"type": "stream", "transform": "l2mt"}], "did you mean 'l2met'"),
    ],
)
def test_a_mistyped_name_is_said_at_start_and_the_program_runs(tmp_path, targets, said):
    environ = {
        **os.environ,
        "FANLIGHT_LISTEN": "127.0.0.1:0",
        "FANLIGHT_TELEMETRY__TARGETS": json.dumps(targets),
    }
    command = [*FANLIGHT, "run", "--data", str(tmp_path / "data"), sys.executable, "-c", "print('ran')"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    served = [*FANLIGHT, "serve", "--data", str(tmp_path / "data")]
    done = subprocess.run(served, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4
    assert said in done.stderr
    assert "telemetry.targets 1" in done.stderr
