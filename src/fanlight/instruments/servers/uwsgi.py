"""uWSGI: the callable that it calls from C, whatever framework made it, and how busy it is."""

from __future__ import annotations

import os
import re  # noqa: F401  which endpoints are ignored is compiled in each worker
import sys
import warnings
from importlib import import_module

from fanlight.instruments import lack

# All that a worker needs at its start is imported before it is forked: a signal to leave that comes
# before its start is over is lost to uWSGI.
from fanlight.recording.slots import deferring, trail  # noqa: F401  which claiming a slot asks for
from fanlight.recording.slots.serving import sending
from fanlight.recording.slots.slot import HERE
from fanlight.wire import slots as layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType, ModuleType
    from typing import Any

    App = Callable[[Any, Any], Any]

HOOK = "post_fork_hook"
"""What uWSGI calls in each worker before its first request, when the application is loaded."""
LATE = frozenset({"lazy-apps", "lazy"})
"""Options with which each worker loads the applications itself."""
LATER_HOOK = "after_req_hook"
"""What it looks for when a worker has loaded the applications late."""
OTHER_LOADERS = frozenset({"mount", "paste", "ini-paste", "ini-paste-logged", "pecan", "eval", "web3"})
"""Options that load applications in other ways than by a module's or a file's name."""
UNTOLD = "how busy its workers are: not all that they call can be traced"
MARK = "fanlight_traced"
CALLS: list[Any] = []
"""What the functions do that were given another body, by the number that stands in it."""


def patch(module: ModuleType) -> None:
    """Trace, in each worker, the callables that uWSGI has loaded by then, and tell how busy they are.

    With `--lazy-apps` a worker loads them later, and asks for another hook when it has.

    Args:
        module: `uwsgi`, which exists inside of uWSGI alone; there it may still be without its functions.

    Raises:
        LookupError: there is neither a hook nor a list of workers.
    """
    if not hasattr(module, HOOK) and not hasattr(module, "workers"):
        raise LookupError("uwsgi has neither post_fork_hook nor workers")
    if is_further():
        # No hook is called here, and what the first interpreter says it lacks goes with its own requests.
        lack("uwsgi", UNTOLD)
    before = getattr(module, HOOK, None)

    def trace_loaded() -> None:
        told = options(module)
        if LATE.isdisjoint(told):
            begin(module, trace_apps(module))
        elif not OTHER_LOADERS.isdisjoint(told):
            begin(module, False)
        else:
            moment = Moment(LATER_HOOK)
            moment.module = module
            vars(module)[moment] = None
        if before is not None:
            before()

    setattr(module, HOOK, trace_loaded)

    from fanlight.recording.arrival import ARRIVALS

    # Its decorators put their own hook in the place of whatever is there.
    ARRIVALS.expect("uwsgidecorators", lambda decorators: decorators.postfork_chain.insert(0, trace_loaded))


def is_further() -> bool:
    """Answer whether this is not the first interpreter of its process: each further application has one."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            interpreters = import_module(name)
        except ImportError:
            # From 3.13 on the first is its name.
            continue
        return bool(interpreters.get_current() != interpreters.get_main())
    return False


def begin(module: Any, is_traced: bool) -> None:
    """Let this process tell that it is there, and how busy if all its applications are traced."""
    number: Any = getattr(module, "worker_id", None)
    # Mules and spoolers are forked alike, and answer nobody.
    if number is not None and number() <= 0:
        return
    tell(module, is_traced)
    if not is_traced:
        lack("uwsgi", UNTOLD)


class Moment(str):
    """A name in the server's module that hears when the server looks for its further hook.

    It does so once, in the process that serves, right after it has loaded the applications late; no
    function is called then, and none before the first request.

    Attributes:
        module: `uwsgi`; None when nothing is to be done any more.
    """

    __slots__ = ("module",)
    module: Any
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        module, self.module = self.module, None
        found = None if module is None else late_app(module)
        if found is not None:
            begin(module, trace_app(found))
        elif module is not None:
            # The application being loaded looks for the hook, or puts its own there.
            self.module = module
        # Whatever stands there is somebody else's.
        return False


def late_app(module: Any) -> Any:
    """Answer the one callable that a worker has loaded late, as it was told to; None where that is unclear.

    uWSGI tells the address of an application only when it was loaded before the fork.
    """
    told = options(module)
    named = [told[option] for option in ("module", "wsgi", "wsgi-file", "file") if told.get(option)]
    if len(named) != 1 or not OTHER_LOADERS.isdisjoint(told):
        return None
    if "module" in told or "wsgi" in told:
        where, _, name = named[0].partition(":")
        places = [where]
    else:
        name = ""
        places = [each for each in sys.modules if each.startswith("uwsgi_file_")]
    holder = sys.modules.get(places[0]) if len(places) == 1 else None
    found = getattr(holder, name or told.get("callable", "application"), None)
    # It may be on its way yet.
    return found if callable(found) else None


def options(module: Any) -> dict[str, str]:
    """Answer what uWSGI was started with."""
    return {plain(name): plain(value) for name, value in getattr(module, "opt", {}).items()}


def plain(value: Any) -> str:
    """Answer an option's name or value as text, "" for what is given more than once, or without a value."""
    return (
        value.decode("utf-8", "replace")
        if isinstance(value, bytes)
        else value
        if isinstance(value, str)
        else ""
    )


def tell(module: Any, is_traced: bool) -> None:
    """Let this worker tell that it is there, and how busy it is.

    Nothing waits in the worker: each of its threads accepts one connection, answers it and closes it.

    Args:
        module: `uwsgi`.
        is_traced: whether all that it calls is; otherwise nobody knows how many of its threads answer.
    """
    cores = getattr(module, "cores", None)
    workers = getattr(module, "numproc", None)
    HERE.claim("uwsgi", master=master(module), killed=True)
    HERE.serve(getattr(module, "sockets", ()))
    if isinstance(workers, int):
        HERE.tell(layout.TOTAL, workers)
    HERE.tell(layout.MUTE, int(not is_traced))
    if isinstance(cores, int) and is_traced:
        HERE.tell(layout.MAX_THREADS, cores)
        HERE.tell(layout.SPAWNED, cores)
        HERE.tell(layout.BACKLOG, 0)
    HERE.tell(layout.STATE, layout.BOOTED)


def master(module: Any) -> int:
    """Answer the pid of the process that forked this worker, 0 where this one is the first of all."""
    told: Any = getattr(module, "masterpid", None)
    number: Any = getattr(module, "worker_id", None)
    pid = told() if told is not None else 0
    # Without a master, the first worker forks the others.
    return pid or (os.getppid() if number is not None and number() > 1 else 0)


def trace_apps(module: ModuleType) -> bool:
    """Trace the callables that uWSGI has loaded; it tells their addresses.

    Returns:
        Whether there are some and each is traced: one in an interpreter of its own is not.
    """
    told: Any = getattr(module, "workers", None)
    workers = told() if told is not None else ()
    places = {app.get("callable") for worker in workers for app in worker.get("apps", ())}
    if not places:
        return False
    traced = True
    for holder in list(sys.modules.values()):
        for value in list(getattr(holder, "__dict__", {}).values()):
            if id(value) in places:
                places.remove(id(value))
                traced = trace_app(value) and traced
    return traced and not places


def trace_app(app: Any) -> bool:
    """Trace a callable in its place: C code holds it, and nothing of ours stands between.

    A class gets another `__call__`, a function another body; what either of them is stays the same.

    Returns:
        Whether it could be done.
    """
    function = getattr(app, "__func__", app)
    if hasattr(function, "__code__"):
        return give_body(function, int(function is not app), traced)
    kind: Any = type(app)
    call = getattr(kind, "__call__", None)  # noqa: B004 it is asked for, not tested
    if call is None or hasattr(call, MARK):
        return call is not None

    def call_traced(self: Any, environ: Any, start_response: Any) -> Any:
        return traced(call.__get__(self))(environ, start_response)

    setattr(call_traced, MARK, True)
    call_traced.__wrapped__ = call  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    try:
        kind.__call__ = call_traced
    except TypeError:
        # Made in C, so nothing can be put there; its framework's own instrument may see it.
        return False
    return True


def traced(app: App) -> App:
    """Answer the application with every request traced and told in the slot."""
    return sending(app)


def give_body(function: Any, bound: int, traced: Callable[[App], App]) -> bool:
    """Give a function a body that calls what it was, traced.

    Args:
        function: keeps its identity.
        bound: how many arguments it is given besides a request's two: 1 for a method.
        traced: answers a callable traced.

    Returns:
        Whether it could be done.
    """
    code: CodeType = function.__code__
    kind: type[FunctionType] = type(function)
    own = kind(code, function.__globals__, code.co_name, function.__defaults__, function.__closure__)
    own.__kwdefaults__ = function.__kwdefaults__
    space: dict[str, Any] = {}
    free = code.co_freevars
    exec(BODY.format(free=", ".join(free), number=len(CALLS)), space)  # noqa: S102 our own lines and names
    body: CodeType = space["make"](*free).__code__
    # A body must have the free variables of the one before it, whether it uses them or not.
    if body.co_freevars != free:
        return False
    CALLS.append(calling(own, bound, traced))
    # What it is in tracebacks stays, too.
    told = body.replace(
        co_name=code.co_name, co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
    )
    with warnings.catch_warnings():
        # From Python 3.13 on a generator does not like to become a plain function.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            function.__code__ = told
        except (TypeError, ValueError):
            return False
    return True


BODY = """
def make({free}):
    def call(*arguments, **options):
        if False: ({free})
        from fanlight.instruments.servers.uwsgi import CALLS
        return CALLS[{number}](*arguments, **options)
    return call
"""


def calling(own: Any, bound: int, traced: Callable[[App], App]) -> Any:
    """Answer what traces the server's calls and passes any other on."""
    function = traced(own)

    def call(*arguments: Any, **options: Any) -> Any:
        if len(arguments) != bound + 2 or options:
            return own(*arguments, **options)
        # A fast path: a function is the same for every request.
        if not bound:
            return function(*arguments)
        return traced(own.__get__(arguments[0]))(*arguments[1:])

    return call
