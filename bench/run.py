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
PARTS = (
    *("peers", "frameworks", "startup", "pipe", "store", "strategies", "files", "resident", "installed"),
    *("events", "listeners", "slots", "pages", "sampling"),
)
"""Each is a module with `run(rounds) -> list[Row]`, `store` a program of its own."""

BEGIN, END = "<!-- measured{}: begin -->", "<!-- measured{}: end -->"
"""Marks in the page: of all parts but those that have a place of their own, as `files`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="interleaved rounds; fewer than 5 prove nothing"
    )
    parser.add_argument("--only", default=",".join(PARTS), help=f"joined with commas: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    parts = options.only.split(",")
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; known: {', '.join(PARTS)}")
    rows: list[Row] = []
    for part in parts:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        rows += store() if part == "store" else importlib.import_module(part).run(options.rounds)
    report = f"{table(rows)}\n\n{machine(options.rounds)}"
    print(report)
    if options.write:
        write(report, options.only)
    missed = [row.what for row in rows if not row.passed]
    for what in missed:
        print(f"missed: {what}", file=sys.stderr)
    return 1 if missed else 0


def machine(rounds: int) -> str:
    """Answer where and how the numbers came about."""
    return (
        f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {rounds} rounds, medians, CPU time."
    )


def write(report: str, only: str) -> None:
    """Replace what stands between two marks of the page: the part's own, else those of all parts."""
    page = HERE.parent / "docs" / "performance.md"
    text = page.read_text()
    own = f" {only}"
    name = own if BEGIN.format(own) in text else ""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{report}\n{end}{after}")


def store() -> list[Row]:
    """Answer the store's rows, measured by a program of its own so that nothing warm is shared."""
    command = [sys.executable, str(HERE / "store.py"), "--json"]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**row) for row in json.loads(out.stdout)]


if __name__ == "__main__":
    sys.exit(main())
