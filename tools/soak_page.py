"""What pytest's reports of the long tests say: a table for the terminal, and docs/reference/soak.md.

A test tells what it measured, and the limit of that, by pytest's `record_property`.
"""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# The long tests

<!-- Written by `make soak ARGS=--page` from what came of them; nothing here is written by hand. -->

`make soak` runs the tests that take minutes each, two at a time, and tells what is left; ^C ends it, and
what was finished is told. Words that are not its own go to pytest: `make soak ARGS="-k kill"`.

{long}

{whole}

Each line is of the newest run in which its test came to its end.

| what | cases | passed | took | measured | limit | began (UTC) | proof |
|---|---:|---:|---:|---|---|---|---|
"""


WHOLE = """\
The newest run of all began {began} UTC and lasted {lasted}: {tests} tests with {cases} cases, of which
{passed} passed, on {cores} cores with {memory} of memory, {system}, Python {python}, beside
other work."""


class Case(NamedTuple):
    """One test with one parameter: what came of it, and what it told of itself."""

    name: str
    passed: bool
    measured: str
    limit: str


class Result(NamedTuple):
    """One test function: where it is, when it began, how long it took, and its cases."""

    proof: str
    began: datetime
    lasted_s: float
    cases: list[Case]
    whole: bool = True

    @property
    def what(self) -> str:
        """What the test shows, in words."""
        return self.proof.partition("::test_")[2].replace("_", " ")

    @property
    def passed(self) -> int:
        """How many of its cases passed."""
        return sum(each.passed for each in self.cases)


def read(path: Path) -> list[Case]:
    """Answer what a report of pytest says of the cases that ran; nothing where there is no report."""
    if not path.exists():
        return []
    found = []
    for each in ET.parse(path).getroot().iter("testcase"):
        # A case that was broken off has no name.
        if "name" in each.attrib and each.find("skipped") is None:
            said = {one.get("name"): one.get("value", "") for one in each.iter("property")}
            passed = each.find("failure") is None and each.find("error") is None
            name = each.attrib["name"]
            found.append(Case(name, passed, said.get("measured", ""), said.get("limit", "")))
    # They ran in any order.
    return sorted(found)


def told(lasted_s: float) -> str:
    """Answer a duration for people."""
    return f"{lasted_s / 60:.0f} min" if lasted_s >= 600 else f"{lasted_s:.0f} s"


def once(texts: list[str]) -> str:
    """Answer texts one behind the other, those that several cases share once."""
    return "; ".join(dict.fromkeys(filter(None, texts)))


def table(results: list[Result]) -> str:
    """Answer the table that a run ends with."""
    rows = [("what", "cases", "passed", "took", "")]
    for each in results:
        mark = "" if each.passed == len(each.cases) and each.whole else "FAILED"
        count, passed = str(len(each.cases)), str(each.passed)
        rows.append((each.what, count, passed, told(each.lasted_s), mark if each.whole else "broken off"))
    wide = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = []
    for number, (what, count, passed, took, mark) in enumerate(rows):
        right = f"{count:>{wide[1]}}  {passed:>{wide[2]}}  {took:>{wide[3]}}  {mark}"
        lines.append(f"{what:<{wide[0]}}  {right}".rstrip())
        cases = results[number - 1].cases if number else []
        measured, limit = once([each.measured for each in cases]), once([each.limit for each in cases])
        lines += [f"    {measured}"] * bool(measured) + [f"    limit: {limit}"] * bool(limit)
    return "\n".join(lines)


def rows_of(text: str) -> dict[str, str]:
    """Answer a page's line of each test that is still there."""
    found = {}
    for line in text.splitlines():
        if match := re.match(r"\| .*\| `([^` ]+)::([^` ]+)` \|$", line):
            path = ROOT / match[1]
            if path.exists() and f"def {match[2]}(" in path.read_text():
                found[f"{match[1]}::{match[2]}"] = line
    return found


def took_s(text: str) -> dict[str, float]:
    """Answer how many seconds each test took by a page."""
    cells = {proof: line.split("|")[4].split() for proof, line in rows_of(text).items()}
    return {proof: float(each[0]) * (60 if each[1] == "min" else 1) for proof, each in cells.items()}


def page(results: list[Result], lasted_s: float, long: str, before: str = "") -> str:
    """Answer the page of a run.

    Args:
        results: what came of it.
        lasted_s: how long it took; 0 where it was not a run of all.
        long: what `--long` does.
        before: the page as it was; what this run has not brought to its end stays as it stood there.
    """
    rows = rows_of(before)
    stood = re.search(r"^The newest run of all .*?work\.$", before, re.MULTILINE | re.DOTALL)
    for each in results:
        if each.whole:
            measured, limit = ([getattr(case, name) for case in each.cases] for name in ("measured", "limit"))
            about = [
                each.what,
                len(each.cases),
                each.passed,
                told(each.lasted_s),
                once(measured),
                once(limit),
            ]
            cells = [*map(str, about), f"{each.began:%Y-%m-%d %H:%M}", f"`{each.proof}`"]
            rows[each.proof] = f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
    again = {each.proof for each in results if each.whole}
    failed = [
        line
        for line in before.splitlines()
        if line.startswith("* failed: `") and line.split("`")[1].partition("[")[0] in rows.keys() - again
    ]
    failed += [
        f"* failed: `{each.proof.partition('::')[0]}::{case.name}`"
        for each in results
        for case in each.cases
        if each.whole and not case.passed
    ]
    whole = (
        of_all(results, lasted_s) if lasted_s else stood[0] if stood else "All of them have not run at once."
    )
    head = HEAD.format(long=long, whole=whole)
    return "\n".join(
        [head + "\n".join(rows[proof] for proof in sorted(rows)), *[""] * bool(failed), *failed, ""]
    )


def of_all(results: list[Result], lasted_s: float) -> str:
    """Answer what a page says of a run of all tests."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return WHOLE.format(
        began=f"{min(each.began for each in results).astimezone(UTC):%Y-%m-%d %H:%M}",
        lasted=told(lasted_s),
        tests=len(results),
        cases=sum(len(each.cases) for each in results),
        passed=sum(each.passed for each in results),
        cores=os.cpu_count(),
        memory=f"{memory:.0f} GiB",
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
    )
