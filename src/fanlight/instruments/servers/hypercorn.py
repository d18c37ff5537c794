"""hypercorn: the ASGI or WSGI application that it serves, whatever framework made it, and how busy it is."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any


OTHERS_S = 0.5
"""How long a parent that was told to leave waits for its workers, once the first one has left."""


def patch(module: ModuleType) -> Mapping[str, Callable[[ModuleType], None]]:
    """Trace the application in each of hypercorn's two wrappers, one for ASGI and one for WSGI.

    Args:
        module: `hypercorn.app_wrappers`.

    Raises:
        LookupError: one of the wrappers is not there, or is made in another way.
    """
    wrappers = [getattr(module, name, None) for name in ("ASGIWrapper", "WSGIWrapper")]
    if not all("__init__" in vars(wrapper) for wrapper in wrappers if wrapper) or None in wrappers:
        raise LookupError("hypercorn has no ASGIWrapper and WSGIWrapper")

    from fanlight.recording.asgi import asgi
    from fanlight.recording.boundary.application import tracing

    def told_asgi(app: Any) -> Any:
        from fanlight.recording.slots.looping import answering

        return answering(asgi(app))

    def told_wsgi(app: Any) -> Any:
        from fanlight.recording.slots.serving import answered

        return answered(app)

    module.ASGIWrapper.__init__ = tracing(module.ASGIWrapper.__init__, "app", told_asgi)
    module.WSGIWrapper.__init__ = tracing(module.WSGIWrapper.__init__, "app", told_wsgi)
    return {"hypercorn.asyncio.run": tell}


def tell(module: ModuleType) -> None:
    """Let a worker tell how busy it is from when its loop runs, and its parent not cut off its end.

    Raises:
        LookupError: there is no `worker_serve`, or the parent minds its workers in another way.
    """
    serve: Any = getattr(module, "worker_serve", None)
    if serve is None:
        raise LookupError("hypercorn.asyncio.run has no worker_serve")

    async def serve_and_tell(app: Any, config: Any, *arguments: Any, **options: Any) -> Any:
        from asyncio import get_running_loop

        from fanlight.recording.slots.looping import beat
        from fanlight.recording.slots.slot import HERE, parent
        from fanlight.wire import slots as layout

        loop = get_running_loop()
        HERE.claim("hypercorn", type(loop).__module__.partition(".")[0], parent())
        workers = getattr(config, "workers", None)
        if isinstance(workers, int):
            HERE.tell(layout.TOTAL, max(1, workers))
        sockets = options.get("sockets")
        for kind in ("secure_sockets", "insecure_sockets"):
            HERE.serve(getattr(sockets, kind, ()))
        # A request goes through several hands before the application begins, none of which tells.
        HERE.tell(layout.HIDES, 1)
        HERE.tell(layout.STATE, layout.BOOTED)
        beat(loop)
        trigger = options.get("shutdown_trigger")
        told = []
        if trigger is not None:

            async def trigger_and_note() -> None:
                await trigger()
                told.append(True)

            options["shutdown_trigger"] = trigger_and_note
        result = await serve(app, config, *arguments, **options)
        # It leaves by itself at its limit of requests alone.
        is_over = trigger is not None and not told
        HERE.tell(layout.STATE, layout.ENDED_AT_LIMIT if is_over else layout.ENDED_WELL)
        return result

    module.worker_serve = serve_and_tell  # type: ignore[attr-defined]
    # The parent imports this module when it has been loaded itself.
    let_all_leave(sys.modules.get("hypercorn.run"))


def let_all_leave(module: Any) -> None:
    """Let a parent that was told to leave wait a moment for all its workers, not for the first alone.

    It tells all of them to leave, and ends what is left with a signal that nobody handles as soon as one
    has left: another one may not even have heard of it.

    Args:
        module: `hypercorn.run`; None in a program that starts its own workers.

    Raises:
        LookupError: it has no `_populate` or no `_join_exited`.
    """
    if module is None:
        return
    populate, join = getattr(module, "_populate", None), getattr(module, "_join_exited", None)
    if populate is None or join is None:
        raise LookupError("hypercorn.run has no _populate and _join_exited")
    told: list[Any] = []

    def populate_and_note(
        processes: Any, config: Any, worker: Any, sockets: Any, event: Any, *rest: Any
    ) -> Any:
        told[:] = [event]
        return populate(processes, config, worker, sockets, event, *rest)

    def join_all(processes: list[Any]) -> Any:
        code = join(processes)
        if told and told[0].is_set():
            await_ends([process.sentinel for process in processes])
            join(processes)
        return code

    module._populate, module._join_exited = populate_and_note, join_all  # noqa: SLF001  no other place


def await_ends(sentinels: Sequence[int]) -> None:
    """Wait until the processes of these sentinels have ended, for a moment at the most."""
    from multiprocessing.connection import wait
    from time import monotonic

    left, until_s = set(sentinels), monotonic() + OTHERS_S
    while left and (left_s := until_s - monotonic()) > 0:
        left.difference_update(wait(list(left), left_s))
