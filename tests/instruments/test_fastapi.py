"""FastAPI of today and of 2024: named by what routers and mounts say, never by an address."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("fastapi_routes.py")
ENDPOINTS = [
    ["GET /api/v1/orders/{number}", 200],
    ["GET /api/v2/orders/{number}", 200],
    ["<unmatched>", 404],
    ["GET /api/v1/{tenant}/deep/items/{name}", 200],
    ["GET /sub/things/{name}", 200],
    ["GET /sub/{path}", 404],
    ["GET /sub/docs", 200],
    ["GET /docs", 200],
    ["GET /openapi.json", 200],
    ["<unmatched>", 404],
    ["GET /wsgi/hello/<name>", 200],
    ["GET /wsgi/{path}", 404],
    ["GET /stream", 200],
    ["GET /later", 200],
    ["GET /broken", 500],
    ["GET /refused", 401],
]


@pytest.mark.parametrize("wanted", ["0.110", ""])
def test_every_request_is_named_by_its_routers_and_mounts(wanted: str) -> None:
    environment = dict(os.environ)
    if wanted:
        place = Path(sys.prefix) / "versions" / f"fastapi-{wanted}"
        if not place.exists():
            pytest.skip(f"FastAPI {wanted} is not installed; `make setup` brings it")
        environment["PYTHONPATH"] = str(place)
    done = subprocess.run(
        [sys.executable, PROGRAM], capture_output=True, check=False, env=environment, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["versions"][0].startswith(wanted)
    assert told["endpoints"] == ENDPOINTS
    assert told["faults"] == 0
    # What runs behind the response is no part of it: its trace had ended by then.
    assert told["after"] == [[14, True]]
    assert told["room"] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert told["traces"] == len(ENDPOINTS)
    assert told["answered"] == [
        [name, 403, {} if name == "<unmatched>" else {"answered_by": "middleware"}]
        # What stands in a mount of WSGI is not asked.
        for name in ("GET /wsgi/{path}" if "/wsgi/" in name else name for name, _ in ENDPOINTS)
    ]
