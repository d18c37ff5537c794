"""Run the tests that take minutes each, two at a time, and tell what runs, what is left and what came of it.

`make soak` runs them; words that are not its own go to pytest. `--long` has more of what the usual run
has some of, `--page` also writes docs/reference/soak.md. Those that judge shares of a core come first,
each alone; then the ones that took longest by the page, so that two end together. ^C ends what runs,
and what was finished is told. The status is 1 when something failed, 130 behind ^C.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from soak_page import ROOT, Result, page, read, table, told, took_s

PAGE = ROOT / "docs" / "reference" / "soak.md"
PYTEST = (sys.executable, "-m", "pytest", "-m", "soak", "-p", "no:cacheprovider", "--timeout", "7200")
AT_ONCE = 2
ALONE = (
    "tests/e2e/test_idle.py::test_an_idle_fanlight_costs_next_to_nothing",
    "tests/servers/test_laws.py::test_requests_in_a_real_server_are_their_rate_times_their_duration",
)
"""Tests of what another one beside them would change."""
LONG = {
    "FANLIGHT_TEST_IDLE_S": "3600",
    "FANLIGHT_TEST_STEADY_S": "600",
    "FANLIGHT_TEST_SEEDS": "10",
    "FANLIGHT_TEST_ROOMS": "all",
}
ABOUT_LONG = """\
`make soak ARGS=--long` has an hour without work, ten minutes of each kind of load, ten times as many seeds,
and on every interpreter here the tests of all that lives in the application. One of these each does one:
"""
UNKNOWN_S = 600.0
"""What a test is taken to last that the page does not know: it had better begin early."""
LOOK_S = 60.0
LEAVES_S = 60.0
"""What a test that is told to end may need for ending what it started."""
ENDED = re.compile(r"^tests/.* (PASSED|FAILED|ERROR|SKIPPED)", re.MULTILINE)


class Part(NamedTuple):
    """One test function with all its cases."""

    proof: str
    cases: int
    about_s: float


class Running:
    """A part that runs, in a process of its own, whose end goes to a queue."""

    def __init__(self, part: Part, folder: Path, words: list[str], ended: queue.Queue[Running]) -> None:
        self.part = part
        self.began, self.began_s = datetime.now(UTC), time.monotonic()
        name = re.sub(r"\W+", "-", part.proof)
        self.report, self.log = folder / f"{name}.xml", folder / f"{name}.log"
        command = [*PYTEST, "-v", "--tb=short", f"--junitxml={self.report}", part.proof, *words]
        with self.log.open("wb") as log:
            # In a session of its own a ^C does not reach it; it is told to end.
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        threading.Thread(target=self.wait, args=(ended,), daemon=True).start()

    def wait(self, ended: queue.Queue[Running]) -> None:
        """Wait for its end."""
        self.process.wait()
        ended.put(self)

    def state(self) -> str:
        """Answer in words what runs, for how long, and how far it is."""
        done = len(ENDED.findall(self.log.read_text(errors="replace")))
        far = f", {done} of {self.part.cases} cases" if self.part.cases > 1 else ""
        return f"{words_of(self.part)} ({told(time.monotonic() - self.began_s)}{far})"

    def result(self) -> Result:
        """Answer what came of it, once it has ended."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        lasted_s = time.monotonic() - self.began_s
        # Else pytest was broken off, by ^C or by a death.
        whole = self.process.returncode in (0, 1)
        return Result(self.part.proof, self.began, lasted_s, read(self.report), whole)


def words_of(part: Part) -> str:
    """Answer a part's name in words."""
    return part.proof.partition("::test_")[2].replace("_", " ")


def say(text: str) -> None:
    """Tell the person at the terminal, with the time of day."""
    print(f"{datetime.now().astimezone():%H:%M:%S} {text}", flush=True)


def collected(words: list[str]) -> list[Part]:
    """Answer the tests to run, in the order in which they begin.

    Raises:
        SystemExit: there are none, or pytest cannot read them.
    """
    files = [str(path) for path in ROOT.glob("tests/**/test_*.py") if "mark.soak" in path.read_text()]
    command = [*PYTEST, "-p", "no:randomly", "--collect-only", "-q", *files, *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    cases = Counter(re.findall(r"^(tests/\S+?\.py::\w+)", done.stdout, re.MULTILINE))
    if done.returncode or not cases:
        raise SystemExit(f"there is nothing to run:\n{done.stdout}{done.stderr}")
    took = took_s(PAGE.read_text()) if PAGE.exists() else {}
    parts = [Part(proof, count, took.get(proof, UNKNOWN_S)) for proof, count in cases.items()]
    return sorted(parts, key=lambda part: (part.proof not in ALONE, -part.about_s, part.proof))


def run(parts: list[Part], folder: Path, words: list[str]) -> tuple[list[Result], bool]:
    """Run tests until all are done or ^C; answer what came of them, and whether that was all."""
    waiting, running, results = list(parts), list[Running](), list[Result]()
    ended = queue.Queue[Running]()
    try:
        while waiting or running:
            while waiting and may_begin(waiting[0], running):
                running.append(Running(waiting.pop(0), folder, words, ended))
                say(f"begins: {words_of(running[-1].part)}, {told(running[-1].part.about_s)} last time")
            try:
                gone = ended.get(timeout=LOOK_S)
            except queue.Empty:
                say(f"runs: {'; '.join(each.state() for each in running)}; {left(waiting)}")
                continue
            running.remove(gone)
            results.append(finished(gone, f"{len(results) + 1} of {len(parts)}", left(waiting)))
    except KeyboardInterrupt:
        say(f"broken off; waiting for what runs to end: {'; '.join(each.state() for each in running)}")
        return [*results, *broken_off(running)], False
    return results, True


def may_begin(part: Part, running: list[Running]) -> bool:
    """Tell whether a test can begin beside those that run."""
    alone = part.proof in ALONE or any(each.part.proof in ALONE for each in running)
    return len(running) < (1 if alone else AT_ONCE)


def left(waiting: list[Part]) -> str:
    """Answer in words how much is to be begun."""
    about_s = sum(part.about_s / (1 if part.proof in ALONE else AT_ONCE) for part in waiting)
    return f"{len(waiting)} left to begin, {told(about_s)} by last time"


def finished(gone: Running, place: str, rest: str) -> Result:
    """Tell of a test that has ended, and of why it failed; answer what came of it."""
    result = gone.result()
    fine = result.whole and result.passed == len(result.cases)
    say(
        f"{'passed' if fine else 'FAILED'} [{place}]: {result.what}, {result.passed} of {len(result.cases)} "
        f"in {told(result.lasted_s)}; {rest}"
    )
    if not fine:
        print(gone.log.read_text(errors="replace"), flush=True)
    return result


def broken_off(running: list[Running]) -> list[Result]:
    """End what runs, in good order if it can; answer how far it came."""
    for each in running:
        each.process.send_signal(signal.SIGINT)
    until_s = time.monotonic() + LEAVES_S
    for each in running:
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            each.process.wait(max(0.0, until_s - time.monotonic()))
        each.process.kill()
        each.process.wait()
    return [each.result()._replace(whole=False) for each in running]


def main(arguments: list[str]) -> int:
    """Run the tests and tell; answer the exit status."""
    words = [word for word in arguments if word not in ("--page", "--long")]
    if "--long" in arguments:
        os.environ.update({name: os.environ.get(name, value) for name, value in LONG.items()})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parts, began_s = collected(words), time.monotonic()
    say(f"{len(parts)} tests, {sum(part.cases for part in parts)} cases, {AT_ONCE} at a time; {left(parts)}")
    with tempfile.TemporaryDirectory(prefix="fanlight-soak-", ignore_cleanup_errors=True) as folder:
        results, complete = run(parts, Path(folder), words)
    lasted_s = time.monotonic() - began_s
    print(f"\n{table(results)}\n", flush=True)
    bad = [each.what for each in results if each.whole and each.passed < len(each.cases)]
    bad += [each.what for each in results if complete and not each.whole]
    untold = len(parts) - sum(each.whole for each in results)
    say(f"{len(results)} of {len(parts)} tests in {told(lasted_s)}: {len(bad)} failed, {untold} not finished")
    if "--page" in arguments and any(each.whole for each in results):
        before = PAGE.read_text() if PAGE.exists() else ""
        long = ABOUT_LONG + ", ".join(f"`{'='.join(each)}`" for each in LONG.items()) + "."
        of_all_s = 0.0 if words or not complete else lasted_s
        PAGE.write_text(page([each for each in results if each.whole], of_all_s, long, before))
        say(f"wrote {PAGE.relative_to(ROOT)}")
    return 1 if bad else 0 if complete else 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
