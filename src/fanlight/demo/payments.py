"""The second service: plain WSGI, no framework, and slow at its one task."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import fanlight

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

BANK_DELAY_S = 0.12
"""How long the bank behind it takes."""


def charge(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer every POST with a paid receipt, after asking the bank."""
    if environ["REQUEST_METHOD"] != "POST":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"ready": true}']
    fanlight.endpoint("POST /charge")
    with fanlight.span("charge the card", "api.bank.charge"):
        time.sleep(BANK_DELAY_S)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"paid": True}).encode()]


app = fanlight.wsgi(charge)
