"""The effective value of every key, and who set it."""

from __future__ import annotations

import os

from fanlight.config.files import SECTIONS, is_trusted, read_file
from fanlight.config.keys import FOREIGN, INJECTED, INTERNAL, KEYS, PREFIX, VARIABLES, known, variable
from fanlight.config.origin import DEFAULT, Setting
from fanlight.config.places import (
    collector_socket,
    data_directory,
    project_file,
    report_token_file,
    user_file,
)
from fanlight.config.reading import Words, default, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

REDACTED = "<redacted>"
MACHINE = "/etc/fanlight/fanlight.toml"
"""The machine's own file."""


class Settings:
    """The effective value of every key."""

    def __init__(self, values: dict[str, Setting], sections: dict[str, Setting] | None = None) -> None:
        self.values = values
        self.sections = sections or {}

    def __getitem__(self, name: str) -> Any:
        """Answer the value of a key, or of `env.NAME.KEY` whichever section holds; else a KeyError."""
        return (self.values.get(name) or self.sections[name]).value

    def __iter__(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (key, value, origin), sorted by key."""
        for name in sorted(self.values):
            yield name, self.values[name].value, self.origin(name)

    def origin(self, name: str) -> str:
        """Answer where a value came from: `--data`, `FANLIGHT_DATA`, `path:line`, or `default`."""
        return (self.values.get(name) or self.sections[name]).place()

    def is_set(self, name: str) -> bool:
        """Answer whether somebody set a key, so that its value is not the default."""
        return self.values[name].origin != DEFAULT

    def section_names(self) -> list[str]:
        """Answer the names that `FANLIGHT_ENV` may have, as far as the files know."""
        return sorted({name.split(".")[1] for name in self.sections})

    def plain(self, name: str) -> int | float | str | list[str]:
        """Answer a value as JSON may show it."""
        value = self[name]
        if isinstance(value, Words):
            return list(value)
        return value if isinstance(value, (int, float)) else self.shown(name)

    def shown(self, name: str) -> str:
        """Answer a value as people may see it: an address without the token in it."""
        text = str(self[name])
        if name not in KEYS or KEYS[name].kind != "secret":
            return text
        scheme, mark, rest = text.partition("://")
        token, at, place = rest.rpartition("@")
        return f"{scheme}{mark}{REDACTED if token else ''}{at}{place}"

    def environment(self) -> dict[str, str]:
        """Answer the variables that make a child process see the same settings."""
        return {
            variable(name): str(setting.value)
            for name, setting in self.values.items()
            if setting.origin != DEFAULT
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
    values = {name: Setting(default(name), DEFAULT) for name in KEYS}
    sections: dict[str, Setting] = {}
    section = environ.get("FANLIGHT_ENV", "")
    for path in (MACHINE, user_file(environ)):
        overlay(values, sections, read_file(path, project=False), section)
    read_environment(values, environ, only=("trust",))
    project = project_file(directory)
    if project:
        trusted = is_trusted(project, values["trust"].value)
        overlay(values, sections, read_file(project, project=not trusted), section)
    read_environment(values, environ)
    for name, value in (flags or {}).items():
        if value is not None:
            values[name] = Setting(read(name, value, f"--{name.replace('_', '-')}"), f"--{name}")
    derive(values, environ)
    return Settings(values, sections)


def overlay(
    values: dict[str, Setting], sections: dict[str, Setting], found: dict[str, Setting], section: str
) -> None:
    """Put what a file sets over the values so far, and its chosen section over that.

    Args:
        values: by key; changed.
        sections: by `env.NAME.KEY`; changed.
        found: the file's, as `read_file` answers it.
        section: the chosen one's name, "" for none.
    """
    chosen = f"{SECTIONS}.{section}."
    values.update({name: setting for name, setting in found.items() if name in KEYS})
    inside = {name: setting for name, setting in found.items() if name not in KEYS}
    sections.update(inside)
    if section:
        values.update(
            (name.removeprefix(chosen), setting)
            for name, setting in inside.items()
            if name.startswith(chosen)
        )


def derive(values: dict[str, Setting], environ: Mapping[str, str]) -> None:
    """Fill in the keys whose default follows from another key."""
    if values["data"].value is None:
        values["data"] = Setting(data_directory(environ), DEFAULT)
    if values["socket"].value is None:
        values["socket"] = Setting(collector_socket(values["data"].value), DEFAULT)
    if values["report.token_file"].value is None:
        values["report.token_file"] = Setting(report_token_file(values["data"].value), DEFAULT)
    if not values["store"].value:
        values["store"] = Setting(f"duckdb:{os.path.join(values['data'].value, 'store')}", DEFAULT)


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
