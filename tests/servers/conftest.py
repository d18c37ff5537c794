"""Servers as people run them: under `fanlight run`, towards a collector of the test's own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix_receiver import Receiver
from matrix_slots import Gate, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """Answer a folder whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="fanlight-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def receiver(folder: Path) -> Iterator[Receiver]:
    receiver = Receiver(folder / "c.sock")
    yield receiver
    receiver.close()


@pytest.fixture
def gate(folder: Path) -> Iterator[Gate]:
    gate = Gate(folder / "gate.sock")
    yield gate
    gate.close()


@pytest.fixture
def watch(folder: Path) -> Iterator[Watch]:
    """A reader of the slots of the servers that report to `receiver`."""
    watch = Watch(folder)
    yield watch
    watch.close()
