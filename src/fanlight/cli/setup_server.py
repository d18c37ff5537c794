"""`fanlight setup-server`: the server in an environment of its own, so the application's stays as it is."""

from __future__ import annotations

import os
import sys

from fanlight import __version__, config
from fanlight.errors import FanlightError
from fanlight.pipeline.directory import prepare
from fanlight.pipeline.extras import ENVIRONMENT, SERVER

HELP = """\
Install Fanlight's server in an environment of its own.

  fanlight setup-server
  fanlight setup-server --data ./telemetry

Usage: fanlight setup-server [--data DIR] [--dry-run] [--json]

  --data DIR  make the environment in DIR/server-env   [FANLIGHT_DATA, else ~/.local/share/fanlight]
  --dry-run   only say what would be done
  --json      print one JSON document
  -h, --help  this text

`fanlight run` and all other commands find it there. The application's own environment needs nothing
but `pip install fanlight`, which brings no dependency. Run it again to upgrade.
"""

OPTIONS = ("--data", "--dry-run", "--help", "--json")


def main(arguments: list[str]) -> int:
    """Make or renew the environment; answer the exit code."""
    flags: dict[str, str] = {}
    dry = as_json = False
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("-h", "--help"):
            sys.stdout.write(HELP)
            return 0
        if name == "--dry-run":
            dry = True
        elif name == "--json":
            as_json = True
        elif name == "--data":
            flags["data"] = value if equals else next(words, "")
        else:
            raise unknown(name)
    data = config.load(flags)["data"]
    folder = os.path.join(data, ENVIRONMENT)
    steps = commands(folder)
    for step in steps:
        sys.stderr.write(f"{' '.join(step)}\n")
    if not dry:
        prepare(data)
        install(steps, folder)
        sys.stderr.write(f"The server is installed in {folder}; fanlight run finds it there.\n")
    if as_json:
        from fanlight.cli.terminal import write_json

        write_json({"environment": folder, "installed": not dry, "steps": steps})
    return 0


def unknown(name: str) -> FanlightError:
    """Answer the error for a word that is none of our options."""
    from fanlight.cli.failures import UsageError
    from fanlight.registry import suggestion

    return UsageError(f"setup-server: unknown option {name!r}{suggestion(name, list(OPTIONS))}")


def commands(folder: str) -> list[list[str]]:
    """Answer what is run: make the environment, install into it, see that it works."""
    python = os.path.join(folder, "bin", "python")
    return [
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", "--upgrade", requirement()],
        [python, "-P", "-c", f"import fanlight, {', '.join(SERVER)}"],
    ]


def requirement() -> str:
    """Answer what pip is asked for: this very version, from this checkout where we run from one."""
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    checkout = os.path.dirname(os.path.dirname(package))
    if os.path.basename(os.path.dirname(package)) == "src" and os.path.isfile(f"{checkout}/pyproject.toml"):
        return f"{checkout}[server]"
    return f"fanlight[server]=={__version__}"


def install(steps: list[list[str]], folder: str) -> None:
    """Run the steps; what they say is shown as it comes.

    Raises:
        FanlightError: a step failed; a new environment that is not whole is removed again.
    """
    import shutil
    import subprocess

    is_new = not os.path.exists(folder)
    os.umask(0o077)
    # What the application's Python is told must not reach into the new environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    for step in steps:
        # The steps speak to people: standard output is for data, and there is none here.
        done = subprocess.run(step, env=environment, stdout=2, check=False)  # noqa: S603 our own commands
        if done.returncode:
            if is_new:
                shutil.rmtree(folder, ignore_errors=True)
            raise FanlightError(
                f"setting up {folder} failed at: {' '.join(step)}\n"
                "  without the module venv: apt install python3-venv; else see the words above"
            )
