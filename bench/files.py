"""Searches over log files, beside the programs that people use for them; CPU of the whole process.

`python bench/files.py --size 50` measures on 50 MB; `make bench` on 500. A program that is not installed
is reported as absent. Answers are compared: a number for another answer would be none.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rows import Row, table

SIZE_MB = 500
SEED = 7
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "curl/8.4.0",
)
FANLIGHT = [sys.executable, "-m", "fanlight", "query"]


class Question(NamedTuple):
    """One question, to us and to the others."""

    name: str
    words: list[str]
    rg: list[str]
    limit: float
    """Times ripgrep's CPU."""
    sql: str = ""


def questions() -> list[Question]:
    table_of = (
        "read_csv('{file}', delim='\n', quote='', escape='', header=false, columns={{'line': 'VARCHAR'}})"
    )
    return [
        Question("keywords, printed", ["blue", "red"], ["-i", "blue|red"], 2.0),
        Question(
            "field regex",
            ["path:^/api/ AND status:5xx"],
            [r'"[A-Z]+ /api/[^"]*" 5\d\d '],
            1.5,
            f'copy (select line from {table_of} where regexp_matches(line, \'"[A-Z]+ /api/[^"]*" 5\\d\\d \'))'
            " to '/dev/null' (format csv)",
        ),
        Question("rare needle", ["needleinhaystack"], ["needleinhaystack"], 1.5),
    ]


def generate(path: Path, size: int) -> tuple[float, float]:
    """Write an access log in the order of time; answer its first and last second."""
    dice = random.Random(SEED)
    words = ["x"] * 97 + ["shared", "item", "cart"]
    now = begin = 1_767_225_600.0
    written = number = 0
    with path.open("w") as file:
        while written < size:
            rows = []
            for _ in range(10_000):
                now += dice.random() * 0.06
                number += 1
                stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))
                word = (
                    "blue"
                    if dice.random() < 0.005
                    else "red"
                    if dice.random() < 0.005
                    else dice.choice(words)
                )
                place = "api" if dice.random() < 0.4 else "static"
                name = f"/{place}/{word}/{dice.randrange(300)}"
                if number % 1_000_000 == 500_000 or number == 1000:
                    name = f"/needleinhaystack{name}"
                status = dice.choices((200, 304, 404, 500, 503), (900, 50, 30, 15, 5))[0]
                address = f"10.{dice.randrange(256)}.{dice.randrange(256)}.{dice.randrange(256)}"
                agent = dice.choices(AGENTS, (85, 10, 5))[0]
                rows.append(
                    f'{address} - - [{stamp}] "GET {name} HTTP/1.1" {status} {dice.randrange(50_000)}'
                    f' "https://shop.example/{dice.randrange(1000)}" "{agent}" {dice.expovariate(4):.3f}\n'
                )
            text = "".join(rows)
            written += len(text)
            file.write(text)
    return begin, now


def cpu(command: list[str], out: Path) -> tuple[float, int]:
    """Answer CPU seconds of a command with its children, and how many lines it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with out.open("wb") as file:
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=False, env=environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, out.read_bytes().count(b"\n")


def run(rounds: int, size_mb: int = SIZE_MB) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        log, out = Path(folder) / "access.log", Path(folder) / "out"
        begin, end = generate(log, size_mb * 1_000_000)
        rows = [row for question in questions() for row in asked(question, log, out, rounds)]
        rows += negation(log, out, rounds)
        rows += window(log, out, rounds, begin + (end - begin) * 0.6, (end - begin) / 100)
        rows += grouped(log, out)
        return rows + [Row(f"{name} is absent: not measured", 0, "") for name in absent()]


def absent() -> list[str]:
    """Answer the programs that are not here."""
    return [name for name in ("rg", "lnav", "goaccess") if shutil.which(name) is None]


def measured(command: list[str], out: Path, rounds: int) -> tuple[float, int]:
    """Answer the median CPU of some rounds, and the lines of the last."""
    found = [cpu(command, out) for _ in range(rounds)]
    return statistics.median(spent for spent, _ in found), found[-1][1]


def beside(name: str, ours: list[str], theirs: list[str], limit: float, place: tuple[Path, int]) -> list[Row]:
    """Answer our CPU and its ratio to another program's on the same question."""
    out, rounds = place
    mine, lines = measured(ours, out, rounds)
    rows = [Row(f"{name}: CPU", mine, "s", note=f"{lines:,} lines")]
    if shutil.which(theirs[0]) is not None:
        other, wanted = measured(theirs, out, rounds)
        same = "same lines" if wanted == lines else f"**{wanted:,} lines**"
        rows.append(
            Row(f"{name}: times ripgrep", mine / max(other, 0.001), "", limit, note=f"{other:.2f} s, {same}")
        )
    return rows


def asked(question: Question, log: Path, out: Path, rounds: int) -> list[Row]:
    ours = [*FANLIGHT, *question.words, str(log)]
    rows = beside(question.name, ours, ["rg", *question.rg, str(log)], question.limit, (out, rounds))
    if question.sql:
        code = f"import duckdb; duckdb.connect().execute({question.sql.format(file=log)!r})"
        other, _ = measured([sys.executable, "-c", code], out, 1)
        rows.append(
            Row(f"{question.name}: times faster than DuckDB", other / rows[0].value, "", 3, at_least=True)
        )
    return rows


def negation(log: Path, out: Path, rounds: int) -> list[Row]:
    piped = ["bash", "-c", f"rg -i blue {log} | rg -iv googlebot"]
    return beside("NOT", [*FANLIGHT, "blue AND NOT googlebot", str(log)], piped, 1.5, (out, rounds))


def window(log: Path, out: Path, rounds: int, begin: float, length: float) -> list[Row]:
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (begin, begin + length))
    spent, lines = measured([*FANLIGHT, f"from:{first}", f"to:{last}", str(log)], out, rounds)
    rows = [Row("1 % time window: CPU", spent, "s", 0.1, note=f"{lines:,} lines")]
    if shutil.which("lnav") is not None:
        other, _ = measured(["lnav", "-n", "-c", f":hide-lines-before {first}", str(log)], out, 1)
        rows.append(Row("1 % time window: lnav's CPU, one bound", other, "s"))
    return rows


def grouped(log: Path, out: Path) -> list[Row]:
    """Every line typed and grouped: p50 and p95 by endpoint and minute."""
    words = "| stats count(), p50(duration), p95(duration) by path, time:1m"
    mine, lines = measured([*FANLIGHT, words, "--format", "csv", str(log)], out, 1)
    columns = "c, l, u, d, z, r, s, b, f, a, t"
    shape = ", ".join(f"'{name}': 'VARCHAR'" for name in columns.split(", "))
    sql = (
        "copy (select split_part(split_part(r, ' ', 2), '?', 1), d[2:18], count(*),"
        " quantile_cont(t::double, [.5, .95])"
        f" from read_csv('{log}', delim=' ', quote='\"', header=false, columns={{{shape}}}) group by all)"
        " to '/dev/stdout' (format csv)"
    )
    other, wanted = measured(
        [sys.executable, "-c", f"import duckdb; duckdb.connect().execute({sql!r})"], out, 1
    )
    rows = [
        Row("every line grouped: CPU", mine, "s", note=f"{lines:,} lines"),
        Row("every line grouped: times DuckDB", mine / other, "", 2, note=f"{other:.2f} s, {wanted:,} lines"),
    ]
    if shutil.which("goaccess") is not None:
        theirs, _ = measured(
            ["goaccess", str(log), "--log-format=COMBINED", "-o", "json", "--no-progress"], out, 1
        )
        rows.append(
            Row("every line grouped: times faster than goaccess", theirs / mine, "", 10, at_least=True)
        )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE_MB, help="MB of each file")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(table(run(options.rounds, options.size)))
