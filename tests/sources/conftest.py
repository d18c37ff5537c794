"""Real sockets that something waits at, slots of real processes, and what reads either."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from listening import Bench

from fanlight.sources.listeners import Listeners
from fanlight.sources.slots import FILES, Slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    with bench.stack:
        yield bench


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    made = Listeners()
    made.holders.roots = lambda: [os.getpid()]
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slots"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def sources(folder: Path) -> Iterator[Callable[..., Slots]]:
    """A function that answers a new reader of the folder."""
    made: list[Slots] = []

    def source(limit: int = FILES) -> Slots:
        made.append(Slots("", [str(folder)], limit))
        return made[-1]

    yield source
    for each in made:
        each.close()


@pytest.fixture
def process() -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """A function that answers a process that lives until the test is over."""
    made: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        return made[-1]

    yield start
    for each in made:
        each.kill()
        each.communicate()
