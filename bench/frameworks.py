"""What a request through each framework pays for being seen, against the same process with the hooks out.

What is added differs from process to process all the same, by how memory came to lie: a row is the median
over all turns of several.
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
PROCESSES = 2
"""Of a round, for each scenario."""
TURNS = 8
"""Of each process: four blocks, two of them with the hooks in."""
CHUNKS = {"starlette": 12, "fastapi": 8, "django": 8, "django_asgi": 4}
"""Of each block."""


def run(rounds: int) -> list[Row]:
    """Answer two rows for each framework, medians over all turns of `rounds` rounds."""
    results: dict[str, list[dict[str, float]]] = {}
    only = os.environ.get("BENCH_FRAMEWORKS", "")
    names = only.split(",") if only else list(LIMITS)
    for number in range(rounds):
        for name in names:
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            for _ in range(PROCESSES):
                play(name, results.setdefault(name, []))
    lines = []
    for name in names:
        for field, limit in zip(("main_us", "all_in_us"), LIMITS[name], strict=True):
            added = median(result[f"{field}_added"] for result in results[name])
            plain = median(result[f"plain_{field}"] for result in results[name])
            what = "main" if field == "main_us" else "all-in"
            note = f"without {plain:,.0f} µs"
            lines.append(Row(f"{TITLES[name]}, {what} added", added, "µs", limit, note=note))
    return lines


def play(name: str, results: list[dict[str, float]]) -> None:
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
        for _ in range(TURNS):
            results.append(json.loads(answer(cell, f"{CHUNKS[name]}\n")))
            units = results[-1]["units"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/received", timeout=10) as got:
            received = json.load(got)["fanlight"]
    if received < units:
        raise SystemExit(f"{name}: {units} recorded, {received} received")
