"""How the text of a value is read, by its kind."""

from __future__ import annotations

import os

from fanlight.config.keys import KEYS, METRICS, NOTHING, STRATEGIES
from fanlight.log import LEVELS, STDERR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def read(name: str, value: Any, origin: str) -> Any:
    """Answer a key's value from its text.

    Raises:
        ConfigError: the text does not read as the key's kind; says what would.
    """
    try:
        return parse(name, str(value))
    except (ValueError, OverflowError):
        from fanlight.errors import ConfigError

        raise ConfigError(f"{origin}: {refusal(name, str(value))}") from None


def parse(name: str, text: str) -> Any:
    """Answer a key's value from its text; a ValueError or OverflowError where there is none."""
    return READERS[KEYS[name].kind][0](text)


def default(name: str) -> Any:
    """Answer what a key is when nobody sets it, of the same type as when somebody does."""
    key = KEYS[name]
    if key.kind == "address":
        return read_address(key.default)
    return LISTS[key.kind](key.default) if key.kind in LISTS else key.default


def refusal(name: str, value: Any) -> str:
    """Answer what to say about a value that does not read as its key's kind."""
    kind = KEYS[name].kind
    shown = "what stands here" if kind == "secret" else repr(value)
    found = f"{shown} is no value of {name!r}; expected {READERS[kind][1]}"
    if kind != "metrics":
        return found
    from fanlight.registry import suggestion

    wrong = next((word for word in read_names(str(value)) if word not in METRICS), "")
    return f"{found}; there is no {wrong!r}{suggestion(wrong, list(METRICS))}" if wrong else found


def join(kind: str, value: Any) -> str:
    """Answer the text of what a file says, where a list may be written as one."""
    if kind == "tables":
        return str(Tables(value))
    return JOINED[kind].separator.join(map(str, value)) if isinstance(value, list) else str(value)


class Words(tuple[str, ...]):
    """Several values of one key; prints as they are written in a variable."""

    __slots__ = ()
    separator = ","

    def __str__(self) -> str:
        return self.separator.join(self) or NOTHING


class Folders(Words):
    """Several directories."""

    __slots__ = ()
    separator = ":"


class Tables(tuple["dict[str, Any]"]):
    """Several tables; prints as JSON, as which a variable has them."""

    __slots__ = ()

    def __str__(self) -> str:
        import json

        # TOML's dates are texts in JSON.
        return json.dumps(list(self), default=str)


JOINED = {"metrics": Words, "names": Words, "paths": Folders}
LISTS = {**JOINED, "tables": Tables}


def read_names(text: str) -> Words:
    """Answer names or globs joined with commas."""
    return Words(part for part in map(str.strip, text.split(Words.separator)) if part not in ("", NOTHING))


def read_level(text: str) -> str:
    """Answer a level of the log."""
    if text.lower() not in LEVELS:
        raise ValueError(text)
    return text.lower()


def read_log(text: str) -> str:
    """Answer where the log is written: an absolute path, or - for stderr."""
    return text if text == STDERR else read_path(text)


def read_paths(text: str) -> Folders:
    """Answer directories joined with colons."""
    return Folders(part for part in text.split(Folders.separator) if part not in ("", NOTHING))


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


def read_tables(text: str) -> Tables:
    """Answer tables from a JSON array of objects."""
    import json

    if text == NOTHING:
        return Tables()
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(text)
    return Tables(found)


def read_share(text: str) -> float:
    """Answer a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(text)
    return number


def read_flag(text: str) -> bool:
    """Answer whether something is wanted."""
    if text.lower() not in FLAGS:
        raise ValueError(text)
    return FLAGS[text.lower()]


ON = ("true", "yes", "on", "1")
FLAGS = {word: word in ON for word in (*ON, "false", "no", "off", "0")}


def read_seconds(text: str) -> float:
    """Answer a length of time, which may be none."""
    number = float(text)
    if not 0 <= number <= LONGEST_S:
        raise ValueError(text)
    return number


def read_period(text: str) -> float:
    """Answer how far apart two of something are."""
    number = read_seconds(text)
    if number < SHORTEST_S:
        raise ValueError(text)
    return number


SHORTEST_S, LONGEST_S = 0.1, 86_400.0


def read_metrics(text: str) -> Words:
    """Answer names of what is told of servers, each known."""
    names = read_names(text)
    if not set(names) <= set(METRICS):
        raise ValueError(text)
    return names


def read_path(text: str) -> str:
    """Answer an absolute path."""
    if not text:
        raise ValueError(text)
    return os.path.abspath(os.path.expanduser(text))


def read_file_path(text: str) -> str:
    """Answer an absolute path, or nothing."""
    return read_path(text) if text else ""


def read_strategy(text: str) -> str:
    """Answer how an application's traces get to a server."""
    if text.lower() not in STRATEGIES:
        raise ValueError(text)
    return text.lower()


READERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "address": (read_address, "HOST:PORT, like 127.0.0.1:7700"),
    "bytes": (read_bytes, "a size, like 64MB or 1GiB"),
    "count": (read_count, "a whole number"),
    "file": (read_file_path, "a path"),
    "flag": (read_flag, "true or false"),
    "level": (read_level, "error, warning, info, debug or trace"),
    "log": (read_log, "a path, or - for stderr"),
    "metrics": (read_metrics, "names of metrics, joined with commas or in a list"),
    "names": (read_names, "names, joined with commas or in a list"),
    "path": (read_path, "a path"),
    "paths": (read_paths, "paths, joined with colons or in a list"),
    "period": (read_period, "seconds, at least 0.1"),
    "seconds": (read_seconds, "seconds"),
    "secret": (str, "an address"),
    "share": (read_share, "a number from 0 to 1"),
    "strategy": (read_strategy, "standalone or embedded"),
    "tables": (read_tables, "tables, in a variable as a JSON array of objects"),
    "text": (str, "text"),
}

TYPES: dict[str, tuple[type, ...]] = {
    "address": (str,),
    "bytes": (int, str),
    "count": (int,),
    "file": (str,),
    "flag": (bool,),
    "level": (str,),
    "log": (str,),
    "metrics": (str, list),
    "names": (str, list),
    "path": (str,),
    "paths": (str, list),
    "period": (int, float),
    "seconds": (int, float),
    "secret": (str,),
    "share": (int, float),
    "strategy": (str,),
    "tables": (list,),
    "text": (str,),
}
"""What TOML may say for a kind."""
