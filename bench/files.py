"""Searches over log files, beside the programs that people use for them; CPU of the whole process.

`python bench/files.py --size 50` measures on 50 MB; `make bench` on 500. A program that is not installed
is reported as absent. Answers are compared: a number for another answer would be none.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import site
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rows import Row, table

SIZE_MB = 500
PART_BYTES = 50_000_000
SEED = 7
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
    "curl/8.4.0",
)


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
        # Keywords do not mind case, and neither does the other.
        Question("rare needle", ["needleinhaystack"], ["-i", "needleinhaystack"], 1.5),
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


TRACE = (
    "\tat com.shop.{0}.{1}.call({1}.java:{2})\n"
    "\tat com.shop.web.Dispatcher.dispatch(Dispatcher.java:88)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
)
FRAMES = r"\n(?:\t|Caused by)[^\n]*"
CLASS = "PaymentGateway"


def generate_server(path: Path, size: int) -> None:
    """Write a server's log, of which one event in a hundred has a stack trace."""
    dice = random.Random(SEED)
    now = 1_767_225_600.0
    written = 0
    with path.open("w") as file:
        while written < size:
            rows = []
            for _ in range(10_000):
                now += dice.random() * 0.05
                stamp = (
                    time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f",{int(now * 1000) % 1000:03d}"
                )
                where = f"(default task-{dice.randrange(64)})"
                if dice.random() < 0.012:
                    name = CLASS if dice.random() < 0.1 else dice.choice(("Checkout", "Cart", "Search"))
                    rows.append(
                        f"{stamp} ERROR [com.shop.web] {where} request failed: java.io.IOException: reset\n"
                    )
                    rows.append(TRACE.format("cart", name, dice.randrange(900)) * dice.randrange(2, 7))
                else:
                    rows.append(
                        f"{stamp} INFO  [com.shop.item.Service] {where} item {dice.randrange(10**6)} read in"
                        f" {dice.randrange(90)} ms for customer {dice.randrange(10**5)}\n"
                    )
            text = "".join(rows)
            written += len(text)
            file.write(text)


class Bench:
    """One folder with logs, and environments to ask them from.

    Args:
        folder: where all of it lies.
        rounds: of each measurement; programs take turns.
    """

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder
        self.rounds = rounds
        self.out = folder / "out"
        self.whole = [str(environment(folder / "whole", [str(SOURCES), *site.getsitepackages()])), "query"]
        self.bare = [str(environment(folder / "bare", [str(SOURCES)])), "query"]

    def cpu(self, command: list[str]) -> tuple[float, int]:
        """Answer CPU seconds of a command with its children, and how many lines it wrote."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        with self.out.open("wb") as file:
            process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL, env=environ)
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
        with self.out.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return used.ru_utime + used.ru_stime, lines

    def resident_mb(self, command: list[str]) -> float:
        """Answer the most that a command held."""
        # By a process between: what a large one starts counts as large as that before it begins.
        code = (
            "import resource, subprocess, sys; nowhere = subprocess.DEVNULL;"
            " subprocess.run(sys.argv[1:], stdout=nowhere, stderr=nowhere);"
            " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        ran = subprocess.run(
            [sys.executable, "-S", "-c", code, *command], stdout=subprocess.PIPE, text=True, check=True
        )
        return int(ran.stdout) / 1024

    def both(self, ours: list[str], theirs: list[str]) -> tuple[tuple[float, int], tuple[float, int]]:
        """Answer the median CPU and the lines of two commands, which take turns."""
        found: list[list[tuple[float, int]]] = [[], []]
        for _ in range(self.rounds):
            for place, command in enumerate((ours, theirs)):
                found[place].append(self.cpu(command))
        first, second = ((statistics.median(spent for spent, _ in some), some[-1][1]) for some in found)
        return first, second

    def beside(self, name: str, ours: list[str], theirs: list[str], limit: float) -> list[Row]:
        """Answer our CPU and its ratio to another program's on the same question."""
        if shutil.which(theirs[0]) is None:
            mine, lines = self.cpu(ours)
            return [Row(f"{name}: CPU", mine, "s", note=f"{lines:,} lines")]
        (mine, lines), (other, wanted) = self.both(ours, theirs)
        same = "same lines" if wanted == lines else f"**{wanted:,} lines**"
        return [
            Row(f"{name}: CPU", mine, "s", note=f"{lines:,} lines"),
            Row(f"{name}: times ripgrep", mine / max(other, 0.001), "", limit, note=f"{other:.3f} s, {same}"),
        ]


SOURCES = Path(__file__).resolve().parent.parent / "src"


def environment(folder: Path, paths: list[str]) -> Path:
    """Make an environment with some folders of packages, as installed: without development's hooks."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    (packages / "fanlight-bench.pth").write_text("\n".join(paths) + "\n")
    script = folder / "bin" / "fanlight"
    script.write_text(f"#!{folder}/bin/python\nimport sys\nfrom fanlight.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)
    # What is compiled once is compiled.
    subprocess.run(
        [script, "query", "x", __file__], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return script


def run(rounds: int, size_mb: int = SIZE_MB) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, rounds)
        log, server = folder / "access.log", folder / "server.log"
        begin, end = generate(log, size_mb * 1_000_000)
        rows = small(bench, log)
        rows += [row for question in questions() for row in asked(bench, question, log)]
        piped = ["bash", "-c", f"rg -i blue {log} | rg -iv googlebot"]
        rows += bench.beside("NOT", [*bench.whole, "blue AND NOT googlebot", str(log)], piped, 1.5)
        rows += bench.beside(
            "keywords, printed, no extras",
            [*bench.bare, "blue", "red", str(log)],
            ["rg", "-i", "blue|red", str(log)],
            9,
        )
        rows += window(bench, log, begin + (end - begin) * 0.6, (end - begin) / 100)
        rows += grouped(bench, log)
        asks = (["blue", "red"], ["path:^/api/ AND status:5xx"], ["blue AND NOT googlebot"])
        peak = max(bench.resident_mb([*bench.whole, *words, str(log)]) for words in asks)
        rows.append(Row("resident at most, filters", peak, "MB", 40))
        log.unlink()
        generate_server(server, size_mb * 1_000_000)
        rows += traces(bench, server)
        return rows + [Row(f"{name} is absent: not measured", 0, "") for name in absent()]


def absent() -> list[str]:
    """Answer the programs that are not here."""
    return [name for name in ("rg", "lnav", "goaccess") if shutil.which(name) is None]


def small(bench: Bench, log: Path) -> list[Row]:
    """Answer what a search costs before it searches: query, imports, detection, on 1,000 lines."""
    few = bench.folder / "few.log"
    with log.open() as file:
        few.write_text("".join(next(file) for _ in range(1000)))
    spent = [bench.cpu([*bench.whole, "status:5xx", str(few)])[0] for _ in range(3 * bench.rounds)]
    code = (
        "import time; from fanlight import Query; text = 'status:5xx AND duration:>1s NOT path:^/health'\n"
        "Query(text); times = []\n"
        "for _ in range(2000):\n b = time.perf_counter()\n Query(text)\n"
        " times.append(time.perf_counter() - b)\n"
        "print(sorted(times)[1000] * 1e6)"
    )
    python = str(Path(bench.whole[0]).parent / "python")
    parsed = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    return [
        Row("query, parsed and compiled", float(parsed.stdout), "us", 50),
        Row("search of 1,000 lines: CPU with imports", statistics.median(spent) * 1000, "ms", 60),
    ]


def asked(bench: Bench, question: Question, log: Path) -> list[Row]:
    ours = [*bench.whole, *question.words, str(log)]
    rows = bench.beside(question.name, ours, ["rg", *question.rg, str(log)], question.limit)
    if question.sql:
        code = f"import duckdb; duckdb.connect().execute({question.sql.format(file=log)!r})"
        (mine, _), (other, _) = bench.both(ours, [sys.executable, "-c", code])
        name = f"{question.name}: times faster than DuckDB"
        rows.append(Row(name, other / mine, "", 3, at_least=True, note=f"{other:.3f} s by {mine:.3f} s"))
    return rows


def window(bench: Bench, log: Path, begin: float, length: float) -> list[Row]:
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (begin, begin + length))
    found = [bench.cpu([*bench.whole, f"from:{first}", f"to:{last}", str(log)]) for _ in range(bench.rounds)]
    spent = statistics.median(spent for spent, _ in found)
    rows = [Row("1 % time window: CPU", spent, "s", 0.1, note=f"{found[-1][1]:,} lines")]
    if shutil.which("lnav") is not None:
        other, _ = bench.cpu(["lnav", "-n", "-c", f":hide-lines-before {first}", str(log)])
        rows.append(Row("1 % time window: lnav's CPU, one bound", other, "s"))
    return rows


def grouped(bench: Bench, log: Path) -> list[Row]:
    """Every line typed and grouped: p50 and p95 by endpoint and minute."""
    words = "| stats count(), p50(duration), p95(duration) by path, time:1m"
    columns = "c, l, u, d, z, r, s, b, f, a, t"
    shape = ", ".join(f"'{name}': 'VARCHAR'" for name in columns.split(", "))
    sql = (
        "copy (select split_part(split_part(r, ' ', 2), '?', 1), d[2:18], count(*),"
        " quantile_cont(t::double, [.5, .95])"
        f" from read_csv('{log}', delim=' ', quote='\"', header=false, columns={{{shape}}}) group by all)"
        " to '/dev/stdout' (format csv)"
    )
    python = str(Path(bench.whole[0]).parent / "python")
    (mine, lines), (other, wanted) = bench.both(
        [*bench.whole, words, "--format", "csv", str(log)],
        [python, "-c", f"import duckdb; duckdb.connect().execute({sql!r})"],
    )
    same = "same groups" if wanted == lines else f"**{wanted:,} lines**"
    rows = [
        Row("every line grouped: CPU", mine, "s", note=f"{lines:,} lines"),
        Row("every line grouped: times DuckDB", mine / other, "", 2, note=f"{other:.2f} s, {same}"),
    ]
    if shutil.which("goaccess") is not None:
        # Ten times as slow at the least, so a part of the file tells enough.
        part = bench.folder / "part.log"
        with log.open("rb") as file:
            part.write_bytes(file.read(PART_BYTES))
        command = ["goaccess", str(part), "--log-format=COMBINED", "-o", "json", "--no-progress"]
        theirs = bench.cpu(command)[0] / part.stat().st_size
        ratio = theirs / (mine / log.stat().st_size)
        rows.append(Row("every line grouped: times faster than goaccess, a MB", ratio, "", 10, at_least=True))
    return rows


def traces(bench: Bench, server: Path) -> list[Row]:
    """Events of several lines whose stack trace names a class, printed whole."""
    pattern = rf"^\d{{4}}-\S+ \S+ ERROR [^\n]*(?:{FRAMES})*?\n\t[^\n]*{CLASS}[^\n]*(?:{FRAMES})*"
    ours = [*bench.whole, f"ERROR AND {CLASS}", str(server)]
    return bench.beside("stack traces, whole events", ours, ["rg", "-U", pattern, str(server)], 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE_MB, help="MB of each file")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    measured = run(options.rounds, options.size)
    print(table(measured))
    sys.exit(any(not row.passed for row in measured))
