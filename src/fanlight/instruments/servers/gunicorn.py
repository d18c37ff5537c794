"""gunicorn: what its workers call, whatever framework made it, and how busy they are."""

from __future__ import annotations

import os
import sys
from time import monotonic as clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any

TOLD = "fanlight_told"
"""Attribute of what tells."""
GATHERING = 0x04 | 0x08
"""What is in the code's flags of functions that gather arguments up: to import `inspect` costs much."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Answer the hooks for the modules of gunicorn's own workers, and of their master.

    A worker of somebody else's that hands the application to a server of its own, as those of uvicorn
    do, is left to that server's instrument.

    Args:
        module: `gunicorn.workers`, which comes before any worker: the modules import each other, and
            one that is half-way there would not be seen to arrive.

    Raises:
        LookupError: there is no list of workers.
    """
    if not hasattr(module, "SUPPORTED_WORKERS"):
        raise LookupError("gunicorn.workers has no SUPPORTED_WORKERS")
    return {
        "gunicorn.arbiter": tell_total,
        "gunicorn.workers.base": trace_wsgi,
        "gunicorn.workers.gasgi": trace_asgi,
    }


def tell_total(module: ModuleType) -> None:
    """Tell how many workers are configured, which a signal changes in the master alone."""
    arbiter = getattr(module, "Arbiter", None)
    manage = getattr(arbiter, "manage_workers", None)
    if arbiter is None or manage is None:
        raise LookupError("no Arbiter.manage_workers")

    def manage_workers(self: Any) -> Any:
        from fanlight.recording.slots.slot import HERE
        from fanlight.wire import slots as layout

        HERE.claim("gunicorn", role=layout.MINDS)
        total = getattr(self, "num_workers", None)
        if isinstance(total, int):
            HERE.tell(layout.TOTAL, total)
        return manage(self)

    arbiter.manage_workers = manage_workers


def trace_wsgi(module: ModuleType) -> None:
    """Trace what the WSGI workers call."""
    worker = getattr(module, "Worker", None)
    load = getattr(worker, "load_wsgi", None)
    if worker is None or load is None:
        raise LookupError("no Worker.load_wsgi")

    def load_wsgi(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        app = getattr(self, "wsgi", None)
        # Only workers that handle connections themselves call `self.wsgi` the WSGI way.
        if app is not None and hasattr(self, "handle") and hasattr(self, "handle_request"):
            from fanlight.recording.wsgi import wsgi

            self.wsgi = wsgi(app)
        own(self)
        tell(self)
        return result

    worker.load_wsgi = load_wsgi


def trace_asgi(module: ModuleType) -> None:
    """Trace what the ASGI worker calls."""
    worker = getattr(module, "ASGIWorker", None)
    load = getattr(worker, "load_wsgi", None)
    if worker is None or load is None:
        raise LookupError("no ASGIWorker.load_wsgi")

    def load_asgi(self: Any, *args: Any, **options: Any) -> Any:
        result = load(self, *args, **options)
        app = getattr(self, "asgi", None)
        if app is not None:
            from fanlight.recording.asgi import asgi
            from fanlight.recording.slots.looping import answering

            self.asgi = answering(asgi(app))
            own(self)
            tell_loop(self)
        return result

    worker.load_wsgi = load_asgi


def own(worker: Any) -> None:
    """Say whose lines are the application's own, where it is installed like a library."""
    from fanlight.recording.location import count_as_own

    named = getattr(getattr(worker, "app", None), "app_uri", None)
    if isinstance(named, str):
        count_as_own(named)


def tell(worker: Any) -> None:
    """Let a worker, which is about to run, tell how busy it is.

    What it can do decides how: threads of a pool, greenlets, one connection after the other. One that
    hands the application to a server of its own tells what gunicorn knows; that server tells the rest.
    """
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    settings = getattr(worker, "cfg", None)
    kind = getattr(settings, "worker_class_str", None) or type(worker).__name__
    HERE.claim("gunicorn", str(kind).rpartition(".")[2], os.getppid())
    if not hasattr(worker, "handle") or not hasattr(worker, "handle_request"):
        # Until that server says that it does.
        HERE.tell(layout.MUTE, 1)
        ready_when_alive(worker)
        worker.run = running(worker, worker.run, is_ready=False)
        return
    if hasattr(worker, "enqueue_req"):
        tell_threads(worker, getattr(settings, "threads", -1))
    elif hasattr(worker, "worker_connections"):
        tell_greenlets(worker)
    else:
        HERE.tell(layout.MAX_THREADS, 1)
        HERE.tell(layout.SPAWNED, 1)
        HERE.tell(layout.BACKLOG, 0)
        HERE.tell(layout.APART, 1)
        put_around(worker, "handle", 3, busy_until_closed)
    worker.run = running(worker, worker.run, is_ready=True)


def ready_when_alive(worker: Any) -> None:
    """Let a worker be ready when it tells its master for the first time that it lives."""
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire.slots import BOOTED, BOOTING, STATE

    notify = worker.notify

    def notify_told() -> Any:
        worker.notify = notify
        # Its server may have said so before, and may have said by now that it is at its end.
        if HERE.cells[STATE] == BOOTING:
            HERE.tell(STATE, BOOTED)
        return notify()

    worker.notify = notify_told


def tell_loop(worker: Any) -> None:
    """Let a worker with an event loop tell how busy it is."""
    from fanlight.recording.slots.looping import beat
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    HERE.claim("gunicorn", "asgi", os.getppid())
    # A request stays with its connection until the loop comes to it.
    HERE.tell(layout.HIDES, 1)
    loop = getattr(worker, "loop", None)
    if loop is not None:
        loop.call_soon(beat, loop)
    worker.run = running(worker, worker.run, is_ready=True)


def beat_greenlets() -> None:
    """Let gevent's loop tell when it means to come by again."""
    from fanlight.recording.slots.looping import due_ns
    from fanlight.recording.slots.slot import BEAT_S, HERE
    from fanlight.wire.slots import DUE

    def tick() -> None:
        HERE.cells[DUE] = due_ns(clock())

    # It keeps nobody from leaving.
    timer = sys.modules["gevent"].get_hub().loop.timer(BEAT_S, BEAT_S, ref=False)
    timer.start(tick)
    HERE.beats = True
    tick()


def running(worker: Any, run: Callable[[], Any], *, is_ready: bool) -> Callable[[], Any]:
    """Answer the `run` of a worker that tells when it begins, and whether it ended by itself."""
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    def run_told() -> Any:
        HERE.serve(getattr(worker, "sockets", ()))
        asked = getattr(getattr(worker, "cfg", None), "backlog", None)
        HERE.tell(layout.ASKED, asked if isinstance(asked, int) else 0)
        if is_ready:
            HERE.tell(layout.STATE, layout.BOOTED)
        if type(worker).__module__.endswith("ggevent") and "gevent" in sys.modules:
            beat_greenlets()
        try:
            result = run()
        except SystemExit as left:
            # Its master's patience ended: that is what it leaves with an error for.
            HERE.tell(layout.STATE, layout.ENDED_LATE if left.code else layout.ENDED_WELL)
            raise
        # A server of somebody else's counts by itself, and has said so.
        is_over = HERE.cells[layout.STATE] == layout.ENDED_AT_LIMIT or (
            getattr(worker, "nr", 0) >= getattr(worker, "max_requests", 1 << 62)
        )
        HERE.tell(layout.STATE, layout.ENDED_AT_LIMIT if is_over else layout.ENDED_WELL)
        return result

    return run_told


def put_around(
    worker: Any, name: str, takes: int, told: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Put what tells around a method of a worker, if it has it and it does not tell already.

    It goes to the class, of which a process has one worker: Python finds it there in less time. What
    somebody's own worker has for itself, or with other arguments, is told in the worker instead.

    Args:
        worker: about to run.
        name: of the method.
        takes: how many arguments gunicorn calls it with, at the most.
        told: answers a function of the worker and these arguments.
    """
    kind = type(worker)
    bound: Any = getattr(worker, name, None)
    if bound is None or hasattr(bound, TOLD):
        return
    method: Any = getattr(kind, name, bound)
    if getattr(bound, "__func__", worker) is method and takes_just(method, takes + 1):
        made = told(method)
        setattr(made, TOLD, True)
        setattr(kind, name, made)
        return

    def told_anyhow(*arguments: Any, **options: Any) -> Any:
        call = told(lambda *_: bound(*arguments, **options))
        return call(worker, *(*arguments, *options.values())[:takes])

    setattr(told_anyhow, TOLD, True)
    setattr(worker, name, told_anyhow)


def takes_just(function: Any, count: int) -> bool:
    """Answer whether a function is one of Python's that takes so many arguments, and no others."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_kwonlyargcount or code.co_flags & GATHERING:
        return False
    return bool(code.co_argcount == count)


def busy_until_closed(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Answer the `handle` of sync workers, which are busy until they have closed the connection.

    After the response it waits for the client to close, for seconds if need be, and takes nobody else.
    """
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire.slots import ANSWERED

    # A fast path: one place is enough for a worker that does one thing at a time, and nobody asks how
    # often it was left, but how many requests came. `nr` counts them, those that failed too.
    here, place = HERE, HERE.free[-1]

    def handle_told(self: Any, listener: Any, client: Any, address: Any) -> Any:
        start = place.start
        start[...] = start_s = clock()
        try:
            return handle(self, listener, client, address)
        finally:
            if place.start is start:
                start[...] = 0.0
                place.spent[...] = place.spent_s = place.spent_s + (clock() - start_s)
                here.cells[ANSWERED] = self.nr

    return handle_told


def tell_threads(worker: Any, threads: int) -> None:
    """Let a worker with a pool of threads tell what waits for one, and what each of them does."""
    from fanlight.recording.slots.connections import accepting, closing, stream_told, thread_told
    from fanlight.recording.slots.line import Line, handing_over
    from fanlight.recording.slots.slot import HERE
    from fanlight.wire import slots as layout

    HERE.tell(layout.APART, layout.BY_CONNECTION)
    HERE.tell(layout.MAX_THREADS, threads)
    line = Line(getattr(worker, "tpool", None), threads)
    put_around(worker, "handle", 1, lambda handle: thread_told(handle, line))
    put_around(worker, "handle_http2_request", 3, stream_told)
    kind = connections_of(worker)
    line.counts = kind is not None and hasattr(worker, "nr_conns")
    put_around(worker, "enqueue_req", 1, lambda enqueue: handing_over(enqueue, line))
    if not line.counts:
        return
    HERE.tell(layout.CONNECTIONS, 0)
    if not hasattr(kind.close, TOLD):
        kind.close = closing(kind.close, worker)
        setattr(kind.close, TOLD, True)
    code = getattr(getattr(worker, "accept", None), "__code__", None)
    if code is not None and "enqueue_req" not in code.co_names:
        # Versions 21 to 23 let a new one lie until it says something.
        put_around(worker, "accept", 2, accepting)


def connections_of(worker: Any) -> Any:
    """Answer the class of a worker's connections, None where they have none of their own."""
    for each in type(worker).__mro__:
        found = getattr(sys.modules.get(each.__module__), "TConn", None)
        if hasattr(found, "close"):
            return found
    return None


def tell_greenlets(worker: Any) -> None:
    """Let a worker with a greenlet for each connection tell how many there are, and which answer."""
    from fanlight.recording.slots.serving import leave
    from fanlight.recording.slots.slot import HERE, crowded
    from fanlight.wire import slots as layout

    limit = worker.worker_connections * max(1, len(getattr(worker, "sockets", ())))
    for word, value in ((layout.MAX_THREADS, limit), (layout.LIMIT, limit), (layout.CONNECTIONS, 0)):
        HERE.tell(word, value)
    HERE.tell(layout.SPAWNED, 0)
    HERE.tell(layout.BACKLOG, 0)

    def connected(handle: Callable[..., Any]) -> Callable[..., Any]:
        def handle_told(*arguments: Any) -> Any:
            cells = HERE.cells
            cells[layout.CONNECTIONS] += 1
            cells[layout.SPAWNED] = cells[layout.CONNECTIONS]
            try:
                return handle(*arguments)
            finally:
                cells = HERE.cells
                cells[layout.CONNECTIONS] -= 1
                cells[layout.SPAWNED] = cells[layout.CONNECTIONS]

        return handle_told

    def requested(handle_request: Callable[..., Any]) -> Callable[..., Any]:
        def handle_request_told(*arguments: Any) -> Any:
            try:
                place = HERE.free.pop()
            except IndexError:
                return crowded(handle_request, *arguments)
            start = place.start
            start[...] = start_s = clock()
            try:
                return handle_request(*arguments)
            finally:
                leave(place, start, start_s)

        return handle_request_told

    handler: Any = getattr(worker, "wsgi_handler", None)
    if hasattr(handler, "handle") and hasattr(handler, "handle_one_response"):
        # gevent's own server makes one for each connection, in the worker's place.
        ways = {
            "handle": connected(handler.handle),
            "handle_one_response": requested(handler.handle_one_response),
        }
        worker.wsgi_handler = type(handler.__name__, (handler,), ways)
    else:
        worker.handle, worker.handle_request = connected(worker.handle), requested(worker.handle_request)
