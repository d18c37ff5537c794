"""Where an application that aggregates by itself reports to, and with what token."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.errors import ConfigError

SCHEMES = {"http": 80, "https": 443}
LOCAL = "http://127.0.0.1:7700"
EXAMPLE = "https://TOKEN@HOST:7700, or http://127.0.0.1:7700 on this machine"
TOKEN_BYTES = 4_096
LISTENS = "0A"


class Destination:
    """A server, as somebody named it.

    Attributes:
        secure: whether TLS is spoken, and then always.
        host: name or number, without brackets.
        port: its port.
        path: what stands before `/v1/report`, mostly nothing.
        given: the token that the address held; "" where a file holds it.
        token_file: the file; "" for none.
        own: whether that is the file of this user's own server, and for nobody else's ears.
        ca_file: authorities that its certificate is checked by; "" for the machine's own.
        shown: the address without the token, for people.
    """

    __slots__ = ("ca_file", "given", "host", "own", "path", "port", "secure", "shown", "token_file")

    def __init__(self, secure: bool, host: str, port: int, path: str, given: str) -> None:
        self.secure = secure
        self.host = host
        self.port = port
        self.path = path
        self.given = given
        self.token_file = self.ca_file = ""
        self.own = False
        self.shown = f"http{'s' * secure}://{self.authority()}{path}"

    def authority(self) -> str:
        """Answer host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == SCHEMES["https" if self.secure else "http"] else f"{host}:{self.port}"

    def is_local(self) -> bool:
        """Answer whether it is on this machine for certain."""
        number = self.host.startswith("127.") and self.host.replace(".", "").isdigit()
        return number or self.host in ("localhost", "::1")

    def token(self) -> str:
        """Answer the token; read anew each time, since a server may make the file later.

        Raises:
            PermissionError: others can read the file, or it is another user's.
            OSError: it cannot be read.
            ValueError: it holds no token.
        """
        if self.given:
            return self.given
        if self.own and (stranger := listener(self.port) - {0, os.geteuid()}):
            raise PermissionError(f"user {stranger.pop()} listens at {self.shown}, not you; it gets no token")
        with open(self.token_file, "rb") as file:
            found = os.fstat(file.fileno())
            text = file.read(TOKEN_BYTES).strip()
        if found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o077:
            raise PermissionError(f"{self.token_file} is open to others, or another user's; chmod 600")
        token = text.decode("ascii", "replace")
        if not is_token(token):
            raise ValueError(f"{self.token_file} holds no token")
        return token


def listener(port: int) -> set[int]:
    """Answer the users who listen at a port of this machine, as Linux tells; elsewhere none is known."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        found |= {int(row[7]) for row in rows if row[1].endswith(f":{port:04X}") and row[3] == LISTENS}
    return found


def is_token(text: str) -> bool:
    """Answer whether a text can stand in a header as a token."""
    return text.isascii() and text.isprintable() and text != "" and " " not in text


def destination(dsn: str | None, environ: Mapping[str, str]) -> Destination | None:
    """Answer the server to report to, None where a collector receives instead.

    Args:
        dsn: as the code says; None to ask the environment.
        environ: variables.

    Raises:
        ConfigError: strategy and address contradict each other, or either is none.
    """
    given = dsn or environ.get("FANLIGHT_DSN", "")
    strategy = environ.get("FANLIGHT_STRATEGY", "").lower()
    is_url = given.partition("://")[0].lower() in SCHEMES
    if strategy not in ("", "standalone", "embedded"):
        raise mistake(f"FANLIGHT_STRATEGY is {strategy[:40]!r}; there are standalone and embedded")
    if is_url and strategy == "standalone":
        raise mistake("FANLIGHT_STRATEGY is standalone, but FANLIGHT_DSN names a server; leave one out")
    if not is_url and strategy != "embedded":
        return None
    if given and not is_url:
        raise mistake(f"the embedded strategy reports to a server: {EXAMPLE}")
    found = parse(given or LOCAL)
    found.ca_file = environ.get("FANLIGHT_REPORT__CA_FILE", "")
    plain = [name.strip().lower() for name in environ.get("FANLIGHT_REPORT__PLAIN_HOSTS", "").split(",")]
    if not found.secure and not found.is_local() and found.host not in plain:
        raise mistake(
            f"{found.shown} would send token and traces to another machine for everybody on the way to read\n"
            f"  say https://, or name the host in report.plain_hosts (FANLIGHT_REPORT__PLAIN_HOSTS)"
        )
    found.token_file = environ.get("FANLIGHT_REPORT__TOKEN_FILE", "")
    if not found.given and not found.token_file:
        if not found.is_local():
            raise mistake(
                f"{found.shown} wants the token of its server, which is in its report.token_file\n"
                f"  FANLIGHT_DSN=https://TOKEN@{found.authority()}, or a file: FANLIGHT_REPORT__TOKEN_FILE"
            )
        from fanlight import config

        # Another machine's server is never sent the token of ours.
        found.token_file = config.report_token_file(config.data_directory(environ))
        found.own = True
    return found


def parse(text: str) -> Destination:
    """Answer a destination from `http[s]://[TOKEN@]HOST[:PORT][/PATH]`.

    Raises:
        ConfigError: it is none; the message holds nothing of it but the host, for it may hold a token.
    """
    scheme, _, rest = text.partition("://")
    place, slash, path = rest.partition("/")
    token, _, address = place.rpartition("@")
    host, port = split(address, SCHEMES[scheme.lower()])
    path = f"{slash}{path}".rstrip("/")
    right = host and port and host.isascii() and host.isprintable() and not set(host) & set(" \"'\\<>?#%@/")
    if not right or not path.isascii() or not path.isprintable() or set(path) & set(" ?#"):
        raise mistake(f"the address of the server to report to cannot be read; one looks like {EXAMPLE}")
    if token and not is_token(token):
        raise mistake("the token in the address of the server has characters that no token has")
    return Destination(scheme.lower() == "https", host.lower(), port, path, token)


def split(address: str, port: int) -> tuple[str, int]:
    """Answer host and port, 0 for one that is none."""
    host, colon, number = address.rpartition(":")
    if not colon or number.endswith("]"):
        host, number = address, str(port)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return "", 0
    right = number.isascii() and number.isdigit() and len(number) < 6 and int(number) < 65536
    return host, int(number) if right else 0


def mistake(text: str) -> ConfigError:
    """Answer the error."""
    from fanlight.errors import ConfigError

    return ConfigError(text)
