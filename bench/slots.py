"""What a worker's slot costs each request: one store, and all that is counted and stamped on its way.

Each row is a request's whole way through the hooks of one server, application and trace included, as under
`fanlight run`, beside the same way without a slot: what one costs more is the slot's. The hooks are the
real ones; what stands for the server around them does nothing but call. gunicorn's threads have two,
in the loop that hands a connection over, and around the connection; a client that opens a connection for
each request pays for its beginning and its end, too.
"""

from __future__ import annotations

import tempfile
from queue import SimpleQueue
from statistics import median
from time import process_time_ns
from types import FunctionType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from rows import Row

from fanlight.instruments.servers import gunicorn, uvicorn, waitress
from fanlight.recording.asgi import asgi
from fanlight.recording.recorder import SWITCH
from fanlight.recording.slots.looping import answering
from fanlight.recording.slots.serving import answered
from fanlight.recording.slots.slot import HERE
from fanlight.recording.wsgi import wsgi
from fanlight.wire.slots import CREATED, DUE

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[], object]

CALLS = 1_000
TURNS = 40
ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}
STORE_NS, REQUEST_NS = 60, 400


def run(rounds: int) -> list[Row]:
    """Answer the rows: medians of differences to the same call without a slot, in turns."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        SWITCH.whereabouts = lambda: ("bench", folder)
        SWITCH.sink = bool
        HERE.claim("bench")
        pairs = {
            "slot: one store": (store, nothing),
            "slot: WSGI request": (wsgi_request(answered(application)), wsgi_request(wsgi(application))),
            "slot: ASGI request": (asgi_request(answering(asgi(answer))), asgi_request(asgi(answer))),
            **of_servers(),
        }
        spent: dict[str, list[float]] = {name: [] for name in pairs}
        for _ in range(rounds * TURNS):
            for name, (with_slot, without) in pairs.items():
                spent[name].append(spent_ns(with_slot) - spent_ns(without))
        HERE.renew()
        SWITCH.sink = SWITCH.whereabouts = None
    return [
        Row(name, median(each), "ns", STORE_NS if name == "slot: one store" else REQUEST_NS)
        for name, each in spent.items()
    ]


def of_servers() -> dict[str, tuple[Call, Call]]:
    """Answer a request's way through each server that tells more than the call, with and without a slot."""
    kinds = (Sync, Threads, Channel, Dispatcher, Cycle, Server)
    sync, threads, channel, dispatcher, cycle, serving = map(apart, kinds)
    server = serving(dispatcher())
    workers: list[Any] = [sync(), threads()]
    for worker in workers:
        gunicorn.tell(worker)
    waitress.tell_service(module(HTTPChannel=channel))
    waitress.tell(server)
    uvicorn.tell_requests(module(RequestResponseCycle=cycle))
    HERE.tallies[CREATED] = HERE.created
    app = asgi(answer)
    HERE.app = answering(app)
    return {
        "slot: gunicorn sync request, until it is closed": (workers[0].request, Sync().request),
        "slot: gunicorn gthread request, its hand-over to a thread too": (workers[1].request, Bare().request),
        "slot: gunicorn gthread request, its connection's beginning and end too": (
            workers[1].only_request,
            Bare().only_request,
        ),
        "slot: waitress request, its hand-over to a thread too": (
            channel(server).request,
            Channel(Server(Dispatcher())).request,
        ),
        "slot: uvicorn request, its task too": (
            lambda: drive(cycle().run_asgi(HERE.app)),
            lambda: drive(Cycle().run_asgi(app)),
        ),
    }


def apart(kind: Any) -> Any:
    """Answer a class that does the same by code of its own, since the hooks go there.

    CPython learns at each call what is called there, and would learn it anew at each turn.
    """
    found = {name: value for each in reversed(kind.__mro__[:-1]) for name, value in vars(each).items()}
    made = {name: own(value) for name, value in found.items() if isinstance(value, FunctionType)}
    return type(kind.__name__, (kind,), made)


def own(function: Any) -> Any:
    """Answer a function that does the same by code of its own."""
    return FunctionType(
        function.__code__.replace(),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


def module(**names: Any) -> ModuleType:
    """Answer a module that holds these."""
    made = ModuleType("bench")
    vars(made).update(names)
    return made


class Sync:
    """A worker of gunicorn's that does one thing at a time."""

    def __init__(self) -> None:
        self.nr = 0
        self.wsgi = wsgi(application)
        self.cfg = SimpleNamespace(worker_class_str="sync", threads=4)

    def request(self) -> None:
        self.handle(None, None, None)

    def handle(self, _listener: Any, client: Any, _address: Any) -> None:
        self.handle_request(None, client)

    def handle_request(self, _request: Any, _connection: Any) -> None:
        self.nr += 1
        self.wsgi(ENVIRON, start_response)

    def run(self) -> None:
        """Nothing: what is measured is called."""


class Pool:
    """Threads of gunicorn's, which are this one."""

    _max_workers = 4

    def __init__(self) -> None:
        self._threads = {1}
        self._work_queue: SimpleQueue[Any] = SimpleQueue()

    def submit(self, call: Any, connection: Any) -> Any:
        call(connection)
        return self

    def add_done_callback(self, _call: Any) -> None:
        """Nothing: it is done."""


class BareConnection:
    """A connection of gunicorn's."""

    def __init__(self) -> None:
        self.sock = self.timeout = None
        self.parser = SimpleNamespace(req_count=1, mesg=SimpleNamespace(req_number=1))

    def close(self, graceful: bool = False) -> None:
        """Nothing: there is no socket."""


class TConn(BareConnection):
    """One that is hooked, by the name that gunicorn calls it."""


class Bare(Sync):
    """A worker of gunicorn's that hands connections to threads, which are this one."""

    kind = BareConnection

    def __init__(self) -> None:
        super().__init__()
        self.nr_conns = 0
        self.tpool = Pool()
        self.kept = self.kind()
        self.kept.timeout = 1.0

    def request(self) -> None:
        self.enqueue_req(self.kept)

    def only_request(self) -> None:
        connection = self.kind()
        self.nr_conns += 1
        self.enqueue_req(connection)
        self.nr_conns -= 1
        connection.close(graceful=True)

    def enqueue_req(self, conn: Any) -> None:
        """Hand a connection over, by the steps of gunicorn's own: any others stay as they are."""
        fs = self.tpool.submit(self.handle, conn)
        fs.add_done_callback(lambda fut: self.method_queue.defer(self.finish_request, conn, fut))

    def handle(self, connection: Any) -> bool:  # type: ignore[override]  # as gunicorn's differ
        self.handle_request(None, connection)
        return connection is self.kept


class Threads(Bare):
    """One that is hooked."""

    kind = TConn


class Dispatcher:
    """Waitress's queue before its threads, which are this one."""

    def __init__(self) -> None:
        self.threads = {1}

    def add_task(self, task: Any) -> None:
        task.service()


class Server:
    """Waitress's, which hands its connections on.

    Args:
        dispatcher: whom to.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.task_dispatcher = dispatcher

    def add_task(self, task: Any) -> None:
        self.task_dispatcher.add_task(task)


class Channel:
    """A connection of waitress's.

    Args:
        server: of whom.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.app = wsgi(application)

    def request(self) -> None:
        self.server.add_task(self)

    def service(self) -> None:
        self.app(ENVIRON, start_response)


class Cycle:
    """A request of uvicorn's."""

    async def run_asgi(self, app: Any) -> None:
        await app(SCOPE, None, send)


def spent_ns(call: Call) -> float:
    """Answer the CPU ns of a call."""
    began_ns = process_time_ns()
    for _ in range(CALLS):
        call()
    return (process_time_ns() - began_ns) / CALLS


def store() -> None:
    """Write one word."""
    HERE.cells[DUE] = 1


def nothing() -> None:
    """Do as much without."""


def application(_environ: Any, start_response: Any) -> list[bytes]:
    """Answer next to nothing: only what is around it counts."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def start_response(_status: str, _headers: Any) -> None:
    """Take what a server would send."""


def wsgi_request(app: Any) -> Call:
    """Answer a call of a WSGI application."""
    return own(lambda: app(ENVIRON, start_response))


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer next to nothing, as above."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def send(_message: Any) -> None:
    """Take what a server would send."""


def asgi_request(app: Any) -> Call:
    """Answer a call of an ASGI application."""
    return own(lambda: drive(app(SCOPE, None, send)))


def drive(coroutine: Any) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
