"""What can be set, who set it, and where Fanlight keeps its files.

A value comes from the highest of: command line, environment, the project's file, the user's file,
the machine's file, the default; each knows its origin. An unknown key is an error with the nearest
name. The agent imports this room inside an application, so each part comes when it is first used,
and `places` and `keys` import nothing but `os`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.config.keys import (
        ALIASES,
        FOREIGN,
        INJECTED,
        INTERNAL,
        KEYS,
        PREFIX,
        VARIABLES,
        Key,
        variable,
    )
    from fanlight.config.origin import Setting
    from fanlight.config.places import (
        SOCKET_LIMIT,
        collector_socket,
        data_directory,
        project_file,
        report_token_file,
        user_file,
    )
    from fanlight.config.reading import READERS, Address, is_loopback, read, read_address, read_bytes
    from fanlight.config.settings import Settings, load

__all__ = [
    "ALIASES",
    "FOREIGN",
    "INJECTED",
    "INTERNAL",
    "KEYS",
    "PREFIX",
    "READERS",
    "SOCKET_LIMIT",
    "VARIABLES",
    "Address",
    "Key",
    "Setting",
    "Settings",
    "collector_socket",
    "data_directory",
    "is_loopback",
    "load",
    "project_file",
    "read",
    "read_address",
    "read_bytes",
    "report_token_file",
    "user_file",
    "variable",
]

PARTS = {
    "keys": "ALIASES FOREIGN INJECTED INTERNAL KEYS PREFIX VARIABLES Key variable",
    "origin": "Setting",
    "places": "SOCKET_LIMIT collector_socket data_directory project_file report_token_file user_file",
    "reading": "READERS Address is_loopback read read_address read_bytes",
    "settings": "Settings load",
}
"""Module to the names that it holds, imported when one of them is first used."""


def __getattr__(name: str) -> object:
    """Answer a name of one of the parts, and keep it, so that the next use costs nothing."""
    for part, names in PARTS.items():
        if name in names.split():
            value: object = getattr(__import__(f"fanlight.config.{part}", fromlist=(name,)), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'fanlight.config' has no attribute {name!r}")
