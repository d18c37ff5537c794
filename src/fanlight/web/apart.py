"""Threads of their own for kinds of questions: what takes long holds up nothing of another kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

STATUS, QUERIES = 4, 24
"""Threads that tell how Fanlight is doing, and those that answer queries; other pages share starlette's."""


class Apart:
    """Runs handlers in threads that other handlers do not take.

    Args:
        many: threads at once, what is beyond waits.
    """

    def __init__(self, many: int) -> None:
        self.limiter = CapacityLimiter(many)

    def run(self, handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """Answer a handler that runs `handler` in one of these threads."""

        async def handle(request: Request) -> Response:
            return await to_thread.run_sync(partial(handler, request), limiter=self.limiter)

        return handle
