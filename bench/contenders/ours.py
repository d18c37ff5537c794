"""Fanlight, sending to the sink in place of a collector."""

from __future__ import annotations

from typing import Any

import fanlight


def start(port: int, path: str) -> None:
    fanlight.start("bench", dsn=f"unix://{path}")


def trace20(children: int = 20) -> None:
    with fanlight.trace("bench"):
        for n in range(children):
            with fanlight.span("step", n=n):
                pass


def off(times: int = 1000) -> None:
    span = fanlight.span
    for _ in range(times):
        with span("step"):
            pass


def drivers() -> None:
    """Nothing to do: `start` hooks them."""


def web(app: Any, engine: Any) -> Any:
    return app


def flush() -> None:
    if not fanlight.flush(5.0):
        raise SystemExit("not everything was sent within 5 s")
