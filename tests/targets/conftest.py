"""Makes the receivers importable, and one of each a fixture."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import receivers


@pytest.fixture
def udp():
    found = receivers.Datagrams()
    yield found
    found.close()


@pytest.fixture
def uds(tmp_path):
    found = receivers.Datagrams(tmp_path / "statsd.sock")
    yield found
    found.close()


@pytest.fixture
def web():
    with receivers.posts() as server:
        yield server
