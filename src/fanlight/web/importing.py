"""`/v1/import`: pieces of log files from fanlight's own command, over `server.sock` alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from fanlight.web import api
from fanlight.web.refusal import Refusal, problem

if TYPE_CHECKING:
    from starlette.requests import Request

PATH = "/v1/import"
BODY_MAX = 64 << 20
"""Bytes of a piece; a line has up to 16 MiB, and is written twice, as it was and as what it says."""


def refusal() -> Refusal:
    """Answer why whoever has no access to the socket may not import."""
    return problem(403, "owner", "Only fanlight's own commands may import.")


async def take(answers: Any, request: Request) -> Response:
    """Answer what is kept of each file, or keep a piece of one."""
    if request.method != "POST":
        return told(200, await run_in_threadpool(answers.imports))
    try:
        document = json.loads(await request.body())
    except ValueError:
        return api.refuse(400, "import", "the body is no JSON")
    # The disk is waited for, so this is no work for the loop.
    return told(*await run_in_threadpool(answers.take_import, document))


def told(status: int, document: Any) -> Response:
    """Answer a document."""
    return Response(json.dumps(document), status, media_type="application/json")
