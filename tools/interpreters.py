"""Run the tests of what lives in the application on every CPython that is here and new enough.

`python tools/interpreters.py` finds python3.11 and newer on PATH and among pyenv's and uv's, gives
each an environment of its own in a temporary folder, and prints one line each: version, path, what
pytest said. Other interpreters can be named as arguments, and behind `--rooms` some of the rooms, with
commas between. The status is 1 when a test failed.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
ROOMS = ("recording", "agent", "wire", "aggregate", "instruments", "normalizers", "servers")
"""Tests of the rooms that are imported by the application, and of every server that it may run under."""
JUDGES = ("axe-core-python", "import-linter", "mypy", "playwright", "ruff")
"""What developing needs and these tests do not."""
AGENT = ("gevent", "hypothesis", "pytest", "waitress")
"""All that the agent's tests need of what developing does: soon there."""
ABOUT = "import sys; print(sys.implementation.name, *sys.version_info[:3], sys.base_prefix)"
PLACES = (
    "~/.pyenv/versions/*/bin/python3",
    "~/.local/share/uv/python/*/bin/python3",
    "/opt/*/bin/python3",
)


def candidates() -> list[Path]:
    """Answer what may be an interpreter, in the usual places."""
    found = [
        path
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        for path in Path(folder or ".").glob("python3.[0-9]*")
        if path.suffix[1:].isdigit()
    ]
    # Not $HOME: whoever runs tests may have set that to a place of the tests' own.
    home = pwd.getpwuid(os.getuid()).pw_dir
    for place in PLACES:
        found += Path("/").glob(place.replace("~", home, 1).lstrip("/"))
    return found


def interpreters(paths: list[Path]) -> dict[tuple[int, ...], Path]:
    """Answer version to path of each CPython that is new enough, one a version."""
    found: dict[tuple[int, ...], Path] = {}
    for path in paths:
        try:
            asked = subprocess.run(
                [str(path), "-c", ABOUT], capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        words = asked.stdout.split()
        if len(words) < 4 or words[0] != "cpython":
            continue
        version = tuple(map(int, words[1:4]))
        if version >= OLDEST:
            found.setdefault(version, path)
    return dict(sorted(found.items()))


def needed(rooms: list[str]) -> list[str]:
    """Answer the packages that the rooms' tests need, as the project's own environment has them."""
    wanted = AGENT if rooms == ["agent"] else ("",)
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return [each for each in groups["dev"] if each.startswith(wanted) and not each.startswith(JUDGES)]


def judge(python: Path, folder: Path, rooms: list[str]) -> tuple[bool, str]:
    """Run rooms' tests on one interpreter; answer whether they passed, and what pytest said last."""
    venv = folder / "bin" / "python"
    install = [str(venv), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    for step in (
        [str(python), "-m", "venv", str(folder)],
        [*install, *needed(rooms), "-e", f"{ROOT}[server,demo]"],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            return False, (done.stderr.strip() or "no environment").splitlines()[-1]
    tests = [str(ROOT / "tests" / room) for room in rooms]
    done = subprocess.run(
        [str(venv), "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", *tests],
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
        cwd=ROOT,
        # Wide enough for the reason behind the name of a test that failed.
        env={**os.environ, "COLUMNS": "300"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    said = done.stdout.strip() or done.stderr.strip() or "nothing"
    return done.returncode == 0, "\n  ".join([said.splitlines()[-1], *lines])


def main(arguments: list[str]) -> int:
    """Print one line an interpreter; answer the exit status."""
    passed, rooms = True, list(ROOMS)
    if arguments[:1] == ["--rooms"]:
        rooms, arguments = arguments[1].split(","), arguments[2:]
    for version, path in interpreters([Path(name) for name in arguments] or candidates()).items():
        with tempfile.TemporaryDirectory(prefix="fanlight-interpreter-") as folder:
            fine, said = judge(path, Path(folder), rooms)
        passed = passed and fine
        print(f"{'.'.join(map(str, version))} {path}: {said}", flush=True)
    return not passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
