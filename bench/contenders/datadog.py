"""Datadog's tracer (ddtrace), sending to the sink in place of its agent."""

from __future__ import annotations

import os
from typing import Any

tracer: Any = None


def start(port: int, path: str) -> None:
    global tracer
    os.environ.update(
        DD_TRACE_AGENT_URL=f"http://127.0.0.1:{port}",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
        DD_TRACE_STARTUP_LOGS="false",
    )
    import ddtrace
    from ddtrace.trace import tracer as theirs

    ddtrace.patch(flask=True, sqlalchemy=True)
    tracer = theirs


def trace20(children: int = 20) -> None:
    with tracer.trace("bench"):
        for n in range(children):
            with tracer.trace("step") as span:
                span.set_tag("n", n)


def drivers() -> None:
    import ddtrace

    ddtrace.patch(sqlite3=True)


def web(app: Any, engine: Any) -> Any:
    return app


def flush() -> None:
    tracer.flush()
