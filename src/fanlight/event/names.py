"""The one dictionary of names: what a property is called, its type, unit, other spellings and meaning."""

from __future__ import annotations

from functools import lru_cache

from fanlight.event import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from fanlight.event.light import NamedTuple


class Name(NamedTuple):
    """What is known of a name."""

    type: str
    meaning: str
    aliases: tuple[str, ...] = ()
    unit: str | None = None
    otel: str | None = None
    """What OpenTelemetry calls it; used at its edges alone."""


def named(
    kind: str, meaning: str, aliases: str = "", unit: str | None = None, otel: str | None = None
) -> Name:
    """Answer what is known of a name, its aliases parted by blanks."""
    return Name(kind, meaning, tuple(aliases.split()), unit, otel)


def spellings(name: str) -> str:
    """Answer how else a name with dots may be written: `-` for `_`, and for all of its dots too."""
    dashed = name.replace("_", "-")
    return " ".join(each for each in (dashed, dashed.replace(".", "-")) if each != name)


NAMES: dict[str, Name] = {
    # What every event may have.
    "time": named(
        types.TIMESTAMP,
        "when it happened or began",
        "timestamp ts @timestamp datetime date-time asctime eventtime",
    ),
    "level": named(
        types.STRING,
        "severity as it was written",
        "severity lvl loglevel log-level levelname log.level severity-text",
        otel="severity_text",
    ),
    "message": named(types.STRING, "what it says", "msg body log-message text short-message", otel="body"),
    "logger": named(
        types.STRING, "name of the logger or category", "logger-name loggername log.logger category-name"
    ),
    "thread": named(
        types.STRING, "name of the thread", "thread-name threadname process.thread.name", otel="thread.name"
    ),
    "host": named(
        types.STRING, "machine it happened on", "hostname host-name host.name server-name", otel="host.name"
    ),
    "pid": named(types.INT, "number of the process", "process-id processid process.pid", otel="process.pid"),
    "program": named(
        types.STRING, "program that wrote the line", "app-name appname application process-name ident"
    ),
    "line": named(types.INT, "number of its first line in the file, from 1", "line-number"),
    "raw": named(types.STRING, "text that it was read from", "raw-line"),
    "exception": named(
        types.STRING,
        "class of the exception",
        "exc-type exception-class error.type exception.type",
        otel="exception.type",
    ),
    "stack": named(
        types.STRING,
        "stack trace",
        "stacktrace stack-trace traceback exc-info exc-text error.stack-trace",
        otel="exception.stacktrace",
    ),
    "function": named(
        types.STRING, "function that wrote it", "func funcname func-name", otel="code.function.name"
    ),
    "file": named(
        types.STRING, "source file that wrote it", "pathname filename code.filepath", otel="code.file.path"
    ),
    "module": named(types.STRING, "module that wrote it", "module-name"),
    "source-line": named(types.INT, "line of the source file", "lineno code.lineno", otel="code.line.number"),
    # Requests.
    "service": named(types.STRING, "service that answered", "service-name service.name", otel="service.name"),
    "environment": named(
        types.STRING,
        "where the service runs, such as production",
        "env environment-name deployment.environment deployment-environment",
        otel="deployment.environment.name",
    ),
    "endpoint": named(
        types.STRING, "route's template with its method", "route http.route", otel="http.route"
    ),
    "segment": named(types.STRING, "error, redirect, not modified, or the response's format"),
    "trace": named(
        types.STRING, "id of the trace, 32 hexadecimal digits", "trace-id traceid trace.id", otel="trace_id"
    ),
    "request": named(types.STRING, "id of the request", "request-id requestid x-request-id correlation-id"),
    "duration": named(
        types.DURATION,
        "how long it took; always ns",
        "request-duration elapsed latency request-time response-time took duration-ns",
        "ns",
    ),
    "status": named(
        types.INT,
        "HTTP status",
        "status-code response-status original-request-status-code http.status-code http-status",
        otel="http.response.status_code",
    ),
    "method": named(
        types.STRING,
        "HTTP method",
        "request-method http-method http.method verb",
        otel="http.request.method",
    ),
    "path": named(
        types.STRING, "path of the request, without its query", "request-path url-path uri", otel="url.path"
    ),
    "query": named(types.STRING, "query string of the request", "query-string url-query", otel="url.query"),
    "protocol": named(types.STRING, "version of HTTP, such as HTTP/1.1", "http-version request-protocol"),
    "first-line": named(types.STRING, "first line of the request", "first-request-line request-line"),
    "bytes": named(
        types.INT,
        "size of the response's body",
        "response-size response-bytes response-entity-body-size bytes-sent body-bytes-sent",
        "bytes",
        "http.response.body.size",
    ),
    "bytes-in": named(
        types.INT, "size of the request", "request-size bytes-received", "bytes", "http.request.body.size"
    ),
    "client": named(
        types.STRING,
        "who asked: address or name",
        "remote-host remote-addr remote-address client-ip client-address clientip ip",
        otel="client.address",
    ),
    "user": named(
        types.STRING, "user who was logged in", "remote-user username user-name user-id", otel="user.name"
    ),
    "identity": named(types.STRING, "user as identd tells", "remote-logname logname"),
    "referer": named(types.STRING, "page that led there", "referrer http-referer"),
    "agent": named(
        types.STRING,
        "what the client calls itself",
        "user-agent http-user-agent useragent",
        otel="user_agent.original",
    ),
    "virtual-host": named(
        types.STRING, "host that was asked for", "vhost local-server-name http-host", otel="server.address"
    ),
    "local-address": named(types.STRING, "address that was asked", "local-ip local-ip-address server-addr"),
    "port": named(types.INT, "port that was asked", "server-port local-port", otel="server.port"),
    "session": named(types.STRING, "id of the session", "session-id jsessionid"),
    # What a proxy's stamp says; `queue.time` stands below.
    "queue.time.proxy": named(
        types.DURATION, "how long a request waited since a proxy stamped it; always ns", "", "ns"
    ),
    "queue.clock-skew": named(
        types.DURATION, "how much the proxy's clock was ahead of ours; always ns", "", "ns"
    ),
    # Traces and their spans.
    "spans": named(types.LIST, "spans of a trace, each before what it contains"),
    "category": named(types.STRING, "what sort of work a span is, such as db.sql.query"),
    "title": named(types.STRING, "what a span is called"),
    "description": named(types.STRING, "more about a span, such as its statement"),
    "parent": named(types.INT, "place among the spans of the one that contains it"),
    "start": named(types.DURATION, "how long after its trace a span began; always ns", "offset-ns", "ns"),
    "span-count": named(types.INT, "spans that the trace had", "", "count"),
    "lost": named(types.INT, "records that the trace had beyond what was kept", "", "count"),
    "weight": named(types.FLOAT, "how many traces a kept one stands for"),
    "failed": named(types.BOOL, "whether the trace ended in an error"),
    "unsampled": named(types.BOOL, "whether its spans were left out when it was recorded"),
    "pruned": named(types.BOOL, "whether its deepest spans were left out"),
    "whole": named(types.BOOL, "whether its spans were kept"),
    # Events of all sorts.
    "kind": named(types.STRING, "what sort of event it is: trace, span, metrics, log, fault", "event-kind"),
    # Readings of servers; what is not known is not there, and 0 was measured.
    "server": named(types.STRING, "web server that was read, such as gunicorn", "server-software"),
    "worker_class": named(types.STRING, "sort of its workers, such as gthread", "worker-class"),
    "worker": named(types.INT, "place of the worker, when a reading is of one; its successor has it too"),
    "master": named(types.INT, "place of the master, where two serve at once; the first one has none"),
    **{
        name: named(kind, meaning, spellings(name), unit)
        for name, kind, unit, meaning in (
            ("workers.booted", types.INT, "count", "processes that are ready"),
            ("workers.total", types.INT, "count", "processes that are configured"),
            ("workers.spawned_threads", types.INT, "count", "threads that are alive"),
            ("workers.max_threads", types.INT, "count", "threads that are allowed"),
            ("workers.requests_count", types.INT, "count", "requests so far, those of dead workers too"),
            ("queue.backlog", types.INT, "count", "requests that the server has read and no thread took"),
            ("queue.backlog_max", types.INT, "count", "most of them since the reading before"),
            ("queue.reactor_max", types.INT, "count", "most connections that were parked since then"),
            ("queue.capacity", types.INT, "count", "threads that are idle or may still be spawned"),
            ("sockets.backlog", types.INT, "count", "connections that the kernel has and nobody accepted"),
            ("requests.waiting", types.INT, "count", "all that wait: sockets, server, tasks not begun"),
            ("workers.busy_threads", types.INT, "count", "requests that are being answered"),
            (
                "workers.utilisation",
                types.FLOAT,
                None,
                "share of the threads' time that was spent on requests",
            ),
            ("sockets.backlog_limit", types.INT, "count", "connections for which the kernel has room"),
            ("sockets.drops", types.INT, "count", "connections that were refused for want of it, so far"),
            (
                "queue.time",
                types.DURATION,
                "ns",
                "how long a request waited, by the kernel, before the application saw it",
            ),
            ("cpu.time", types.DURATION, "ns", "CPU time of its thread, from the request's begin to its end"),
            (
                "loop.overdue",
                types.DURATION,
                "ns",
                "most that an event loop was late since the reading before",
            ),
            ("oldest.in_flight", types.DURATION, "ns", "how long the oldest request has been answered for"),
            (
                "workers.restarts",
                types.INT,
                "count",
                "workers that went, so far; behind a further dot by reason",
            ),
            ("workers.stalled", types.INT, "count", "workers that are alive and say nothing"),
            ("requests.waiting_max", types.INT, "count", "most that waited since the reading before"),
            (
                "sockets.abandoned",
                types.INT,
                "count",
                "of the kernel's, those that their clients have closed",
            ),
            ("workers.skewed", types.INT, "count", "workers that have room while requests wait at another"),
        )
    },
    # Events that steer.
    "fault": named(types.STRING, "what sort of fault it is", "fault-type"),
    "cause": named(types.STRING, "what the exception behind a fault says"),
    "position": named(types.INT, "column of the line where a fault is, from 1", "column"),
    # Syslog.
    "facility": named(types.STRING, "syslog's part of the system", "syslog-facility"),
    "message-id": named(types.STRING, "syslog's type of message", "msgid"),
}
"""Name to what is known of it. A property may have any other name."""


def spelled(name: str) -> str:
    """Answer a name as the aliases are spelled: small letters, `-` for `_`."""
    return name.lower().replace("_", "-")


ALIASES = {alias: name for name, known in NAMES.items() for alias in (name, *known.aliases)}
"""Every spelling to the name, the name itself too."""

OTEL = {known.otel: name for name, known in NAMES.items() if known.otel}
"""OpenTelemetry's name to ours."""


@lru_cache(maxsize=1024)
def canonical(name: str) -> str:
    """Answer the dictionary's name for any spelling of it; a name that is in no dictionary stays.

    Letters in any case, `_` and `-` are the same: `Status_Code`, `status-code` and `status` are one.
    """
    return ALIASES.get(spelled(name), name)
