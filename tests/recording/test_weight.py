"""What `import fanlight; fanlight.start()` brings into somebody else's process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import fanlight

MODULES = 60
MODULES_LATER = 103
"""Once the task runs it has `re` for statements and messages, and a file for each kind of notification."""
LAST = "fanlight.normalizers.template"
"""What the task imports last, all the normalizers being there then."""
STEPS = 48_500
"""Calls and lines that run, importing included: 42,300 with CPython 3.11, 44,100 with 3.12 and 3.13.

What it takes in milliseconds, `make bench` judges in its part `startup`.
"""
FORBIDDEN = {
    *("asyncio", "concurrent", "contextlib", "ctypes", "dataclasses", "email", "enum"),
    *("functools", "http", "importlib.metadata", "inspect", "json", "logging", "multiprocessing", "pathlib"),
    *("pickle", "queue", "random", "re", "select", "selectors", "shutil", "socket", "sqlite3", "ssl"),
    *("string", "subprocess", "tempfile", "threading", "tomllib", "traceback", "typing", "urllib", "uuid"),
    *("weakref", "zipfile", "fanlight.aggregate", "fanlight.cli", "fanlight.server", "fanlight.web"),
}
"""What an application may not get unasked: each is a cost or a side effect."""

SOURCE = os.path.dirname(os.path.dirname(fanlight.__file__))

STARTED = """
import sys
sys.path.insert(0, {source!r})
before = set(sys.modules)
import fanlight
fanlight.start("shop", dsn="unix:///nonexistent/collector.sock")
added = sorted(set(sys.modules) - before)
import json
print(json.dumps(added))
"""

COUNTED = """
import sys
sys.path.insert(0, {source!r})
steps = 0

def line(frame, event, argument):
    global steps
    steps += event == "line"
    return line

def call(frame, event, argument):
    global steps
    steps += event in ("call", "c_call")

sys.setprofile(call)
sys.settrace(line)
import fanlight
fanlight.start("shop", dsn="unix:///nonexistent/collector.sock")
sys.settrace(None)
sys.setprofile(None)
print(steps)
"""

TRACED = STARTED.replace(
    "added = sorted",
    """
import time
with fanlight.trace("job"), fanlight.span("a", n=1):
    pass
deadline = time.monotonic() + 60
while LAST not in sys.modules and time.monotonic() < deadline:
    time.sleep(0.01)
assert LAST in sys.modules
added = sorted""".replace("LAST", repr(LAST)),
)


def run(program: str) -> list[str] | int:
    """Answer the modules that came, or the steps it took, in an interpreter without site-packages.

    What those bring at the start would count as there already: `os` and `site` alone are.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import os, site\n" + program.format(source=SOURCE)],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("program", "limit", "allowed"),
    [(STARTED, MODULES, set()), (TRACED, MODULES_LATER, {"re", "enum", "functools"})],
    ids=["started", "traced"],
)
def test_few_modules_come_and_none_of_the_heavy_ones(program, limit, allowed):
    modules = run(program)
    assert len(modules) <= limit, modules
    found = {name for name in modules if name in FORBIDDEN or name.partition(".")[0] in FORBIDDEN}
    assert {name for name in found if name.partition(".")[0] not in allowed} == set()


def test_starting_takes_few_steps():
    run(STARTED)  # writes the bytecode
    assert run(COUNTED) <= STEPS


def test_importing_alone_brings_the_package_and_nothing_else():
    program = STARTED.replace('fanlight.start("shop", dsn="unix:///nonexistent/collector.sock")', "")
    modules = run(program)
    assert modules == ["fanlight"]
