"""One POST at a time to one server: answers are capped, nothing is followed, nothing goes unencrypted."""

from __future__ import annotations

from fanlight.agent.way import Way

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fanlight.agent.destination import Destination
    from fanlight.agent.proxies import Proxy

HEAD_BYTES = 16 << 10
BODY_BYTES = 64 << 10
"""What is read of an answer, at the most."""
TRAILERS = 100
END = b"\r\n"


class ProxyRefusal(OSError):  # noqa: N818 what it is called
    """The proxy does not let us through."""


class Answer:
    """What came back.

    Attributes:
        status: as the status line says.
        headers: by small name; the first of each.
        body: no more than fits.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.body = b""


class Poster:
    """Posts to a server, through a proxy or not, over a connection that is kept.

    Args:
        destination: the server.
        find_proxy: answers the proxy to use; asked at each connection.
    """

    __slots__ = ("buffer", "destination", "find_proxy", "way")

    def __init__(self, destination: Destination, find_proxy: Callable[[], Proxy | None]) -> None:
        self.destination = destination
        self.find_proxy = find_proxy
        self.way = Way(destination.ca_file)
        self.buffer = b""

    def close(self) -> None:
        """End the connection, if there is one."""
        self.buffer = b""
        self.way.close()

    def post(
        self, path: str, headers: Mapping[str, str], body: bytes, until_ns: int, yields: Callable[[], bool]
    ) -> Answer:
        """Send a request and answer what came back.

        Args:
            path: below the destination's own.
            headers: besides Host and Content-Length.
            body: sent whole.
            until_ns: `clock()` when to give up.
            yields: answers whether somebody else wants to go on.

        Raises:
            Yielded: somebody does.
            OSError: there is no answer, or none that is HTTP. TLS failures are that too.
        """
        way = self.way
        way.until_ns, way.yields = until_ns, yields
        if way.peer is not None and not way.is_ours(way.peer):
            self.close()
        kept = way.peer is not None
        try:
            try:
                return self.exchange(path, headers, body)
            except (ConnectionError, EOFError):
                if not kept:
                    raise
                # The other end was tired of waiting for us. A report that it took is known there.
                self.close()
                return self.exchange(path, headers, body)
        except OSError:
            # Before the next clause: a wrong certificate is a ValueError besides.
            self.close()
            raise
        except (EOFError, ValueError) as error:
            self.close()
            raise ConnectionResetError(f"the other end hung up, or makes no sense: {error}") from None
        except BaseException:
            self.close()
            raise

    def exchange(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a request over a connection that is made if need be; answer what came back."""
        through = None
        if self.way.peer is None:
            through = self.connect()
        there = self.destination
        target = f"{there.path}{path}"
        lines = [f"Host: {there.authority()}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if through is not None and not there.secure:
            # A proxy of plain requests keeps no connection of ours open.
            target = f"http://{there.authority()}{target}"
            lines += authorization(through)
        lines.insert(0, f"POST {target} HTTP/1.1")
        try:
            self.way.write("\r\n".join([*lines, "", ""]).encode("ascii") + body)
        except ConnectionError:
            # Refused before all of it was read; what it says to that is still to be read.
            if self.way.peer is None:
                raise
        answer = self.read_answer()
        if through is not None and not there.secure:
            self.close()
        return answer

    def connect(self) -> Proxy | None:
        """Make the connection, with TLS where it belongs; answer the proxy that it goes through."""
        there = self.destination
        try:
            through = self.find_proxy()
        except ValueError as error:
            raise ProxyRefusal(str(error)) from None
        host, port = (there.host, there.port) if through is None else (through.host, through.port)
        self.buffer = b""
        self.way.dial(host, port)
        if there.secure:
            if through is not None:
                self.tunnel(through)
            self.way.encrypt(there.host)
        return through

    def tunnel(self, through: Proxy) -> None:
        """Let a proxy open a way to the server; what is sent over it, the proxy cannot read.

        Raises:
            ProxyRefusal: it does not.
        """
        there = self.destination
        host = f"[{there.host}]" if ":" in there.host else there.host
        lines = [f"CONNECT {host}:{there.port} HTTP/1.1", f"Host: {host}:{there.port}"]
        lines += authorization(through)
        self.way.write("\r\n".join([*lines, "", ""]).encode("ascii"))
        status, _ = self.read_head()
        if status != 200 or self.buffer:
            raise ProxyRefusal(f"the proxy at {through.host}:{through.port} answers {status}")

    def read_head(self) -> tuple[int, dict[str, str]]:
        """Answer status and headers of the next answer."""
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_BYTES:
                raise OSError(f"the answer's head is over {HEAD_BYTES} bytes")
            self.buffer += self.way.more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise OSError("what answers does not speak HTTP")
        headers: dict[str, str] = {"": version}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), value.strip())
        return int(rest[:3]), headers

    def read_answer(self) -> Answer:
        """Answer the answer; the connection stays when all of it was read."""
        status = 100
        headers: dict[str, str] = {}
        while status < 200:
            status, headers = self.read_head()
        answer = Answer(status, headers)
        length = headers.get("content-length", "")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            answer.body = self.read_chunks()
        elif length.isdigit() and len(length) < 8 and int(length) <= BODY_BYTES:
            answer.body = self.take(int(length))
        else:
            self.read_rest()
            answer.body = self.buffer[:BODY_BYTES]
            self.close()
        if headers[""] != "HTTP/1.1" or "close" in headers.get("connection", "").lower() or self.buffer:
            self.close()
        return answer

    def take(self, length: int) -> bytes:
        """Answer that many bytes of the answer."""
        while len(self.buffer) < length:
            self.buffer += self.way.more()
        taken, self.buffer = self.buffer[:length], self.buffer[length:]
        return taken

    def read_rest(self) -> None:
        """Take all that comes, as far as there is room for it."""
        try:
            while len(self.buffer) < BODY_BYTES:
                self.buffer += self.way.more()
        except EOFError:
            return

    def read_chunks(self) -> bytes:
        """Answer a body that comes in pieces, each behind its length."""
        body = b""
        while True:
            size = int(self.line().partition(b";")[0], 16)
            if size < 0 or len(body) + size > BODY_BYTES:
                raise OSError(f"the answer is over {BODY_BYTES} bytes")
            body += self.take(size)
            if self.line() if size else self.trailer():
                raise OSError("the answer's pieces do not fit together")
            if not size:
                return body

    def line(self) -> bytes:
        """Answer the answer's next line."""
        while END not in self.buffer:
            if len(self.buffer) > HEAD_BYTES:
                raise OSError("a line of the answer is too long")
            self.buffer += self.way.more()
        line, _, self.buffer = self.buffer.partition(END)
        return line

    def trailer(self) -> bytes:
        """Skip what may follow the last piece; answers nothing."""
        for _ in range(TRAILERS):
            if not self.line():
                return b""
        raise OSError("the answer does not end")


def authorization(through: Proxy) -> list[str]:
    """Answer the header that a proxy lets us pass for, if it wants one."""
    if not through.credentials:
        return []
    from binascii import b2a_base64

    code = b2a_base64(through.credentials.encode(), newline=False).decode()
    return [f"Proxy-Authorization: Basic {code}"]
