"""`make bench`: every number that Fanlight promises, measured here and now; fails when one is missed."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from rows import Row, table

HERE = Path(__file__).resolve().parent
PARTS = ("peers", "startup", "pipe", "store", "resident", "installed")
"""Each is a module with `run(rounds) -> list[Row]`, `store` a program of its own."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="interleaved rounds; fewer than 5 prove nothing"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"joined with commas: {', '.join(PARTS)}")
    options = parser.parse_args()
    parts = options.only.split(",")
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in parts:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        rows += store() if part == "store" else importlib.import_module(part).run(options.rounds)
    load = os.getloadavg()[0]
    print(table(rows))
    print(
        f"\nCPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} CPUs, "
        f"load {load:.1f}; {options.rounds} rounds, medians, CPU time"
    )
    missed = [row.what for row in rows if not row.passed]
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    return 1 if missed else 0


def store() -> list[Row]:
    """Answer the store's rows, measured by a program of its own so that nothing warm is shared."""
    command = [sys.executable, str(HERE / "store.py"), "--json"]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**row) for row in json.loads(out.stdout)]


if __name__ == "__main__":
    sys.exit(main())
