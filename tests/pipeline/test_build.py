"""What the settings are checked by, and what that loads."""

import subprocess
import sys

import pytest

from fanlight.errors import ConfigError
from fanlight.pipeline.build import check_store

MODULES = 140
"""Of ours, that a server loads before it applies: some more than now; they are read at each restart."""
LOADED = """
import sys
import fanlight.pipeline.serve
from fanlight.pipeline.build import check_store
check_store("duckdb:/x")
print(*sorted(sys.modules))
"""


def test_a_supervisor_loads_neither_queries_nor_what_tells_all_that_is_installed():
    done = subprocess.run([sys.executable, "-P", "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "fanlight.stores" in loaded
    assert not {"fanlight.query", "fanlight.event", "hashlib", "importlib.metadata"} & loaded


APPLYING = """
import sys
from fanlight import config
from fanlight.cli import role
from fanlight.pipeline import build
server = build.server(config.load({"data": sys.argv[1]}, directory="/"))
server.start()
print(*(name for name in sorted(sys.modules) if name.partition(".")[0] == "fanlight"))
server.stop()
"""


def test_a_server_applies_before_it_loads_what_pages_and_answers_are_made_of(tmp_path):
    command = [sys.executable, "-P", "-c", APPLYING, str(tmp_path)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "fanlight.server.applier" in loaded
    others = ("fanlight.web", "fanlight.server.answers", "fanlight.server.comparing")
    assert [name for name in loaded if name.startswith(others)] == []
    assert len(loaded) <= MODULES


def test_a_store_that_nobody_knows_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match="did you mean 'duckdb'"):
        check_store("dukdb:/x")
