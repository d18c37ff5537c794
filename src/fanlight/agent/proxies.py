"""Which proxy, if any, stands between an application and the server that it reports to."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.agent.destination import Destination


class Proxy:
    """An HTTP proxy.

    Attributes:
        host, port: where it listens.
        credentials: `user:password`, or nothing; for the proxy alone.
    """

    __slots__ = ("credentials", "host", "port")

    def __init__(self, host: str, port: int, credentials: str = "") -> None:
        self.host = host
        self.port = port
        self.credentials = credentials


def proxy(destination: Destination, environ: Mapping[str, str]) -> Proxy | None:
    """Answer the proxy that the environment names for a destination, None to go there directly.

    This machine is never asked for through another one.

    Raises:
        ValueError: what is named is no proxy that we can speak to.
    """
    if destination.is_local() or is_excepted(destination, value("no_proxy", environ)):
        return None
    name = "https_proxy" if destination.secure else "http_proxy"
    if name == "http_proxy" and "REQUEST_METHOD" in environ:
        # Under CGI a client's `Proxy:` header comes as the variable in capitals.
        given = environ.get(name, "")
    else:
        given = value(name, environ)
    given = given or value("all_proxy", environ)
    return read(given) if given else None


def value(name: str, environ: Mapping[str, str]) -> str:
    """Answer a variable that may be written small, which goes first, or in capitals."""
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def is_excepted(destination: Destination, exceptions: str) -> bool:
    """Answer whether `no_proxy` names the destination: `*`, a host, a domain, each with a port or not."""
    host = destination.host
    for word in exceptions.lower().replace(",", " ").split():
        name, _, port = word.partition(":") if word.count(":") == 1 else (word, "", "")
        name = name.strip("[]").removeprefix("*").lstrip(".")
        if port and port != str(destination.port):
            continue
        if word == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def read(text: str) -> Proxy:
    """Answer a proxy from `[http://][USER:PASSWORD@]HOST[:PORT]`."""
    from fanlight.agent.destination import split

    scheme, mark, rest = text.rpartition("://")
    if mark and scheme.lower() != "http":
        raise ValueError(f"a proxy is spoken to by http://, not {scheme[:10]!r}")
    credentials, _, address = rest.partition("/")[0].rpartition("@")
    host, port = split(address, 80)
    if not host or not port:
        raise ValueError("what the environment names as a proxy is no address")
    if "%" in credentials:
        from urllib.parse import unquote

        credentials = unquote(credentials)
    return Proxy(host, port, credentials)
