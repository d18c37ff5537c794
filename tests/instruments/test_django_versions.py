"""Django 4.2: what is tested on the installed version holds for it too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PLACE = Path(sys.prefix) / "versions" / "django-4.2"


def test_the_tests_of_django_pass_on_the_older_version() -> None:
    """Left out are statements on real databases, which are the drivers', and clients that leave.

    Nothing in Django 4.2 listens for those.
    """
    if not PLACE.exists():
        pytest.skip("Django 4.2 is not installed; `make setup` brings it")
    environment = {**os.environ, "PYTHONPATH": str(PLACE)}
    told = subprocess.run(
        [sys.executable, "-c", "import django; print(django.get_version())"],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
    )
    assert told.stdout.startswith("4.2")
    files = sorted(set(HERE.glob("test_django*.py")) - {Path(__file__)})
    assert len(files) >= 8
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", "not real_driver and not client_that_left", *files],
        capture_output=True,
        check=False,
        cwd=HERE.parent.parent,
        env=environment,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
