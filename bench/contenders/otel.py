"""The OpenTelemetry SDK with its batch processor and an exporter that throws spans away."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

tracer = trace.get_tracer("bench")


class NoOp(SpanExporter):
    """Takes spans and does nothing with them."""

    def export(self, spans: Any) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def start(port: int, path: str) -> None:
    use(NoOp())


def use(exporter: SpanExporter) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def trace20(children: int = 20) -> None:
    with tracer.start_as_current_span("bench"):
        for n in range(children):
            with tracer.start_as_current_span("step") as span:
                span.set_attribute("n", n)


def off(times: int = 1000) -> None:
    for _ in range(times):
        with tracer.start_as_current_span("step"):
            pass


def drivers() -> None:
    from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor

    SQLite3Instrumentor().instrument()


def web(app: Any, engine: Any) -> Any:
    from opentelemetry.instrumentation.flask import FlaskInstrumentor
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    FlaskInstrumentor().instrument_app(app)
    SQLAlchemyInstrumentor().instrument(engine=engine)
    return app


def flush() -> None:
    trace.get_tracer_provider().force_flush()
