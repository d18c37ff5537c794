"""The page to scrape: who may read it, and that a real Prometheus does."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families as families
from receivers import free_port

from fanlight.errors import ConfigError
from fanlight.formatters import snapshot_formatter
from fanlight.targets import Place, target
from fanlight.targets.prometheus import STALE_S
from fanlight.wire.readings import Snapshot

PLACE = Place({}, 5.0)
SHOP = {"service": "shop", "host": "vm"}
TOLD = [Snapshot(0, SHOP, {"workers.requests_count": 42, "queue.backlog": 7, "queue.time": 12_500_000})]
PROMETHEUS = shutil.which("prometheus")


@pytest.fixture
def scraped():
    ours = target("prometheus", PLACE, {"address": "127.0.0.1:0"})
    ours.send(snapshot_formatter("prometheus")(TOLD))
    yield ours
    ours.close()


def ask(port, host=None, path="/metrics", method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    if host is not None:
        headers["host"] = host
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.headers["content-type"], answer.read().decode()
    connection.close()
    return found


def test_the_page_is_text_unless_openmetrics_is_asked_for(scraped):
    status, kind, text = ask(scraped.port)
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert {family.name for family in families(text)} >= {"fanlight_queue_backlog"}
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    status, kind, text = ask(scraped.port, accept=accept)
    assert (status, kind) == (200, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_own_names_are_answered(scraped, host):
    assert ask(scraped.port, f"{host}:{scraped.port}")[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "evil.example:{}", "127.0.0.1:1", ""])
def test_any_other_host_is_refused(scraped, host):
    status, _, text = ask(scraped.port, host.format(scraped.port))
    assert status == 403
    assert "fanlight_" not in text


def test_two_hosts_are_none(scraped):
    with socket.create_connection(("127.0.0.1", scraped.port), 60) as client:
        own = f"Host: 127.0.0.1:{scraped.port}\r\n".encode()
        client.sendall(b"GET /metrics HTTP/1.1\r\n" + own + b"Host: evil.example\r\n\r\n")
        assert b" 403 " in client.recv(1 << 16)


def test_what_was_told_long_ago_is_no_value_any_more(scraped):
    scraped.server.made_s -= STALE_S
    assert ask(scraped.port) == (200, "text/plain; version=0.0.4; charset=utf-8", "")
    assert ask(scraped.port, accept="application/openmetrics-text")[2] == "# EOF\n"
    scraped.send(snapshot_formatter("prometheus")(TOLD))
    assert "fanlight_queue_backlog" in ask(scraped.port)[2]


def test_only_the_page_is_there_to_be_read(scraped):
    assert ask(scraped.port, path="/etc/passwd")[0] == 404
    assert ask(scraped.port, method="POST")[0] == 501
    assert ask(scraped.port, method="HEAD") == (200, "text/plain; version=0.0.4; charset=utf-8", "")


def test_an_address_that_others_reach_must_be_wanted():
    with pytest.raises(ConfigError, match="exposed = true"):
        target("prometheus", PLACE, {"address": "0.0.0.0:0"})
    target("prometheus", PLACE, {"address": "0.0.0.0:0", "exposed": True}).close()


def test_a_port_of_somebody_else_is_an_error_until_it_is_free(scraped):
    second = target("prometheus", PLACE, {"address": f"127.0.0.1:{scraped.port}"})
    with pytest.raises(OSError, match="Address already in use"):
        second.send([""])
    scraped.close()
    second.send([""])
    assert second.port
    second.close()


def test_many_that_say_nothing_do_not_keep_the_next_one_out_for_long(scraped):
    silent = [http.client.HTTPConnection("127.0.0.1", scraped.port, timeout=60) for _ in range(8)]
    for each in silent:
        each.connect()
    assert ask(scraped.port)[0] == 200
    for each in silent:
        each.close()


@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
def test_a_real_prometheus_scrapes_it_and_has_the_values(scraped, tmp_path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: fanlight, static_configs: [{{targets: ['127.0.0.1:{scraped.port}']}}]}}\n"
    )
    command = [
        PROMETHEUS,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        assert asked(port, "up") == {"fanlight": 1.0}
        assert asked(port, "fanlight_workers_requests_count_total") == {"shop": 42.0}
        assert asked(port, "fanlight_queue_backlog") == {"shop": 7.0}
        assert asked(port, "fanlight_queue_time_seconds") == {"shop": 0.0125}
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/metadata", timeout=60) as answer:
            known = json.load(answer)["data"]
        assert known["fanlight_workers_requests_count"][0]["type"] == "counter"
        assert known["fanlight_queue_time_seconds"][0]["unit"] == "seconds"
    finally:
        process.terminate()
        process.wait(timeout=60)


def asked(port, query):
    """Answer what Prometheus has for a query, by service or job, as soon as it has anything above 0."""
    deadline_s = time.monotonic() + 120
    url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                rows = json.load(answer)["data"]["result"]
        except OSError:
            rows = []
        found = {
            row["metric"].get("service", row["metric"].get("job")): float(row["value"][1]) for row in rows
        }
        if any(found.values()):
            return found
        assert time.monotonic() < deadline_s, f"nothing for {query}: {found}"
        time.sleep(0.1)
