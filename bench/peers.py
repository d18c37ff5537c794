"""Our cost in the application beside the peers', in one interleaved run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OURS = "ours"

EVERYBODY = (OURS, "otel", "otlp", "datadog")
SCENARIOS = {
    "trace20": (EVERYBODY, 8, 20),
    "flask": (EVERYBODY, 8, 15),
    "sqlalchemy": (EVERYBODY, 8, 5),
    "sqlite": (EVERYBODY, 8, 10),
    "off": ((OURS, "otel"), 8, 10),
    "calls": ((OURS, "otel", "datadog"), 1, 1),
}
"""Scenario to its contenders, the turns that each of them has in a round, and the chunks of a turn.

A turn is long enough that the caches, cold after somebody else's, do not show: they would be laid
to the cheapest contender's account.
"""

SPANS = {"trace20": 21, "flask": 1, "sqlalchemy": 21, "sqlite": 21}
"""Spans a unit must have brought to the sink, at the least."""

Results = dict[tuple[str, str], list[dict[str, float]]]
"""(contender, scenario) to what a unit cost in each of its turns."""


def environment() -> Path:
    """Answer the Python of the peers' own environment, made at the first call."""
    given = os.environ.get("BENCH_ENV")
    home = Path(given) if given else ROOT / ".venv-bench"
    python = home / "bin" / "python"
    done = home / ".complete"
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    wanted = "\n".join(groups["bench"])
    # Made anew when the group has changed since.
    if not given and not (done.exists() and done.read_text() == wanted):
        print(f"installing the peers into {home.name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *groups["bench"]], check=True)
        done.write_text(wanted)
    return python


def run(rounds: int) -> list[Row]:
    """Answer the rows of all scenarios, medians over all turns of `rounds` rounds."""
    python = environment()
    results: Results = {}
    shuffle = random.Random(20)
    for number in range(rounds):
        for scenario in shuffle.sample(list(SCENARIOS), len(SCENARIOS)):
            print(f"round {number + 1} of {rounds}: {scenario}", file=sys.stderr, flush=True)
            play(python, scenario, shuffle, results)
    return rows(results)


def play(python: Path, scenario: str, shuffle: random.Random, results: Results) -> None:
    """Let a scenario's contenders take turns of a few chunks, each in a fresh process of its own.

    What disturbs the machine for a while disturbs all of them alike.
    """
    names, turns, chunks = SCENARIOS[scenario]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fanlight-bench-"))
        path = os.path.join(folder, "collector.sock")
        sink = started(stack, [python, HERE / "sink.py", path])
        port = answer(sink)
        cells = {
            name: started(stack, [*pinned(), python, HERE / "cell.py", name, scenario, port, path])
            for name in names
        }
        units = {name: json.loads(answer(cell))["units"] for name, cell in cells.items()}
        for _ in range(turns):
            for name in shuffle.sample(names, len(names)):
                told = json.loads(answer(cells[name], f"{chunks}\n"))
                units[name] = told["units"]
                results.setdefault((name, scenario), []).append(told)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/received", timeout=10) as got:
            received = json.load(got)
    for name, number in units.items():
        expect_all(name, scenario, number, received)


def started(stack: ExitStack, command: list[Any]) -> subprocess.Popen[str]:
    """Start a process that answers line by line, and ends when its standard input does."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings
    )
    stack.callback(process.communicate, timeout=30)
    return process


def answer(process: subprocess.Popen[str], question: str = "") -> str:
    """Answer a process's next line, after asking it if there is something to ask."""
    assert process.stdin is not None
    assert process.stdout is not None
    if question:
        process.stdin.write(question)
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{process.args} ended with {process.wait()}")
    return line.strip()


def pinned() -> list[str]:
    """Answer the command that keeps a cell on one CPU, where the machine has several."""
    from shutil import which

    cpus = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cpus[-1])] if len(cpus) > 1 and which("taskset") else []


RECEIVED_AS = {
    OURS: ("fanlight", SPANS),
    "otlp": ("otlp", SPANS),
    "datadog": ("ddtrace", dict.fromkeys(SPANS, 1)),
}
"""Contender to the sink's counter, and what a unit adds to it: spans, or traces for ddtrace."""


def expect_all(name: str, scenario: str, units: int, received: dict[str, int]) -> None:
    """Fail when a contender dropped what it recorded: that would make it look cheap."""
    if name in RECEIVED_AS and scenario in SPANS:
        counter, per_unit = RECEIVED_AS[name]
        expected = units * per_unit[scenario]
        if received.get(counter, 0) < expected:
            raise SystemExit(
                f"{name} in {scenario}: {expected} recorded, {received.get(counter, 0)} received"
            )


def rows(results: Results) -> list[Row]:
    """Answer the table's lines: our numbers against their limits, the peers' beside them."""

    def mid(name: str, scenario: str, field: str) -> float:
        return median(result[field] for result in results[name, scenario])

    def added(name: str, scenario: str, field: str) -> float:
        return mid(name, scenario, field if scenario == "trace20" else f"{field}_added")

    def beside(scenario: str, field: str, names: tuple[str, ...] = ("otel", "otlp", "datadog")) -> str:
        label = {"otel": "OTel no-op", "otlp": "OTel OTLP", "datadog": "ddtrace"}
        return ", ".join(f"{label[name]} {added(name, scenario, field):,.0f} µs" for name in names)

    child = added(OURS, "trace20", "main_us") / 20
    otel = min(added("otel", "trace20", "main_us"), added("otlp", "trace20", "main_us")) / 20
    datadog = added("datadog", "trace20", "main_us") / 20
    trace = added(OURS, "trace20", "all_in_us")
    otlp = added("otlp", "trace20", "all_in_us")
    return [
        Row("child span, main", child, "µs"),
        Row("child span: OTel SDK / ours", otel / child, "x", 20, at_least=True, note=f"OTel {otel:.1f} µs"),
        Row(
            "child span: ddtrace / ours",
            datadog / child,
            "x",
            12,
            at_least=True,
            note=f"ddtrace {datadog:.1f} µs",
        ),
        Row(
            "20-span trace, main", added(OURS, "trace20", "main_us"), "µs", note=beside("trace20", "main_us")
        ),
        Row("20-span trace, all-in", trace, "µs", note=beside("trace20", "all_in_us")),
        Row("20-span trace, all-in: OTel OTLP / ours", otlp / trace, "x", 20, at_least=True),
        Row(
            "disabled span",
            mid(OURS, "off", "main_us") / 1000,
            "µs",
            0.25,
            note=f"OTel API {mid('otel', 'off', 'main_us') / 1000:.1f} µs",
        ),
        Row("Python calls per child span", mid(OURS, "calls", "calls"), "", 8, note=calls(mid)),
        Row("Flask request without instrumentation", mid(OURS, "flask", "plain_us"), "µs"),
        Row(
            "Flask request, main added",
            added(OURS, "flask", "main_us"),
            "µs",
            15,
            note=beside("flask", "main_us"),
        ),
        Row(
            "Flask request, all-in added",
            added(OURS, "flask", "all_in_us"),
            "µs",
            25,
            note=beside("flask", "all_in_us"),
        ),
        *queries(added, beside),
    ]


def calls(mid: Callable[[str, str, str], float]) -> str:
    return f"OTel {mid('otel', 'calls', 'calls'):.0f}, ddtrace {mid('datadog', 'calls', 'calls'):.0f}"


def queries(added: Callable[[str, str, str], float], beside: Callable[[str, str], str]) -> list[Row]:
    """Answer the lines about 20 queries: the cheaper OTel for main, OTLP all-in; with sqlite3, any peer."""
    lines = []
    for scenario, label, limit in (("sqlalchemy", "SQLAlchemy", 25), ("sqlite", "sqlite3", 10)):
        for field, part in (("main_us", "main"), ("all_in_us", "all-in")):
            ours = added(OURS, scenario, field)
            # What is thrown away costs nothing to send, so all-in only an exporter that sends compares.
            rivals = ("otel", "otlp") if field == "main_us" else ("otlp",)
            who = "OTel" if field == "main_us" else "OTel OTLP"
            if scenario == "sqlite":
                rivals, who = (*rivals, "datadog"), "the cheapest peer"
            theirs = min(added(name, scenario, field) for name in rivals)
            what = f"20 {label} queries under Flask, {part}"
            lines.append(Row(f"{what} added", ours, "µs", note=beside(scenario, field)))
            lines.append(Row(f"{what}: {who} / ours", theirs / ours, "x", limit, at_least=True))
    return lines
