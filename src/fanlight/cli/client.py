"""Asks a running Fanlight, over its unix socket alone: no token ever travels where others listen."""

from __future__ import annotations

import http.client
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fanlight.errors import UnreachableError
from fanlight.pipeline.directory import holds_data, run_file
from fanlight.pipeline.listening import connect_owner, is_running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fanlight.config import Settings

ANSWER_BYTES = 64 << 20
"""An answer is capped like everything that is read from outside."""

WAIT_S = 30.0


class NotFoundError(UnreachableError):
    """The server answers and does not have what was asked for."""


class GoneError(UnreachableError):
    """Nobody is there, or somebody who left before the answer."""


class Client:
    """The server of one data directory.

    Args:
        data: the data directory.
        wait_s: how long an answer may take; a server that is being restarted answers late.
        revive: called once when nobody is there any more, before asking again.
    """

    def __init__(self, data: str, wait_s: float = WAIT_S, revive: Callable[[], object] | None = None) -> None:
        self.data = data
        self.wait_s = wait_s
        self.revive = revive

    def get(self, path: str, query: Mapping[str, str | None] | None = None) -> Any:
        """Answer the JSON behind a path.

        Raises:
            UnreachableError: nobody answers.
            NotFoundError: there is no such thing.
            UsageError: the server does not understand a parameter.
        """
        try:
            return self.ask("GET", path, query)
        except GoneError:
            if self.revive is None:
                raise
            # It left between two questions, or in the middle of this one.
            self.revive()
            return self.ask("GET", path, query)

    def post(self, path: str, query: Mapping[str, str | None] | None = None) -> Any:
        """Send a command; answer its JSON. Raises like `get`."""
        return self.ask("POST", path, query)

    def send(self, path: str, document: Any) -> Any:
        """Send a document; answer its JSON. Raises like `get`; is not tried twice."""
        return self.ask("POST", path, None, json.dumps(document).encode())

    def ask(
        self, method: str, path: str, query: Mapping[str, str | None] | None, body: bytes | None = None
    ) -> Any:
        """Answer the JSON of one request."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        target = quote(path) + (f"?{urlencode(given)}" if given else "")
        connection = http.client.HTTPConnection("fanlight", timeout=self.wait_s)
        try:
            # Given its connection, http.client asks for none.
            connection.sock = connect_owner(self.data, self.wait_s)
            connection.request(method, target, body, {"content-type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read(ANSWER_BYTES + 1)
        except TimeoutError as error:
            raise UnreachableError(
                f"the server of {self.data} did not answer within {self.wait_s:g} s; it may be restarting\n"
                f"  what it says: {run_file(self.data, 'fanlight.log')}, or the terminal of fanlight serve"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise GoneError(
                f"no Fanlight answers for {self.data}: {getattr(error, 'strerror', None) or error}\n"
                f"  looked at {run_file(self.data, 'server.sock')}\n"
                "  start one with: fanlight run CMD, or fanlight serve"
            ) from error
        finally:
            connection.close()
        return self.judge(answer.status, text)

    def judge(self, status: int, body: bytes) -> Any:
        """Answer a response's JSON, or raise what it says."""
        if status == 204:
            return None
        try:
            document = json.loads(body)
        except ValueError:
            document = {}
        if status < 300:
            return document
        said = document.get("error", {}) if isinstance(document, dict) else {}
        text = said.get("message") or f"the server of {self.data} answered {status}"
        if status == 404:
            raise NotFoundError(text)
        if status in (400, 422):
            from fanlight.cli.failures import UsageError

            raise UsageError(text)
        log = run_file(self.data, "fanlight.log")
        # In the foreground it logs where it was started.
        where = log if os.path.exists(log) else "on stderr, where it was started"
        raise UnreachableError(f"{text}\n  its log: {where}")


def reach(settings: Settings, *, start: bool) -> Client:
    """Answer a client for the data directory in the settings.

    Args:
        settings: which data directory.
        start: whether to start a Fanlight in the background when none runs but data is there.

    Raises:
        UnreachableError: none runs, and none could be started.
    """
    data = settings["data"]
    start = start and holds_data(data)

    def revive() -> object:
        from fanlight.pipeline.start import ensure_running

        return ensure_running(settings)

    if is_running(data):
        return Client(data, revive=revive if start else None)
    if not start:
        why = "" if holds_data(data) else " and nothing has been kept there"
        raise UnreachableError(
            f"no Fanlight runs for {data}{why}\n"
            f"  start one with: fanlight run --data {data} CMD, or fanlight serve --data {data}"
        )
    revive()
    return Client(data, revive=revive)
