"""Fanlight's own processes, started for a measurement and read through /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
COMMAND = (sys.executable, "-P", "-m", "fanlight")


def environment(**settings: str) -> dict[str, str]:
    """Answer our environment without Fanlight's own settings, plus `settings`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FANLIGHT_")}
    return {**kept, **settings}


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[dict[str, Any]]:
    """Run `fanlight serve` on a data directory; yield what it says of itself in `run/fanlight.json`."""
    data.mkdir(mode=0o700, exist_ok=True)
    command = [*COMMAND, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, env=environment(**settings), stdout=subprocess.DEVNULL)
    try:
        yield state(data)
    finally:
        process.terminate()
        process.wait(20)


def state(data: Path, within_s: float = 20.0) -> dict[str, Any]:
    """Answer `run/fanlight.json` once both processes stand in it and the socket is there."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            found: dict[str, Any] = json.loads((data / "run" / "fanlight.json").read_text())
        except (FileNotFoundError, ValueError):
            found = {}
        pids = found.get("pids", {})
        if pids.get("collector") and pids.get("server") and (data / "run" / "collector.sock").exists():
            return found
        time.sleep(0.05)
    raise SystemExit(f"no collector and server within {within_s:g} s")


def status(data: Path) -> dict[str, Any]:
    """Answer `fanlight status --json`."""
    command = [*COMMAND, "status", "--json", "--data", str(data)]
    out = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(out.stdout)
    return answer


def cpu_s(pid: int) -> float:
    """Answer the CPU seconds that a process has used, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Answer a process's resident memory in MB, 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
