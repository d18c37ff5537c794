"""Run the tests that take minutes each, and write docs/reference/soak.md from what came of them.

`make soak` runs them; words behind it go to pytest. `--page` also writes the page.
`python tools/soak.py --page FILE…` writes it from pytest's reports (`--junitxml`) of earlier runs,
oldest first: where a test ran more than once, its last result stands. What stood on the page before
is carried on, but for tests that are gone; `--anew` leaves it out.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "soak.md"
COMMAND = (
    *("-m", "pytest", "-m", "soak", "--timeout", "7200"),
    # The idle hour sleeps: whoever is free takes the next test.
    *("-n", "2", "--dist", "worksteal", "--maxschedchunk", "1"),
    *("-o", "junit_logging=system-out"),
)
HEAD = """\
# The long tests

<!-- Written by `make soak ARGS=--page` from what came of them; nothing here is written by hand. -->

`make soak` runs the tests that take minutes each; `FANLIGHT_TEST_IDLE_S` says how many seconds the one
of an idle Fanlight lasts (120 unless told otherwise). Two run at a time, on {cores} cores with {memory}
of memory, {system}, Python {python}, beside other work.
"""


class Run(NamedTuple):
    """One pytest run: when it began, how long it took, and its cases."""

    began: datetime
    lasted_s: float
    cases: list[Case]


class Case(NamedTuple):
    """One test with one parameter: its file, its function, what came of it and what it printed."""

    file: str
    function: str
    parameter: str
    passed: bool
    lasted_s: float
    printed: str


def read(path: Path) -> Run:
    """Answer what a report of pytest says.

    Raises:
        SystemExit: it is none, or nothing ran.
    """
    root = ET.parse(path).getroot()
    suite = root.find("testsuite")
    if suite is None or not suite.get("timestamp"):
        raise SystemExit(f"{path} is no report of pytest; make one with --junitxml={path}")
    cases = [case(each) for each in suite.iter("testcase") if each.find("skipped") is None]
    if not cases:
        raise SystemExit(f"{path} tells of no test that ran")
    began = datetime.fromisoformat(suite.attrib["timestamp"]).astimezone(UTC)
    return Run(began, float(suite.attrib["time"]), cases)


def case(element: ET.Element) -> Case:
    """Answer one case of a report."""
    function, _, parameter = element.attrib["name"].removesuffix("]").partition("[")
    passed = element.find("failure") is None and element.find("error") is None
    text = "".join(each.text or "" for each in element.findall("system-out"))
    # Between pytest's own rulers stands what the test says about itself.
    printed = [line for line in text.splitlines() if line.strip() and not line.startswith("---")]
    return Case(
        element.attrib["classname"].replace(".", "/") + ".py",
        function,
        parameter,
        passed,
        float(element.attrib["time"]),
        " ".join(printed) if len(printed) == 1 else "",
    )


class Before(NamedTuple):
    """What a page said: its runs and failures, line by line; results and what was measured, by proof."""

    runs: list[str]
    failures: list[str]
    results: dict[str, str]
    measured: dict[str, str]


def earlier(text: str) -> Before:
    """Answer what a page says of tests that are still there."""
    lines = text.splitlines()
    told = [(found[1], line) for line in lines if (found := re.search("`([^` ]+::[^` ]+)`", line))]
    kept = [(proof, line) for proof, line in told if is_there(proof)]
    return Before(
        [line for line in lines if re.match(r"\| \d+ \| \d{4}-", line)],
        [line for _, line in kept if line.startswith("* failed in run ")],
        {proof: line for proof, line in kept if line.startswith("| ")},
        {proof: line for proof, line in kept if line.startswith(f"* `{proof}`: ")},
    )


def is_there(proof: str) -> bool:
    """Answer whether a test still exists."""
    file, _, function = proof.partition("::")
    path = ROOT / file
    return path.exists() and f"def {function}(" in path.read_text()


def page(runs: list[Run], before: str = "") -> str:
    """Answer the page of some runs, oldest first.

    Args:
        runs: those that are new.
        before: the page that is carried on.
    """
    old = earlier(before)
    first = len(old.runs) + 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    about = {"cores": os.cpu_count(), "memory": f"{memory:.0f} GiB", "python": platform.python_version()}
    lines = [HEAD.format(**about, system=f"{platform.system()} {platform.release().partition('-')[0]}")]
    lines += ["| run | began (UTC) | lasted | tests | passed |", "|---:|---|---:|---:|---:|"]
    lines += old.runs
    for number, run in enumerate(runs, first):
        passed = sum(each.passed for each in run.cases)
        began = run.began.strftime("%Y-%m-%d %H:%M")
        lines.append(f"| {number} | {began} | {told(run.lasted_s)} | {len(run.cases)} | {passed} |")
    failed = [*old.failures, *failures(runs, first)]
    lines += ["", *failed, *([""] if failed else [])]
    lines += ["| what | cases | passed | took | run | proof |", "|---|---:|---:|---:|---|---|"]
    newest = {
        (each.file, each.function, each.parameter): (number, each)
        for number, run in enumerate(runs, first)
        for each in run.cases
    }
    # A test that was given parameters since is known by those alone.
    divided = {(file, function) for file, function, parameter in newest if parameter}
    groups: dict[tuple[str, str], list[tuple[int, Case]]] = {}
    for (file, function, parameter), last in sorted(newest.items()):
        if parameter or (file, function) not in divided:
            groups.setdefault((file, function), []).append(last)
    results = dict(old.results)
    for (file, function), found in groups.items():
        what = function.removeprefix("test_").replace("_", " ")
        passed = sum(each.passed for _, each in found)
        took = told(sum(each.lasted_s for _, each in found))
        of = ", ".join(sorted({str(number) for number, _ in found}))
        proof = f"{file}::{function}"
        results[proof] = f"| {what} | {len(found)} | {passed} | {took} | {of} | `{proof}` |"
    measured = dict(old.measured)
    for (file, function), found in groups.items():
        if text := "; ".join(each.printed for _, each in found if each.printed):
            measured[f"{file}::{function}"] = f"* `{file}::{function}`: {text}"
    lines += [results[proof] for proof in sorted(results)]
    said = ["", "What they measured:", "", *(measured[proof] for proof in sorted(measured))]
    return "\n".join([*lines, *(said if measured else []), ""])


def failures(runs: list[Run], first: int) -> list[str]:
    """Answer a line for each test that failed in some run, of which the first has this number."""
    return [
        f"* failed in run {number}: `{each.file}::{each.function}` {each.parameter}".rstrip()
        for number, run in enumerate(runs, first)
        for each in run.cases
        if not each.passed
    ]


def told(lasted_s: float) -> str:
    """Answer a duration for people."""
    return f"{lasted_s / 60:.0f} min" if lasted_s >= 600 else f"{lasted_s:.0f} s"


def main(arguments: list[str]) -> int:
    """Run the tests, or read the reports; answer the exit status."""
    written = "--page" in arguments
    rest = [word for word in arguments if word not in ("--page", "--anew")]
    reports = [Path(word) for word in rest if word.endswith(".xml") and not word.startswith("-")]
    status = 0
    with tempfile.TemporaryDirectory(prefix="fanlight-soak-") as folder:
        if not reports:
            reports = [Path(folder) / "report.xml"]
            command = [sys.executable, *COMMAND, f"--junitxml={reports[0]}", *rest]
            status = subprocess.run(command, check=False, cwd=ROOT).returncode
        if written:
            before = PAGE.read_text() if PAGE.exists() and "--anew" not in arguments else ""
            PAGE.write_text(page([read(path) for path in reports], before))
            sys.stderr.write(f"wrote {PAGE.relative_to(ROOT)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
