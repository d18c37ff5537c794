"""The shape of Tornado's handlers."""

from __future__ import annotations


class RequestHandler:
    async def _execute(self, transforms: object, *args: bytes, **kwargs: bytes) -> None: ...
