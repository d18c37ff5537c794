"""What can be set, who set it, and where Fanlight keeps its files.

A value comes from the highest of: command line, environment, the project's file, the user's file,
the machine's file, the default; each knows its origin. An unknown key is an error with the nearest
name. The agent imports this module inside an application: nothing but `os` is imported above.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

SOCKET_LIMIT = 107
"""Longest path, in bytes, that a unix socket can have on Linux."""

PREFIX = "FANLIGHT_"


class Key:
    """One thing that can be set.

    Args:
        kind: how its text is read: a name in `READERS`.
        default: value when nobody sets it; None where it follows from another key.
        about: one line for people.
        project: whether a file that came with a repository may set it unasked.
    """

    __slots__ = ("about", "default", "kind", "project")

    def __init__(self, kind: str, default: Any, about: str, project: bool = False) -> None:
        self.kind = kind
        self.default = default
        self.about = about
        self.project = project


KEYS: dict[str, Key] = {
    "data": Key("path", None, "directory of spool, store and sockets"),
    "socket": Key("path", None, "unix socket that agents connect to"),
    "dsn": Key("text", "", "collector elsewhere: unix:///path/collector.sock"),
    "listen": Key("address", "127.0.0.1:7700", "HOST:PORT of the page"),
    "store": Key("text", "", "store URL: duckdb:DIR or memory:"),
    "service": Key("text", "", "name that the application reports under", project=True),
    "sample": Key("share", 1.0, "share of requests whose child spans are recorded", project=True),
    "leave_after_s": Key("count", 60, "idle seconds after which a background Fanlight leaves", project=True),
    "spool.max_bytes": Key("bytes", 1 << 30, "size bound of what waits for the store", project=True),
    "store.retention_days": Key("count", 14, "whole days kept besides today", project=True),
    "store.max_bytes": Key("bytes", 2 << 30, "size at which the store's oldest days go", project=True),
    "store.spans_per_s": Key("count", 2000, "spans a second and service kept whole", project=True),
    "store.traces_per_s": Key("count", 500, "root rows a second and service", project=True),
    "trust": Key("text", "", "directories whose fanlight.toml may set every key, joined with ':'"),
}

ALIASES = {"store.url": "store"}
"""Other spellings in files, where `store` cannot be a word and a table at once."""

VARIABLES = ("FANLIGHT_DEBUG", "FANLIGHT_ENV", "FANLIGHT_KEEP_ENV")
"""Variables of ours that are no keys: tracebacks, the chosen `[env.…]` section, what children keep."""

# A container platform announces a service called "fanlight" in variables that look like ours.
FOREIGN = ("FANLIGHT_SERVICE_HOST", "FANLIGHT_SERVICE_PORT", "FANLIGHT_PORT")
INJECTED = "FANLIGHT_INTERNAL_INJECT"
INTERNAL = ("FANLIGHT_INTERNAL_", "FANLIGHT_DEMO_", "FANLIGHT_TEST_")


class Setting:
    """A value and where it came from: `--data`, `FANLIGHT_DATA`, a file's path, or `default`."""

    __slots__ = ("origin", "value")

    def __init__(self, value: Any, origin: str) -> None:
        self.value = value
        self.origin = origin


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


def variable(name: str) -> str:
    """Answer the environment variable of a key: `store.spans_per_s` is `FANLIGHT_STORE__SPANS_PER_S`."""
    return PREFIX + name.replace(".", "__").upper()


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


def is_trusted(path: str, trust: str) -> bool:
    """Answer whether the user has said that this file may set every key."""
    folder = os.path.realpath(os.path.dirname(path))
    named = [os.path.realpath(os.path.expanduser(part)) for part in trust.split(":") if part]
    return folder in named and os.stat(path).st_uid == os.geteuid()


def content(path: str) -> bytes:
    """Answer a file's bytes, none when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(1 << 20)
    except OSError:
        return b""


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


def known(name: str, where: str, names: list[str] | None = None) -> str:
    """Answer the name when it is known; raise with the nearest one otherwise."""
    names = list(KEYS) if names is None else names
    if name not in names:
        from fanlight.errors import ConfigError
        from fanlight.registry import suggestion

        raise ConfigError(f"unknown key {name!r} in {where}{suggestion(name, names)}")
    return name


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Answer nested tables as one with dotted keys."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def read(name: str, value: Any, origin: str) -> Any:
    """Answer a key's value from its text.

    Raises:
        ConfigError: the text does not read as the key's kind; says what would.
    """
    reader, wanted = READERS[KEYS[name].kind]
    text = ":".join(map(str, value)) if isinstance(value, list) else str(value)
    try:
        return reader(text)
    except (ValueError, OverflowError):
        from fanlight.errors import ConfigError

        raise ConfigError(f"{origin}: {text!r} is no value of {name!r}; expected {wanted}") from None


class Address(tuple[str, int]):
    """Host and port; prints as it is written."""

    __slots__ = ()

    def __str__(self) -> str:
        host, port = self
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def read_address(text: str) -> Address:
    """Answer `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (loopback); port 0 lets the system choose."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(text)
    return Address((host or "127.0.0.1", int(port)))


def is_loopback(host: str) -> bool:
    """Answer whether only this machine reaches an address. A name other than localhost is none."""
    if host == "localhost":
        return True
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def read_bytes(text: str) -> int:
    """Answer a size: `1048576`, `64MB`, `1GiB`."""
    number = text.strip().rstrip("BbIiKkMmGgTt ")
    unit = text.strip()[len(number) :].strip().upper().removesuffix("B")
    return read_count(str(int(float(number) * UNITS[unit])) if unit in UNITS else text)


UNITS = {"": 1} | {
    f"{letter}{i}": (1024 if i else 1000) ** p for p, letter in enumerate("KMGT", 1) for i in ("", "I")
}


def read_count(text: str) -> int:
    """Answer a whole number that is not negative."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def read_share(text: str) -> float:
    """Answer a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number


def read_path(text: str) -> str:
    """Answer an absolute path."""
    if not text:
        raise ValueError(text)
    return os.path.abspath(os.path.expanduser(text))


READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "address": (read_address, "HOST:PORT, like 127.0.0.1:7700"),
    "bytes": (read_bytes, "a size, like 64MB or 1GiB"),
    "count": (read_count, "a whole number"),
    "path": (read_path, "a path"),
    "share": (read_share, "a number from 0 to 1"),
    "text": (str, "text"),
}
