"""What the settings are checked by, and what that loads."""

import subprocess
import sys

import pytest

from fanlight.errors import ConfigError
from fanlight.pipeline.build import check_store

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


def test_a_store_that_nobody_knows_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match="did you mean 'duckdb'"):
        check_store("dukdb:/x")
