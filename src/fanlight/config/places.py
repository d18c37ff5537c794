"""Where Fanlight keeps its files, and where it looks for settings. The agent imports this one."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET_LIMIT = 107
"""Longest path, in bytes, that a unix socket can have on Linux."""


def data_directory(environ: Mapping[str, str]) -> str:
    """Answer the data directory when no key sets one.

    Raises:
        ConfigError: neither the environment nor the user database knows a home directory.
    """
    given = environ.get("FANLIGHT_DATA")
    if given:
        return os.path.abspath(os.path.expanduser(given))
    shared = environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(shared):
        return os.path.join(shared, "fanlight")
    home = environ.get("HOME") or os.path.expanduser("~")
    if not os.path.isabs(home):
        from fanlight.errors import ConfigError

        raise ConfigError("no home directory to keep data in; name one with --data DIR or FANLIGHT_DATA")
    return os.path.join(home, ".local", "share", "fanlight")


def collector_socket(data: str) -> str:
    """Answer the path that agents connect to unless told otherwise."""
    return os.path.join(data, "run", "collector.sock")


def report_token_file(data: str) -> str:
    """Answer the file of the token that reports are posted with, unless another one is named."""
    return os.path.join(data, "run", "report.token")


def user_file(environ: Mapping[str, str]) -> str:
    """Answer where the user's own file would be."""
    folder = environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(folder):
        folder = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return os.path.join(folder, "fanlight", "fanlight.toml")


def project_file(directory: str | None) -> str | None:
    """Answer the nearest `fanlight.toml` (or `pyproject.toml` with our table) upward.

    The search ends at the repository's root, so that a file outside it has no say.
    """
    try:
        folder = os.path.abspath(directory or os.getcwd())
    except FileNotFoundError:  # the current directory was deleted under us
        return None
    while True:
        own = os.path.join(folder, "fanlight.toml")
        if os.path.isfile(own):
            return own
        shared = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(shared) and b"tool.fanlight" in content(shared):
            return shared
        parent = os.path.dirname(folder)
        if parent == folder or any(os.path.exists(os.path.join(folder, mark)) for mark in (".git", ".hg")):
            return None
        folder = parent


def content(path: str) -> bytes:
    """Answer a file's bytes, none when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""
