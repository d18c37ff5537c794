"""HTTP: the messages of an instant in one POST."""

from __future__ import annotations

import http.client
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from fanlight.config import is_loopback
from fanlight.config.options import Option
from fanlight.errors import ConfigError
from fanlight.targets.habits import Habits
from fanlight.targets.lines import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.targets import Place

TOKEN_BYTES = 4096
ANSWER_BYTES = 64 << 10
"""Of an answer that are read, to use the connection again; a longer one ends it."""


class Http:
    """Posts a JSON array, or with another formatter than `json` the texts as lines.

    Raises:
        ConfigError: the address is none, or the token would travel where others listen.
    """

    OPTIONS: ClassVar[dict[str, Option]] = {
        "url": Option("text", "", "where to post: https://HOST/PATH"),
        "headers": Option("pairs", {}, "further headers; a secret belongs into `token_file`"),
        "token_file": Option("text", "", "file whose first line is sent as `Authorization: Bearer …`"),
        "ca_file": Option("text", "", "PEM file of the authorities that the server's certificate is of"),
    }
    HABITS: ClassVar[Habits] = Habits("json", labels=("*",))

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        url = urlsplit(options["url"])
        try:
            self.host, self.port = url.hostname or "", url.port
        except ValueError:
            self.host, self.port = "", None
        if url.scheme not in ("http", "https") or not self.host or url.username is not None:
            raise ConfigError(
                f"{options['url']!r} is no url of target 'http'; expected https://HOST/PATH, no password"
            )
        self.secure = url.scheme == "https"
        self.path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self.headers = dict(options["headers"])
        self.token_file = os.path.expanduser(options["token_file"])
        self.ca_file = os.path.expanduser(options["ca_file"])
        if self.token_file and not self.secure and not is_loopback(self.host):
            raise ConfigError(
                f"target 'http' would send its token to {self.host} where others can listen; use https"
            )
        if any(not name.isascii() or set("\r\n") & set(name + text) for name, text in self.headers.items()):
            raise ConfigError("a header of target 'http' has a line end in it")
        self.timeout_s = place.timeout_s
        self.connection: http.client.HTTPConnection | None = None

    def send(self, messages: Sequence[Any]) -> None:
        """Post.

        Raises:
            OSError: nobody answers, or the answer is a refusal. A redirect is one: nothing is sent to
                where nobody said it should be.
            http.client.HTTPException: the answer is none.
        """
        if not messages:
            return
        body, kind = document([text_of(each) for each in messages])
        fresh = self.connection is None
        try:
            status, reason = self.post(body, kind)
        except (OSError, http.client.HTTPException):
            self.close()
            if fresh:
                raise
            # Between two posts the server may have ended the connection.
            status, reason = self.post(body, kind)
        if status >= 300:
            raise OSError(f"{self.host} answered {status} {reason}")

    def post(self, body: bytes, kind: str) -> tuple[int, str]:
        """Answer status and reason of one attempt."""
        if self.connection is None:
            self.connection = self.connect()
        headers = {"content-type": kind, "user-agent": "fanlight", **self.headers}
        if self.token_file:
            headers["authorization"] = f"Bearer {token(self.token_file)}"
        self.connection.request("POST", self.path, body, headers)
        answer = self.connection.getresponse()
        if len(answer.read(ANSWER_BYTES)) == ANSWER_BYTES:
            self.close()
        return answer.status, answer.reason

    def connect(self) -> http.client.HTTPConnection:
        """Answer a connection that is opened when it is first used."""
        if not self.secure:
            return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file or None)
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout_s, context=context)

    def close(self) -> None:
        """End the connection."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()


def document(texts: list[str]) -> tuple[bytes, str]:
    """Answer the body and its type: an array of JSON objects, or lines."""
    if all(text.startswith("{") and text.endswith("}") for text in texts):
        return f"[{','.join(texts)}]".encode(), "application/json"
    return "".join(f"{text}\n" for text in texts).encode(), "text/plain; charset=utf-8"


def token(path: str) -> str:
    """Answer the token in a file, read each time: who changes it need not start anything anew.

    Raises:
        OSError: it cannot be read, or others can read it too.
    """
    with open(path, encoding="ascii") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(f"others can read {path}; chmod 600 {path}")
        return file.readline(TOKEN_BYTES).strip()
