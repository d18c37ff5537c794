"""The effective value of every key, and who set it."""

from __future__ import annotations

import os

from fanlight.config.files import is_trusted, read_file
from fanlight.config.keys import FOREIGN, INJECTED, INTERNAL, KEYS, PREFIX, VARIABLES, known, variable
from fanlight.config.origin import Setting
from fanlight.config.places import collector_socket, data_directory, project_file, user_file
from fanlight.config.reading import read, read_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any


class Settings:
    """The effective value of every key."""

    def __init__(self, values: dict[str, Setting]) -> None:
        self.values = values

    def __getitem__(self, name: str) -> Any:
        """Answer the value of a key; a name that is no key is a KeyError."""
        return self.values[name].value

    def __iter__(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (key, value, origin), sorted by key."""
        for name in sorted(self.values):
            yield name, self.values[name].value, self.values[name].origin

    def origin(self, name: str) -> str:
        """Answer where a key's value came from."""
        return self.values[name].origin

    def environment(self) -> dict[str, str]:
        """Answer the variables that make a child process see the same settings."""
        return {
            variable(name): str(setting.value)
            for name, setting in self.values.items()
            if setting.origin != "default"
        }


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> Settings:
    """Answer the settings that hold here and now.

    Args:
        flags: key to text, from the command line; None values count as not given.
        environ: variables, `os.environ` when None.
        directory: where the search for the project's file begins, the current one when None.

    Raises:
        ConfigError: a key, value or file that cannot be used.
    """
    environ = os.environ if environ is None else environ
    values = {name: Setting(key.default, "default") for name, key in KEYS.items()}
    values["listen"].value = read_address(KEYS["listen"].default)
    section = environ.get("FANLIGHT_ENV", "")
    for path in ("/etc/fanlight/fanlight.toml", user_file(environ)):
        read_file(values, path, section, project=False)
    read_environment(values, environ, only=("trust",))
    project = project_file(directory)
    if project:
        trusted = is_trusted(project, values["trust"].value)
        read_file(values, project, section, project=not trusted)
    read_environment(values, environ)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = Setting(read(name, value, f"--{name.replace('_', '-')}"), f"--{name}")
    derive(values, environ)
    return Settings(values)


def derive(values: dict[str, Setting], environ: Mapping[str, str]) -> None:
    """Fill in the keys whose default follows from another key."""
    if values["data"].value is None:
        values["data"] = Setting(data_directory(environ), "default")
    if values["socket"].value is None:
        values["socket"] = Setting(collector_socket(values["data"].value), "default")
    if not values["store"].value:
        values["store"] = Setting(f"duckdb:{os.path.join(values['data'].value, 'store')}", "default")


def read_environment(
    values: dict[str, Setting], environ: Mapping[str, str], only: tuple[str, ...] = ()
) -> None:
    """Put what the environment sets over the values so far.

    Raises:
        ConfigError: a `FANLIGHT_…` variable that means nothing.
    """
    names = {variable(name): name for name in KEYS}
    for written, text in environ.items():
        if not written.startswith(PREFIX) or written in VARIABLES or written.startswith(INTERNAL):
            continue
        name = names.get(written)
        if name is None:
            if not written.startswith(FOREIGN):
                known(written, "the environment", [*names, *VARIABLES])
        # With the mark, the socket is our own word to the program that runs here, not the user's to us.
        elif text and (not only or name in only) and not (name == "socket" and INJECTED in environ):
            values[name] = Setting(read(name, text, written), written)
