"""SQLAlchemy 1.4, 2.0 and 2.1 over every driver: a statement counts once, whoever sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("sqlalchemy_pairs.py")
VERSIONS = Path(sys.prefix) / "versions"
WORK = ["INSERT", "SELECT", "UPDATE", "SELECT failed", "INSERT", "SELECT", "DELETE"]


@pytest.mark.parametrize("wanted", ["1.4", "2.0", ""])
def test_every_pair_counts_each_statement_once(wanted: str, postgres: str, mariadb: int) -> None:
    environment = dict(os.environ)
    if wanted:
        place = VERSIONS / f"sqlalchemy-{wanted}"
        if not place.exists():
            pytest.skip(f"SQLAlchemy {wanted} is not installed; `make setup` brings it")
        environment["PYTHONPATH"] = str(place)
    done = subprocess.run(
        [sys.executable, PROGRAM, postgres, str(mariadb)],
        capture_output=True,
        check=False,
        env=environment,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["version"].startswith(wanted or "2.")
    assert told["faults"] == 0
    assert len(told["pairs"]) == (5 if wanted == "1.4" else 7)
    for pair, statements in told["pairs"].items():
        own = [each for each in statements if each.split()[0] not in ("CREATE", "DROP", "PRAGMA")]
        # A class of the application's own is left alone, so a cursor taken off it goes unseen.
        assert own == (WORK[:-1] if "factory" in pair else WORK), pair
