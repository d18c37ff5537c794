"""What the kernel's queues cost to ask for: listeners beside 10,000 open sockets, and each request's own."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic_ns, process_time_ns
from typing import TYPE_CHECKING, Any

from rows import Row

from fanlight.recording.exchange import REACH, found_wsgi, note_environ
from fanlight.recording.recorder import fresh_trace
from fanlight.recording.waiting.reach import DESCRIPTORS
from fanlight.sources.listeners import TCP4, Listeners, inet
from fanlight.sources.netlink import Netlink, inet_request

if TYPE_CHECKING:
    from collections.abc import Callable

SOCKETS = 10_000
READS = 200
REQUESTS = 50_000


def run(rounds: int) -> list[Row]:
    """Answer the rows; without the right to open so many sockets they tell of as many as may be."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and allowed < SOCKETS + 500:
        raise SystemExit(f"this takes {SOCKETS} open sockets; `ulimit -Hn` says {allowed}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOCKETS + 500, allowed))
    request, netlink, source = inet_request(socket.AF_INET), Netlink(), Listeners()
    with ExitStack() as stack:
        made = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4096))
        for _ in range(SOCKETS // 2):
            stack.enter_context(socket.create_connection(made.getsockname()))
            stack.enter_context(made.accept()[0])
        samples, files, everything = [], [], []
        for _ in range(rounds):
            samples.append(spent_us(lambda: [inet(TCP4, each) for each in netlink.dump(request)], READS))
            everything.append(spent_us(lambda: source.read(monotonic_ns()), READS))
            files.append(spent_us(by_file, 3))
        client = stack.enter_context(socket.create_connection(made.getsockname()))
        server = stack.enter_context(made.accept()[0])
        client.sendall(b"x")
        trace = fresh_trace("app.wsgi.request", "GET", "GET /", 0)
        headers = {f"HTTP_{number}": "" for number in range(12)}
        waits, numbered = [], []
        for _ in range(rounds):
            # Who ran before in this process may have found that there is no way to a socket.
            REACH.wsgi = found_wsgi
            waits.append(
                spent_us(partial(note_environ, trace, {**headers, "gunicorn.socket": server}), REQUESTS)
            )
            REACH.wsgi = partial(descriptor, server.fileno())
            numbered.append(spent_us(partial(note_environ, trace, headers), REQUESTS))
        # The end of `made` closes it, not whoever asked.
        DESCRIPTORS.pop(server.fileno()).detach()
        if trace.waited_ms < 0:
            raise RuntimeError("no queue time was read, so what was measured is not what it costs")
    netlink.close()
    source.close()
    ratio = median(file / sample for file, sample in zip(files, samples, strict=True))
    beside = f"beside {SOCKETS:,} open sockets"
    return [
        Row(f"TCP listeners, {beside}", median(samples), "us", 100),
        Row("/proc/net/tcp / the same by netlink", ratio, "x", 100, at_least=True),
        Row("queue time of a request, by its socket", median(waits), "us", 1.5),
        Row("queue time of a request, by its descriptor (uWSGI)", median(numbered), "us", 1.5),
        Row(f"all listeners: TCP, IPv6, unix, {beside}", median(everything), "us", 300),
    ]


def spent_us(call: Callable[[], object], times: int) -> float:
    """Answer the CPU time of one call."""
    begun = process_time_ns()
    for _ in range(times):
        call()
    return (process_time_ns() - begun) / times / 1e3


def descriptor(number: int, _environ: object) -> Any:
    """Answer what asks a connection of this number, as the way to it under uWSGI does."""
    return DESCRIPTORS[number]


def by_file() -> list[list[str]]:
    """Answer the listeners as whoever reads the file finds them: state 0A in the fourth column."""
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return [words for words in map(str.split, lines) if words[3] == "0A"]
