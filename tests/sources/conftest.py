"""Real sockets that something waits at, and what reads them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from listening import Bench

from fanlight.sources.listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Iterator


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
