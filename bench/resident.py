"""Memory of the collector and the server while the demo runs."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

import processes
from rows import Row


def run(rounds: int) -> list[Row]:
    """Answer the rows: the highest resident size seen, read four times a second."""
    for_s = 20 if rounds >= 3 else 6
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        data = Path(folder) / "data"
        command = [*processes.COMMAND, "demo", "--for", f"{for_s}s", "--json", "--data", str(data)]
        demo = subprocess.Popen(command, env=processes.environment(), stdout=subprocess.PIPE, text=True)
        pids = processes.state(data)["pids"]
        peak = {"collector": 0.0, "server": 0.0}
        while demo.poll() is None:
            for role, highest in list(peak.items()):
                peak[role] = max(highest, processes.resident_mb(pids[role]))
            time.sleep(0.25)
        assert demo.stdout is not None
        if demo.returncode:
            raise SystemExit("the demo failed")
        sent = sum(json.load(demo.stdout)["sent"].values())
    return [
        Row(
            "collector resident during the demo",
            peak["collector"],
            "MB",
            80,
            note=f"{sent} requests in {for_s} s",
        ),
        Row("server resident during the demo", peak["server"], "MB", 300),
    ]
