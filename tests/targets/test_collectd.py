"""Plain statsd, read by somebody who knows no tags: collectd's own parser."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import suppress

import pytest
from receivers import free_port

from fanlight.targets import Place, target
from fanlight.wire.readings import Snapshot

COLLECTD = shutil.which("collectd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
SETTINGS = """
BaseDir "{folder}"
PIDFile "{folder}/pid"
Interval 1
LoadPlugin logfile
LoadPlugin statsd
LoadPlugin csv
<Plugin logfile>
  LogLevel info
  File "{folder}/log"
</Plugin>
<Plugin statsd>
  Host "127.0.0.1"
  Port "{port}"
</Plugin>
<Plugin csv>
  DataDir "{folder}/csv"
</Plugin>
"""
REFUSAL = "Unable to parse line"
VALUES = {"workers.booted": 2, "queue.backlog": 7, "workers.utilisation": 0.25, "queue.time": 12_500_000}


@pytest.mark.skipif(COLLECTD is None, reason="collectd is not installed")
def test_collectd_takes_every_line_and_has_the_values(tmp_path):
    port = free_port()
    (tmp_path / "conf").write_text(SETTINGS.format(folder=tmp_path, port=port))
    process = subprocess.Popen([COLLECTD, "-f", "-C", str(tmp_path / "conf")], stderr=subprocess.DEVNULL)
    types = {"queue.time": "timing", "workers.requests_count": "count"}
    options = {"address": f"127.0.0.1:{port}"}
    ours = target("statsd", Place({}, 5.0), {**options, "types": types})
    told = [
        Snapshot(0, {"service": "shop", "host": "vm"}, {**VALUES, "workers.requests_count": 40}),
        Snapshot(0, {"service": "shop", "worker": "0"}, {"workers.busy_threads": 1}),
    ]
    expected = {
        "gauge-fanlight.shop.queue.backlog": 7,
        "gauge-fanlight.shop.workers.utilisation": 0.25,
        "gauge-fanlight.shop.worker.0.busy_threads": 1,
        # It keeps times in bins of its own.
        "latency-fanlight.shop.queue.time-average": 0.0125,
        "derive-fanlight.shop.workers.requests_count": 0,
    }
    log = tmp_path / "log"
    deadline_s = time.monotonic() + 120
    try:
        while any(read(tmp_path, name) != pytest.approx(value, rel=0.1) for name, value in expected.items()):
            assert time.monotonic() < deadline_s, {name: read(tmp_path, name) for name in expected}
            # Until it listens there is nobody to take them.
            with suppress(OSError):
                ours.send(told)
            time.sleep(0.2)
        assert REFUSAL not in log.read_text()
        # What has tags it does refuse, so the line above would be there.
        tagged = target("dogstatsd", Place({}, 5.0), options)
        tagged.send(told)
        tagged.close()
        while REFUSAL not in log.read_text():
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    finally:
        ours.close()
        process.terminate()
        process.wait(timeout=60)


def read(folder, name):
    """Answer the last number that collectd wrote down under a name, None when there is none."""
    for path in folder.glob(f"csv/*/statsd/{name}-*"):
        last = path.read_text().splitlines()[-1]
        return None if last.startswith("epoch") else float(last.split(",")[1])
    return None
