"""Make the environment in `.venv`: the packages, and as root on Debian what only the system can bring.

`python tools/setup.py demo` brings what the demo needs, `develop` everything; a second run is a
no-op until pyproject.toml changes. Everything it says goes to stderr: a recipe's stdout is data.
"""

# Read by whatever `python3` is: nothing newer than 3.7 before the interpreter was checked.
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

SERVERS = {
    "collectd-core": "collectd",
    "fish": "fish",
    "iproute2": "ss",
    "mariadb-server": "mariadbd",
    "netdata-core": "netdata",
    "nginx-light": "nginx",
    "postgresql": "postgres",
    "prometheus": "prometheus",
    "redis-server": "redis-server",
    "victoria-metrics": "victoria-metrics",
    "zsh": "zsh",
}
"""Debian's packages of servers, shells and tools that we are tested against, to the program of each."""
NODE = "statsd@0.9.0"
"""A receiver of metrics that npm brings, where there is an npm."""


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stderr.write(f"setup: {text}\n")
    sys.stderr.flush()


def check_interpreter() -> None:
    """Leave with a sentence that helps when this interpreter is too old."""
    if sys.version_info >= OLDEST:
        return
    found = "{}.{}".format(*sys.version_info)
    say(f"Fanlight needs Python 3.11 or newer; {sys.executable} is {found}.")
    newer = next(filter(shutil.which, NEWER), "/path/to/python3.11")
    say(f"Say which one to use: make PYTHON={newer} test")
    sys.exit(2)


def system(packages: list[str], why: str) -> bool:
    """Install Debian packages where that is possible; else say which and how. Answer whether they came."""
    if os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get"):
        say(f"installing {' '.join(packages)} with apt-get, for {why}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], check=False, stdout=sys.stderr, env=quiet)
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
        if subprocess.run(command, check=False, stdout=sys.stderr, env=quiet).returncode == 0:
            return True
        say(f"apt-get could not install {' '.join(packages)}; its own message stands above")
    say(f"{why} needs system packages: {' '.join(packages)}")
    say(f"  Debian, Ubuntu: sudo apt-get install {' '.join(packages)}")
    say("  elsewhere: the packages of the same purpose, by your system's installer")
    return False


def server(program: str) -> str:
    """Answer the path of a server's program, "" when it is not installed."""
    # Debian keeps PostgreSQL's programs out of PATH, one directory a version.
    places = [
        os.environ.get("PATH", ""),
        "/usr/sbin",
        *sorted(map(str, Path("/").glob("usr/lib/postgresql/*/bin"))),
    ]
    return shutil.which(program, path=os.pathsep.join(places)) or ""


def make_venv(root: Path) -> Path:
    """Answer `.venv`, made anew when it was made elsewhere or by another interpreter.

    Its scripts hold the path of both.
    """
    venv = root / ".venv"
    mark, made_by = venv / "fanlight-made-by.stamp", f"{root} {sys.version}"
    if mark.exists() and mark.read_text() == made_by:
        return venv
    create = [sys.executable, "-m", "venv", "--clear", str(venv)]
    if subprocess.run(create, capture_output=True, check=False).returncode != 0:
        # Debian keeps the venv module in a package of its own.
        version = "{}.{}".format(*sys.version_info)
        if not system([f"python{version}-venv"], "making .venv"):
            sys.exit(1)
        subprocess.run(create, check=True, stdout=sys.stderr)
    mark.write_text(made_by)
    return venv


def install(purpose: str, root: Path) -> None:
    """Bring the packages, unless a stamp says that they are there."""
    import tomllib

    venv = make_venv(root)
    project = tomllib.loads((root / "pyproject.toml").read_text())
    key = hashlib.sha256(repr((project["project"], project["dependency-groups"])).encode()).hexdigest()
    stamps = {name: venv / f"fanlight-{name}.stamp" for name in ("demo", "develop")}
    if any(stamps[name].exists() and stamps[name].read_text() == key for name in (purpose, "develop")):
        return
    say("installing packages into .venv (once; takes a minute or two)")
    wanted = ["-e", f"{root}[server,demo]"]
    if purpose == "develop":
        # Read here because older pips know no `--group`.
        wanted += project["dependency-groups"]["dev"]
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "-q"]
    if subprocess.run(pip + wanted, stdout=sys.stderr, check=False).returncode != 0:
        say("pip could not install the packages; its own message stands above")
        sys.exit(1)
    if purpose == "develop":
        from concurrent.futures import ThreadPoolExecutor

        groups = project["dependency-groups"]
        older = [name for name in groups if name.startswith("older-")]
        # Each goes to a place of its own.
        with ThreadPoolExecutor(2) as side_by_side:
            doing = [side_by_side.submit(build, pip, groups["built"])]
            doing += [side_by_side.submit(install_older, pip, venv / "versions", n, groups[n]) for n in older]
        for done in doing:
            done.result()
    stamps[purpose].write_text(key)


def build(pip: list[str], packages: list[str]) -> None:
    """Bring what is built from source; what cannot be is not tested, which is no reason to stop here."""
    if not shutil.which("cc"):
        system(["gcc", "libc6-dev"], f"building {' '.join(packages)}")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        system(["python{}.{}-dev".format(*sys.version_info)], f"building {' '.join(packages)}")
    if subprocess.run([*pip, *packages], stdout=sys.stderr, check=False).returncode != 0:
        say(f"pip could not build {' '.join(packages)}; its own message stands above")


def install_node(place: Path) -> None:
    """Bring what npm has, unless it is there; no script of a package's is run."""
    npm = shutil.which("npm")
    if npm is None or (place / "node_modules").exists():
        return
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(place), NODE]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        say(f"npm could not install {NODE}; its own message stands above")


def install_older(pip: list[str], places: Path, name: str, packages: list[str]) -> None:
    """Bring a group of older libraries to a place of its own, unless it is there."""
    place = places / name.removeprefix("older-")
    if place.exists():
        return
    command = [*pip, "--no-deps", "--target", str(place), *packages]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        # What is not there is not tested, which is no reason to stop here.
        shutil.rmtree(place, ignore_errors=True)
        say(f"pip could not install {' '.join(packages)}; its own message stands above")


def main(purpose: str) -> None:
    """Set up for `demo` or `develop`."""
    check_interpreter()
    if purpose not in ("demo", "develop"):
        say(f"unknown purpose {purpose!r}; known: demo, develop")
        sys.exit(2)
    install(purpose, ROOT)
    if purpose != "develop":
        return
    # What is not there is not tested, which is no reason to stop here.
    if not any(map(shutil.which, BROWSERS)):
        system(["chromium", "fonts-liberation"], "testing the pages in a browser")
    install_node(ROOT / ".venv" / "npm")
    missing = [package for package, program in SERVERS.items() if not server(program)]
    if missing:
        system(missing, "testing on real servers and shells")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "develop")
