"""What a file sets: TOML, with a section for each environment."""

from __future__ import annotations

import os

from fanlight.config.keys import ALIASES, KEYS, known
from fanlight.config.origin import Setting, flatten, located
from fanlight.config.places import content
from fanlight.config.reading import TYPES, is_loopback, join, parse, read, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fanlight.errors import ConfigError

SECTIONS = "env"
"""The table of a file's sections."""
TABLES = "sections are tables: [env.production]"


def is_trusted(path: str, trust: tuple[str, ...]) -> bool:
    """Answer whether the user has said that this file may set every key."""
    folder = os.path.realpath(os.path.dirname(path))
    named = [os.path.realpath(os.path.expanduser(part)) for part in trust]
    return folder in named and os.stat(path).st_uid == os.geteuid()


def read_file(path: str, *, project: bool) -> dict[str, Setting]:
    """Answer what a file sets, by key, and by `env.NAME.KEY` in its sections; all of it is checked.

    A file that is not there sets nothing.

    Args:
        path: of a `fanlight.toml`, or of a `pyproject.toml` with our table.
        project: whether it came with a repository and nobody said that it is to be trusted.

    Raises:
        ConfigError: it cannot be used; names the line and what would do.
    """
    if not os.path.isfile(path):
        return {}
    shared = os.path.basename(path) == "pyproject.toml"
    prefix = "tool.fanlight." if shared else ""
    table = tables(path, prefix)
    sections = table.pop(SECTIONS, {})
    if not isinstance(sections, dict):
        raise fault(path, prefix + SECTIONS, TABLES)
    for name, section in sections.items():
        if not isinstance(section, dict):
            raise fault(path, f"{prefix}{SECTIONS}.{name}", TABLES)
    found = {"": flatten(table)} | {f"{SECTIONS}.{name}.": flatten(sections[name]) for name in sections}
    values: dict[str, Setting] = {}
    for section, flat in found.items():
        for written, value in flat.items():
            place = prefix + section + written
            name = ALIASES.get(written, written)
            if name not in KEYS:
                known(name, located(path, place))
            if project and not may_set(name, value, located(path, place)):
                raise fault(
                    path,
                    place,
                    f"{name!r} is not for a project's file to set unasked; to allow it: "
                    f"FANLIGHT_TRUST={os.path.dirname(path)}, or `trust` in your own fanlight.toml",
                )
            values[section + name] = Setting(typed(path, place, name, value), path, place)
    return values


def tables(path: str, prefix: str) -> dict[str, Any]:
    """Answer our part of a file.

    Raises:
        ConfigError: it is no TOML, or what stands in our place is no table.
    """
    import tomllib

    from fanlight.errors import ConfigError

    try:
        table = tomllib.loads(content(path).decode())
    except ValueError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    for name in prefix.split(".")[:-1]:
        below = table.get(name, {})
        if not isinstance(below, dict):
            raise fault(path, name, f"[{prefix[:-1]}] is a table of settings")
        table = below
    return table


def fault(path: str, written: str, text: str) -> ConfigError:
    """Answer the error about one line of a file."""
    from fanlight.errors import ConfigError

    return ConfigError(f"{located(path, written)}: {text}")


def typed(path: str, written: str, name: str, value: Any) -> Any:
    """Answer a key's value from what TOML says, where `"5"` is no number and `5` is no text.

    Raises:
        ConfigError: it is of another type, reads as nothing, or is a secret that others can read.
    """
    kind = KEYS[name].kind
    types = TYPES[kind]
    if not isinstance(value, types) or isinstance(value, bool) != (kind == "flag"):
        hint = ", without quotes" if isinstance(value, str) else ""
        raise fault(path, written, refusal(name, value) + hint)
    if kind == "path" or (kind == "log" and value != "-") or (kind == "file" and value):
        value = os.path.join(os.path.dirname(path), os.path.expanduser(str(value)))
    text = join(kind, value)
    if kind == "secret" and "@" in text and os.stat(path).st_mode & 0o077:
        raise fault(path, written, f"others can read the token here; chmod 600 {path}, or set FANLIGHT_DSN")
    try:
        return parse(name, text)
    except (ValueError, OverflowError):
        raise fault(path, written, refusal(name, text)) from None


def may_set(name: str, value: Any, where: str) -> bool:
    """Answer whether a file that came with a repository may set a key: data only, and only here."""
    if name == "listen":
        return is_loopback(read("listen", value, where)[0])
    return KEYS[name].project
