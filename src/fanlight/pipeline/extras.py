"""What the extra `server` brings: whether it is here, and what to run where it is not."""

from __future__ import annotations

import os
import sys

from fanlight.agent.injection import UNSEEN
from fanlight.errors import MissingExtraError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVER = ("click", "duckdb", "jinja2", "msgspec", "numpy", "rich", "starlette", "uvicorn")
"""Top-level packages that collector, server, page and commands need."""

ENVIRONMENT = "server-env"
"""Name of the environment that `fanlight setup-server` makes inside a data directory."""

KEPT = ("PATH", "HOME", "LANG")


def missing(packages: Sequence[str] = SERVER) -> list[str]:
    """Answer which packages are not installed in this environment; imports none of them."""
    from importlib.util import find_spec

    return [name for name in packages if find_spec(name) is None]


def server_command(data: str, default_data: str) -> list[str]:
    """Answer how to start a process of ours that has the extra `server`.

    Args:
        data: the data directory; an environment made for it comes first.
        default_data: the user's data directory, where `setup-server` puts one by default.

    Raises:
        MissingExtraError: neither this environment nor a prepared one has it; holds the command.
    """
    absent = missing()
    if not absent:
        return [sys.executable, "-P", "-m", "fanlight"]
    for folder in (data, default_data):
        python = os.path.join(folder, ENVIRONMENT, "bin", "python")
        if os.access(python, os.X_OK):
            return [python, "-P", "-m", "fanlight"]
    raise MissingExtraError(
        f"Fanlight's server is not installed here (no {', '.join(absent[:3])}{' …' if absent[3:] else ''})\n"
        "  install it in an environment of its own: fanlight setup-server\n"
        "  or into this one: pip install 'fanlight[server]'"
    )


def built_environment(environ: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Answer the variables of our own background processes: chosen ones, never the application's.

    What an application keeps in its environment (keys, passwords) has no business in a process
    that outlives it. `FANLIGHT_KEEP_ENV` names more to keep, separated by commas or spaces.
    """
    keep = {*KEPT, *environ.get("FANLIGHT_KEEP_ENV", "").replace(",", " ").split()}
    built = {
        name: value
        for name, value in environ.items()
        if name in keep or name.startswith(("XDG_", "FANLIGHT_"))
    }
    built.update(settings)
    # These are about the application that is run, not about who receives.
    for name in ("FANLIGHT_DSN", "FANLIGHT_SERVICE", "FANLIGHT_STRATEGY", UNSEEN):
        built.pop(name, None)
    checkout = package_path(environ)
    if checkout:
        built["PYTHONPATH"] = checkout
    return built


def package_path(environ: Mapping[str, str]) -> str | None:
    """Answer the directory we were imported from, when only PYTHONPATH led to it."""
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    named = [os.path.abspath(part) for part in environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return home if home in named else None
