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
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OURS = "ours"

CELLS = [
    *((name, "trace20", 40) for name in ("none", OURS, "otel", "otlp", "datadog")),
    *((name, "flask", 50) for name in ("none", OURS, "otel", "otlp", "datadog")),
    *((name, "sqlalchemy", 15) for name in ("none", OURS, "otel", "otlp", "datadog")),
    # What we add is a small difference of two large numbers, so those two are read more often.
    *2 * [(name, scenario, 30) for name in ("none", OURS) for scenario in ("flask", "sqlalchemy")],
    *((name, "off", 100) for name in (OURS, "otel")),
    *((name, "calls", 1) for name in (OURS, "otel", "datadog")),
]
"""Contender, scenario, chunks."""

SPANS = {"trace20": 21, "flask": 1, "sqlalchemy": 21}
"""Spans a unit must have brought to the sink, at the least."""


def environment() -> Path:
    """Answer the Python of the peers' own environment, made at the first call."""
    given = os.environ.get("BENCH_ENV")
    home = Path(given) if given else ROOT / ".venv-bench"
    python = home / "bin" / "python"
    done = home / ".complete"
    if not given and not done.exists():
        groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
        print(f"installing the peers into {home.name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *groups["bench"]], check=True)
        done.touch()
    return python


def run(rounds: int) -> list[Row]:
    """Answer the rows of all scenarios, medians over `rounds` shuffled rounds."""
    python = environment()
    results: dict[tuple[str, str], list[dict[str, float]]] = {}
    shuffle = random.Random(20)
    for number in range(rounds):
        cells = CELLS[:]
        shuffle.shuffle(cells)
        for done, (name, scenario, chunks) in enumerate(cells):
            print(
                f"\rround {number + 1}/{rounds}, cell {done + 1}/{len(cells)} ",
                end="",
                file=sys.stderr,
                flush=True,
            )
            results.setdefault((name, scenario), []).append(cell(python, name, scenario, chunks))
    print(file=sys.stderr)
    return rows(results)


def cell(python: Path, name: str, scenario: str, chunks: int) -> dict[str, float]:
    """Measure one contender in one scenario, in a fresh process with a fresh sink."""
    settings = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        path = os.path.join(folder, "collector.sock")
        sink = subprocess.Popen(
            [python, HERE / "sink.py", path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=settings,
        )
        try:
            assert sink.stdout is not None
            port = sink.stdout.readline().strip()
            command = [*pinned(), python, HERE / "cell.py", name, scenario, port, path, str(chunks)]
            out = subprocess.run(
                command, env=settings, stdout=subprocess.PIPE, text=True, check=True, timeout=300
            )
            answer = json.loads(out.stdout.splitlines()[-1])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/received", timeout=10) as got:
                received = json.load(got)
        finally:
            sink.communicate("", timeout=10)
    expect_all(name, scenario, answer, received)
    return answer


def pinned() -> list[str]:
    """Answer the command that keeps a cell on one CPU, where the machine has several."""
    from shutil import which

    cpus = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cpus[-1])] if len(cpus) > 1 and which("taskset") else []


def expect_all(name: str, scenario: str, answer: dict[str, float], received: dict[str, int]) -> None:
    """Fail when a contender dropped what it recorded: that would make it look cheap."""
    where = str(answer["receives"])
    if where and scenario in SPANS:
        per_unit = 1 if where == "ddtrace" else SPANS[scenario]
        expected = int(answer["units"]) * per_unit
        if received.get(where, 0) < expected:
            raise SystemExit(f"{name} in {scenario}: {expected} recorded, {received.get(where, 0)} received")


def rows(results: dict[tuple[str, str], list[dict[str, float]]]) -> list[Row]:
    """Answer the table's lines: our numbers against their limits, the peers' beside them."""

    def mid(name: str, scenario: str, field: str) -> float:
        return median(result[field] for result in results[name, scenario])

    def added(name: str, scenario: str, field: str) -> float:
        return mid(name, scenario, field) - mid("none", scenario, field)

    def beside(scenario: str, field: str, names: tuple[str, ...] = ("otel", "otlp", "datadog")) -> str:
        label = {"otel": "OTel no-op", "otlp": "OTel OTLP", "datadog": "ddtrace"}
        return ", ".join(f"{label[name]} {added(name, scenario, field):,.0f} µs" for name in names)

    child = mid(OURS, "trace20", "main_us") / 20
    otel = min(mid("otel", "trace20", "main_us"), mid("otlp", "trace20", "main_us")) / 20
    datadog = mid("datadog", "trace20", "main_us") / 20
    trace = mid(OURS, "trace20", "all_in_us")
    otlp = mid("otlp", "trace20", "all_in_us")
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
        Row("20-span trace, main", mid(OURS, "trace20", "main_us"), "µs", note=beside("trace20", "main_us")),
        Row("20-span trace, all-in", trace, "µs", note=beside("trace20", "all_in_us")),
        Row("20-span trace, all-in: OTel OTLP / ours", otlp / trace, "x", 20, at_least=True),
        Row(
            "disabled span",
            mid(OURS, "off", "main_us"),
            "µs",
            0.25,
            note=f"OTel API {mid('otel', 'off', 'main_us'):.1f} µs",
        ),
        Row("Python calls per child span", mid(OURS, "calls", "calls"), "", 8, note=calls(mid)),
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
    """Answer the lines about 20 SQLAlchemy queries: the cheaper OTel for main, OTLP all-in."""
    lines = []
    for field, label in (("main_us", "main"), ("all_in_us", "all-in")):
        ours = added(OURS, "sqlalchemy", field)
        # What is thrown away costs nothing to send, so all-in only an exporter that sends compares.
        rivals = ("otel", "otlp") if field == "main_us" else ("otlp",)
        theirs = min(added(name, "sqlalchemy", field) for name in rivals)
        what = f"20 SQLAlchemy queries under Flask, {label}"
        lines.append(Row(f"{what} added", ours, "µs", note=beside("sqlalchemy", field)))
        who = "OTel" if field == "main_us" else "OTel OTLP"
        lines.append(Row(f"{what}: {who} / ours", theirs / ours, "x", 25, at_least=True))
    return lines
