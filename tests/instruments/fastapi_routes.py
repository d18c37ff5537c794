"""A program: FastAPI of whatever version is found; prints the endpoint and status of each request."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from fanlight import instruments
from fanlight.recording.recorder import SWITCH, current

if TYPE_CHECKING:
    from fanlight.recording.recorder import Trace

instruments.install()

import fastapi  # noqa: E402  the hooks are there first, as in an application
import flask  # noqa: E402  the same
import starlette  # noqa: E402  the same
from a2wsgi import WSGIMiddleware  # noqa: E402  the same
from starlette.responses import PlainTextResponse, StreamingResponse  # noqa: E402  the same

TRACES: list[Trace] = []
AFTER: list[tuple[int, bool]] = []
PATHS = (
    *("/api/v1/orders/3", "/api/v2/orders/3", "/api/v1/orders/hunter2", "/api/v1/hunter2/deep/items/hunter2"),
    *("/sub/things/hunter2", "/sub/nothing", "/sub/docs", "/docs", "/openapi.json", "/nothing"),
    *("/wsgi/hello/hunter2", "/wsgi/nothing", "/stream", "/later", "/broken", "/refused"),
)


def shop() -> Any:
    """Answer an application of routers inside of each other, mounted applications and a websocket."""
    app, sub, old = fastapi.FastAPI(), fastapi.FastAPI(), flask.Flask("old")
    router, inner = fastapi.APIRouter(), fastapi.APIRouter(prefix="/{tenant}/deep")

    async def order(number: int) -> int:
        return number

    def item(tenant: str, name: str) -> str:
        return tenant + name

    def stream() -> Any:
        return StreamingResponse(iter(["a", "b"]), media_type="text/csv")

    def later(tasks: fastapi.BackgroundTasks) -> int:
        tasks.add_task(lambda: AFTER.append((len(TRACES), current() is None)))
        return 1

    def broken() -> None:
        raise ZeroDivisionError

    def refuse() -> None:
        raise fastapi.HTTPException(401)

    async def room(websocket: fastapi.WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.send_text(name)
        await websocket.close()

    # Named as the interpreter sees them: annotations are texts here.
    for function in (order, item, later, room):
        function.__annotations__ = {
            name: {"int": int, "str": str}.get(kind, getattr(fastapi, kind.rpartition(".")[2], None))
            for name, kind in function.__annotations__.items()
            if name != "return"
        }
    inner.get("/items/{name}")(item)
    router.get("/orders/{number:int}")(order)
    router.include_router(inner)
    app.include_router(router, prefix="/api/v1")
    app.include_router(router, prefix="/api/v2")
    sub.get("/things/{name}")(lambda name: name)
    old.add_url_rule("/hello/<name>", view_func=lambda name: name)
    app.mount("/sub", sub)
    app.mount("/wsgi", WSGIMiddleware(old))
    for path, view in (("/stream", stream), ("/later", later), ("/broken", broken)):
        app.get(path)(view)
    app.get("/refused", dependencies=[fastapi.Depends(refuse)])(stream)
    app.websocket("/rooms/{name}")(room)
    return app


class Gate:
    """Answers everything by itself."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("no", 403)(scope, receive, send)


async def request(app: Any, path: str, kind: str = "http") -> list[Any]:
    """Send a request; answer the messages."""
    sent: list[Any] = []
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"x")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    if kind == "websocket":
        scope["subprotocols"] = []
    asked: list[None] = []

    async def receive() -> dict[str, Any]:
        asked.append(None)
        if len(asked) > 1:
            await asyncio.Event().wait()  # the client stays until the end
        if kind == "websocket":
            return {"type": "websocket.connect"}
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    except ZeroDivisionError:
        sent.append("raised")
    return sent


async def main() -> None:
    """Print versions, endpoints and what became of a websocket."""
    SWITCH.sink = TRACES.append
    app = shop()
    for path in PATHS:
        await request(app, path)
    endpoints = [[trace.endpoint, trace.status] for trace in TRACES]
    room = await request(app, "/rooms/hunter2", "websocket")
    traces = len(TRACES)
    gated = shop()
    gated.add_middleware(Gate)
    for path in PATHS:
        await request(gated, path)
    told = {
        "versions": [fastapi.__version__, starlette.__version__],
        "faults": SWITCH.faults,
        "endpoints": endpoints,
        "after": AFTER,
        "room": [message["type"] for message in room],
        "traces": traces,
        "answered": [[trace.endpoint, trace.status, trace.notes] for trace in TRACES[traces:]],
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
