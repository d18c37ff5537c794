"""What can be set: every key with its kind, default and meaning, and the variables that are no keys."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PREFIX = "FANLIGHT_"
NOTHING = "-"
"""How a variable says that a list is empty: one that is set to nothing counts as not set."""
STRATEGIES = ("standalone", "embedded")
IGNORE = (
    *("/health", "/health/*", "/healthcheck", "/health-check", "/health_check", "/ping", "/heartbeat"),
    *("*/healthz", "*/livez", "*/readyz", "/livez/*", "/readyz/*", "/-/healthy", "/-/ready"),
)
"""What balancers and platforms ask for every few seconds, under the names that are nothing else's."""


METRICS = (
    *("workers.booted", "workers.total", "workers.spawned_threads", "workers.max_threads"),
    *("workers.requests_count", "queue.backlog", "queue.backlog_max", "queue.reactor_max", "queue.capacity"),
    *("sockets.backlog", "requests.waiting", "workers.busy_threads", "workers.utilisation"),
    *("sockets.backlog_limit", "sockets.drops", "queue.time", "loop.overdue", "oldest.in_flight"),
    *("workers.restarts", "workers.stalled", "requests.waiting_max", "workers.skewed"),
    "sockets.abandoned",
)
"""What is told of a server, in the order in which it is when nobody wants another."""


class Key:
    """One thing that can be set.

    Args:
        kind: how its text is read: a name in `READERS`.
        default: value when nobody sets it; None where it follows from another key.
        about: one line for people.
        project: whether a file that came with a repository may set it unasked.
    """

    __slots__ = ("about", "default", "kind", "project")

    def __init__(self, kind: str, default: Any, about: str, project: bool = False) -> None:
        self.kind = kind
        self.default = default
        self.about = about
        self.project = project


KEYS: dict[str, Key] = {
    "data": Key("path", None, "directory of spool, store and sockets"),
    "socket": Key("path", None, "unix socket that agents connect to"),
    "strategy": Key(
        "strategy",
        "",
        "standalone: to a collector; embedded: aggregated in the application, posted to a server",
        project=True,
    ),
    "dsn": Key("secret", "", "receiver elsewhere: unix:///path/collector.sock, https://TOKEN@HOST:PORT"),
    "report.token_file": Key("path", None, "file of the token of POST /v1/report, nobody else's to read"),
    "report.ca_file": Key("file", "", "PEM file of the authorities that a server's certificate is of"),
    "report.plain_hosts": Key("names", (), "other machines that reports may go to without TLS"),
    "listen": Key("address", "127.0.0.1:7700", "HOST:PORT of the page"),
    "store": Key("text", "", "store URL: duckdb:DIR or memory:"),
    "service": Key("text", "", "name that the application reports under", project=True),
    "release": Key("text", "", "what runs, else the commit of the directory it starts in", project=True),
    "sample": Key("share", 1.0, "share of requests whose child spans are recorded", project=True),
    "ignore": Key(
        "names",
        IGNORE,
        "globs of endpoints that are counted as ignored, not reported; - for none",
        project=True,
    ),
    "log": Key("log", "-", "file that agent, collector and server write their own log to, - for stderr"),
    "log_level": Key(
        "level", "warning", "how much of it: error, warning, info, debug, or trace for all", project=True
    ),
    "leave_after_s": Key("count", 60, "idle seconds after which a background Fanlight leaves", project=True),
    "spool.max_bytes": Key("bytes", 1 << 30, "size bound of what waits for the store", project=True),
    "store.retention_days": Key("count", 14, "whole days kept besides today", project=True),
    "store.import_days": Key("count", 90, "whole days that imported events are kept for", project=True),
    "store.max_bytes": Key("bytes", 2 << 30, "size at which the store's oldest days go", project=True),
    "store.spans_per_s": Key("count", 2000, "spans a second and service kept whole", project=True),
    "store.traces_per_s": Key("count", 500, "root rows a second and service", project=True),
    "web.host_names": Key("names", (), "further names of the page: NAME, NAME:PORT or https://NAME"),
    "telemetry.targets": Key(
        "tables", (), "where snapshots of saturation go besides the store: [[telemetry.targets]]"
    ),
    "telemetry.enabled": Key("flag", True, "whether servers are read at all", project=True),
    "telemetry.sockets": Key("flag", True, "whether the kernel's queues are, too", project=True),
    "telemetry.initial_delay_s": Key("seconds", 5.0, "seconds before the first snapshot", project=True),
    "telemetry.frequency_s": Key("period", 5.0, "seconds between two snapshots", project=True),
    "telemetry.metrics": Key(
        "metrics", METRICS, "names that targets are given, in this order; the store has all", project=True
    ),
    "trust": Key("paths", (), "directories whose fanlight.toml may set every key, joined with ':'"),
}

ALIASES = {"store.url": "store"}
"""Other spellings in files, where `store` cannot be a word and a table at once."""

VARIABLES = ("FANLIGHT_DEBUG", "FANLIGHT_ENV", "FANLIGHT_KEEP_ENV")
"""Variables of ours that are no keys: tracebacks, the chosen `[env.…]` section, what children keep."""

# A container platform announces a service called "fanlight" in variables that look like ours.
FOREIGN = ("FANLIGHT_SERVICE_HOST", "FANLIGHT_SERVICE_PORT", "FANLIGHT_PORT")
INJECTED = "FANLIGHT_INTERNAL_INJECT"
INTERNAL = ("FANLIGHT_INTERNAL_", "FANLIGHT_DEMO_", "FANLIGHT_TEST_")


def variable(name: str) -> str:
    """Answer the environment variable of a key: `store.spans_per_s` is `FANLIGHT_STORE__SPANS_PER_S`."""
    return PREFIX + name.replace(".", "__").upper()


def known(name: str, where: str, names: list[str] | None = None) -> str:
    """Answer the name when it is known; raise with the nearest one otherwise."""
    names = list(KEYS) if names is None else names
    if name not in names:
        from fanlight.errors import ConfigError
        from fanlight.registry import suggestion

        raise ConfigError(f"unknown key {name!r} in {where}{suggestion(name, names)}")
    return name
