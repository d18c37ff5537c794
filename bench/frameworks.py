"""What a request through each framework pays for being seen, against a twin that is not.

What is added to Django under ASGI differs by 20 µs from process to process, also where there is nothing to
add: however long one process measures, it tells of itself alone. So that row is the median over many
processes, 25 in five rounds, each of which takes few turns; two of these cancel out what drifts.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from statistics import median
from typing import Any

from peers import HERE, OURS, answer, pinned, started
from rows import Row

LIMITS = {"starlette": (12, 20), "fastapi": (12, 20), "django": (20, 30), "django_asgi": (20, 30)}
"""Scenario to the µs that it may add, on the calling thread and in all."""
TITLES = {
    "starlette": "Starlette request",
    "fastapi": "FastAPI request",
    "django": "Django request, WSGI",
    "django_asgi": "Django request, ASGI",
}
PROCESSES = {"django_asgi": (5, 2)}
"""Scenario to the processes of a round and the turns of each, where it is not one with `TURNS`."""
TURNS = 8
CHUNKS = 15


def run(rounds: int) -> list[Row]:
    """Answer two rows for each framework, medians over all turns of `rounds` rounds."""
    results: dict[str, list[dict[str, float]]] = {}
    only = os.environ.get("BENCH_FRAMEWORKS", "")
    names = only.split(",") if only else list(LIMITS)
    for number in range(rounds):
        for name in names:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            processes, turns = PROCESSES.get(name, (1, TURNS))
            for _ in range(processes):
                play(name, turns, results.setdefault(name, []))
    lines = []
    for name in names:
        for field, limit in zip(("main_us", "all_in_us"), LIMITS[name], strict=True):
            added = median(result[f"{field}_added"] for result in results[name])
            plain = median(result["plain_us"] for result in results[name])
            what = "main" if field == "main_us" else "all-in"
            note = f"without {plain:,.0f} µs"
            lines.append(Row(f"{TITLES[name]}, {what} added", added, "µs", limit, note=note))
    return lines


def play(name: str, turns: int, results: list[dict[str, float]]) -> None:
    """Take so many turns in a fresh process; every request must have come to the sink."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fanlight-bench-"))
        path = os.path.join(folder, "collector.sock")
        # The frameworks stand in the environment of development.
        sink = started(stack, [sys.executable, HERE / "sink.py", path])
        port = answer(sink)
        command: list[Any] = [*pinned(), sys.executable, HERE / "webcell.py", OURS, name, port, path]
        cell = started(stack, command)
        units = json.loads(answer(cell))["units"]
        for _ in range(turns):
            results.append(json.loads(answer(cell, f"{CHUNKS}\n")))
            units = results[-1]["units"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/received", timeout=10) as got:
            received = json.load(got)["fanlight"]
    if received < units:
        raise SystemExit(f"{name}: {units} recorded, {received} received")
