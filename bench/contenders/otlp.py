"""The OpenTelemetry SDK with its batch processor and the OTLP exporter over HTTP."""

from __future__ import annotations

import otel
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from otel import drivers, flush, trace20, web

__all__ = ["drivers", "flush", "start", "trace20", "web"]


def start(port: int, path: str) -> None:
    otel.use(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces"))
