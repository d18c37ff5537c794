"""What a file sets: TOML, with a section for each environment."""

from __future__ import annotations

import os

from fanlight.config.keys import ALIASES, KEYS, known
from fanlight.config.origin import Setting
from fanlight.config.places import content
from fanlight.config.reading import is_loopback, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def is_trusted(path: str, trust: str) -> bool:
    """Answer whether the user has said that this file may set every key."""
    folder = os.path.realpath(os.path.dirname(path))
    named = [os.path.realpath(os.path.expanduser(part)) for part in trust.split(":") if part]
    return folder in named and os.stat(path).st_uid == os.geteuid()


def read_file(values: dict[str, Setting], path: str, section: str, *, project: bool) -> None:
    """Put what a file sets over the values so far; a file that is not there sets nothing."""
    if not os.path.isfile(path):
        return
    import tomllib

    from fanlight.errors import ConfigError

    try:
        table = tomllib.loads(content(path).decode())
    except ValueError as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error
    if os.path.basename(path) == "pyproject.toml":
        table = table.get("tool", {}).get("fanlight", {})
    sections = table.pop("env", {})
    flat = flatten(table)
    if section and isinstance(sections, dict):
        flat.update(flatten(sections.get(section, {})))
    for written, value in flat.items():
        name = known(ALIASES.get(written, written), path)
        if project and not may_set(name, value):
            raise ConfigError(
                f"{path} sets {name!r}, which a project's file may not do unasked\n"
                f"  to allow it: FANLIGHT_TRUST={os.path.dirname(path)}, or `trust` in your own fanlight.toml"
            )
        text = os.path.join(os.path.dirname(path), value) if KEYS[name].kind == "path" else value
        values[name] = Setting(read(name, text, path), path)


def may_set(name: str, value: Any) -> bool:
    """Answer whether a file that came with a repository may set a key: data only, and only here."""
    if name == "listen":
        return is_loopback(read("listen", value, "")[0])
    return KEYS[name].project


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Answer nested tables as one with dotted keys."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat
