"""The shape of Daphne's server: what it keeps, and how it calls the application."""

from __future__ import annotations

from functools import partial
from typing import Any


class Server:
    def __init__(self, application: Any, endpoints: Any = None, *, root_path: str = "") -> None:
        self.application = application
        self.endpoints = endpoints or []
        self.root_path = root_path

    def create_application(self, protocol: list[Any], scope: Any, receive: Any) -> Any:
        return self.application(scope=scope, receive=receive, send=partial(self.handle_reply, protocol))

    async def handle_reply(self, protocol: list[Any], message: Any) -> None:
        protocol.append(message)
