"""Makes the commit builder of `tests/stores` importable; a spool as a collector leaves it."""

from __future__ import annotations

import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "stores"))

from fanlight.server import comparing
from fanlight.server.traced import kin
from fanlight.wire import codec, spool
from fanlight.wire.messages import COMMIT

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is read of a store take as long as it does."""
    for module in (comparing, kin):
        monkeypatch.setattr(module, "PATIENCE_S", 600.0)


class Spool:
    """Writes segments the way the collector does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.number = 100
        self.accepted: dict[str, int] = {}
        self.dropped: dict[str, int] = {}

    @property
    def path(self) -> Path:
        return self.directory / spool.file_name(self.number)

    def begin(self) -> Path:
        """Begin the next segment, which seals the one before."""
        self.directory.mkdir(exist_ok=True)
        self.number += 1
        dropped = [self.dropped.get(service, 0) for service in self.accepted]
        header = {
            "number": self.number,
            "created": time.time_ns(),
            "service": list(self.accepted),
            "accepted": array("Q", self.accepted.values()),
            "dropped": array("Q", dropped),
        }
        self.path.write_bytes(spool.pack_header(header))
        return self.path

    def append(self, message: dict) -> None:
        """Append one record to the newest segment."""
        with self.path.open("ab") as file:
            file.write(spool.pack_record(codec.encode(COMMIT, message)))
        counted: dict[str, int] = {}
        for group, n in zip(message["count_group"], message["count_n"], strict=True):
            service = message["strings"][message["group_service"][group]]
            counted[service] = counted.get(service, 0) + n
        for service, n in counted.items():
            self.accepted[service] = self.accepted.get(service, 0) + n
        told = dict(zip(message["ledger_service"], message["ledger_accepted"], strict=True))
        for service, n in counted.items():
            self.dropped[service] = self.dropped.get(service, 0) + n - told.get(service, 0)


@pytest.fixture
def segments(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, at most thirty seconds."""

    def wait(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < deadline, "it did not come to hold within thirty seconds"
            time.sleep(0.005)

    return wait
