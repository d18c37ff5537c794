"""Daphne: what its server is made with is traced, whatever framework made it."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanlight.instruments.servers import daphne

if TYPE_CHECKING:
    from types import ModuleType

    from conftest import Seen

SHAPE = Path(__file__).parents[1] / "conformance" / "embedded" / "daphne" / "server.py"
"""Daphne's own brings Twisted along, which installs an event loop for the whole process."""


def hooked() -> ModuleType:
    """Answer a module of Daphne's shape that the instrument has seen."""
    spec = importlib.util.spec_from_file_location("daphne.server", SHAPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    daphne.patch(module)
    return module


async def plain(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 201, "headers": [(b"Content-Type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"made", "more_body": False})


def answered(server: Any, kind: str) -> list[Any]:
    """Answer the messages that the server's client is sent."""
    messages: list[Any] = []
    scope = {"type": kind, "method": "POST", "path": "/orders/7", "headers": []}

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(server.create_application(messages, scope, nothing))
    return messages


def test_what_channels_answers_without_django_counts_and_a_websocket_does_not(seen: Seen) -> None:
    server = hooked().Server(plain, ["tcp:port=0"], root_path="/shop")
    assert (server.endpoints, server.root_path) == (["tcp:port=0"], "/shop")
    assert [each["type"] for each in answered(server, "websocket")] == ["websocket.accept"]
    assert seen == []
    assert [each["type"] for each in answered(server, "http")] == [
        "http.response.start",
        "http.response.body",
    ]
    (trace,) = seen
    assert (trace.endpoint, trace.title, trace.status, trace.segment) == ("<unmatched>", "POST", 201, "text")
