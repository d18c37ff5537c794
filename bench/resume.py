"""How long after a kill -9 of one of our processes what an application records is accepted and stored again.

`python bench/resume.py --kills 10` prints, for each of the three or for `--role` alone, the median and the
longest time in seconds from the kill until all that was recorded by then, and the next trace, is
accepted, and until it is stored. What was accepted is heard from the server, so that a killed server's
own figure is when it could say so. All of it runs in the background, where a child takes the place of a
supervisor that is killed.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import processes

from fanlight.cli.client import Client
from fanlight.errors import FanlightError

PROGRAM = """
import sys, time
import fanlight
fanlight.start("resume", dsn=f"unix://{sys.argv[1]}/run/collector.sock")
with open(sys.argv[2], "wb", buffering=0) as told:
    while True:
        with fanlight.trace("job"):
            pass
        told.write(b".")
        time.sleep(0.01)
"""
"""Traces a hundred times a second, and keeps count in the size of a file."""
ROLES = ("collector", "server", "supervisor")
LOOK_S = 0.02
CALM_S = 3.0
"""Between what was stored again and the next kill: whoever was started has become ready."""
LATEST_S = 60.0


def counts(data: Path) -> tuple[int, int]:
    """Answer how many traces are accepted and how many stored; -1 each while nobody tells."""
    try:
        status: Any = Client(str(data), 1.0).get("/api/status")
    except FanlightError:
        return -1, -1
    accepted = (status["collector"] or {}).get("accepted", {}).get("resume", -1)
    return accepted, status["services"].get("resume", {}).get("stored", -1)


def resumed_s(data: Path, goal: int) -> tuple[float, float]:
    """Answer the seconds from now until that many traces are accepted, and until they are stored."""
    began = time.monotonic()
    accepted_s = 0.0
    while time.monotonic() < began + LATEST_S:
        accepted, stored = counts(data)
        after_s = time.monotonic() - began
        if accepted >= goal or stored >= goal:
            accepted_s = accepted_s or after_s
        if stored >= goal:
            return accepted_s, after_s
        time.sleep(LOOK_S)
    raise SystemExit(f"nothing was stored again within {LATEST_S:g} s")


def measure(data: Path, told: Path, roles: list[str], kills: int) -> None:
    """Kill each of those in turn, and print what came of it."""
    resumed_s(data, 1)
    for role in roles:
        times = []
        for _ in range(kills):
            time.sleep(CALM_S)
            os.kill(processes.state(data)["pids"][role], signal.SIGKILL)
            times.append(resumed_s(data, told.stat().st_size + 1))
        for what, values in zip(("accepted", "stored"), zip(*times, strict=True), strict=True):
            print(f"{role} {what}: median {statistics.median(values):.2f} s, longest {max(values):.2f} s")


def main() -> None:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=10, help="of each process")
    parser.add_argument("--role", choices=ROLES, help="which alone; else all")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fanlight-resume-") as folder:
        data, told = Path(folder) / "data", Path(folder) / "told"
        environment = processes.environment(FANLIGHT_DATA=str(data), FANLIGHT_LISTEN="127.0.0.1:0")
        command = [*processes.COMMAND, "run", sys.executable, "-c", PROGRAM, str(data), str(told)]
        program = subprocess.Popen(command, env=environment)
        try:
            processes.state(data)
            measure(data, told, [asked.role] if asked.role else list(ROLES), asked.kills)
        finally:
            program.kill()
            program.wait()
            subprocess.run([*processes.COMMAND, "stop"], env=environment, check=False)


if __name__ == "__main__":
    main()
