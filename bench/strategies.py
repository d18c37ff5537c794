"""CPU of a trace with a collector beside the application, and with none: the same load, paced."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import processes
from rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping

SPANS = 20
PER_S = 500
PROGRAM = """
import json, sys, time
import fanlight
traced, per_s, lasts_s, spans = sys.argv[1] == "1", *map(int, sys.argv[2:])
if traced:
    fanlight.start()

def request(number):
    with fanlight.trace(f"page {number % 20}"):
        for place in range(spans):
            with fanlight.span(f"part {place % 7}", rows=place):
                pass

for number in range(per_s):
    request(number)
fanlight.flush(30)
began, spent = time.monotonic(), time.process_time()
for second in range(lasts_s):
    for part in range(10):
        for number in range(per_s // 10):
            request(number)
        time.sleep(max(0.0, began + second + (part + 1) / 10 - time.monotonic()))
if traced and not fanlight.flush(30):
    raise SystemExit("not all traces arrived")
print(json.dumps({"cpu_s": time.process_time() - spent, "traces": per_s * (lasts_s + 1)}))
"""


def run(rounds: int) -> list[Row]:
    """Answer the rows: medians of some rounds, each of the three ways once."""
    lasts_s = 10 if rounds >= 3 else 4
    found: dict[str, list[float]] = {"standalone": [], "collector": [], "embedded": []}
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        data = Path(folder) / "data"
        with processes.serving(data) as state:
            common = {"FANLIGHT_DATA": str(data)}
            direct = {"FANLIGHT_STRATEGY": "embedded", "FANLIGHT_DSN": f"http://{state['listen']}"}
            per_trace = 1e6 / (PER_S * lasts_s)
            for _ in range(max(rounds, 1)):
                plain_s = measure(lasts_s, common, traced=False)
                pid = state["pids"]["collector"]
                before_s = processes.cpu_s(pid)
                own_s = measure(lasts_s, {**common, "FANLIGHT_SERVICE": "standalone"})
                found["collector"].append((processes.cpu_s(pid) - before_s) * per_trace)
                found["standalone"].append((own_s - plain_s) * per_trace)
                alone_s = measure(lasts_s, {**common, **direct, "FANLIGHT_SERVICE": "embedded"})
                found["embedded"].append((alone_s - plain_s) * per_trace)
            sent = PER_S * (lasts_s + 1) * max(rounds, 1)
            check(data, {"standalone": sent, "embedded": sent})
    middle = {name: statistics.median(values) for name, values in found.items()}
    both = middle["standalone"] + middle["collector"]
    what = f"{SPANS}-span trace at {PER_S} a second"
    beside = (
        f"{middle['standalone']:.3g} us in the application, {middle['collector']:.3g} us in the collector"
    )
    return [
        Row(f"{what}, standalone: all CPU", both, "us", note=beside),
        Row(f"{what}, embedded: all CPU", middle["embedded"], "us", note="all in the application"),
    ]


def measure(lasts_s: int, settings: Mapping[str, str], *, traced: bool = True) -> float:
    """Answer the CPU seconds of an application at a steady load."""
    words = [str(int(traced)), str(PER_S), str(lasts_s), str(SPANS)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        env=processes.environment(**settings),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    spent_s: float = json.loads(done.stdout)["cpu_s"]
    return spent_s


def check(data: Path, sent: Mapping[str, int]) -> None:
    """Wait until each service has all of its traces in the store; the figures mean nothing otherwise."""
    deadline = time.monotonic() + 60
    while True:
        services = processes.status(data)["services"]
        stored = {name: services.get(name, {}).get("stored", 0) for name in sent}
        if stored == sent:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{sent} traces sent, {stored} stored")
        time.sleep(0.5)
