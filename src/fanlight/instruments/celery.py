"""Celery: each run of a task as a trace of its own, and what a request publishes as a call of it."""

from __future__ import annotations

import sys

from fanlight.recording.calls import recorded
from fanlight.recording.recorder import EXPLICIT, SWITCH, Trace, begin, current, finish
from fanlight.recording.reduction import described
from fanlight.recording.traceparent import NAME, outgoing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from fanlight.recording.lanes import Lane

JOB = "app.job"
ENQUEUE = "job.enqueue"
FLUSH_S = 1.0
"""Time that a worker's process, which ends without `atexit`, may take to hand over its last runs."""
SUCCESS, FAILURE, RETRY = "SUCCESS", "FAILURE", "RETRY"


def patch(module: ModuleType) -> None:
    """Trace what runs in a worker under the task's name; within a trace, an eager run is a span.

    The state that Celery gives a run is its segment: a failed one is an error, one that will be tried
    again is `retry`. A message takes the trace's id along, and the run keeps it.

    Args:
        module: `celery.app.base`.

    Raises:
        LookupError: there is no `Celery.send_task`, or one of the signals is missing.
    """
    app = getattr(module, "Celery", None)
    send = getattr(app, "send_task", None)
    if app is None or send is None:
        raise LookupError("celery has no Celery.send_task")
    signals = {}
    for name in ("before_task_publish", "task_prerun", "task_postrun", "worker_process_shutdown"):
        signals[name] = getattr(getattr(module, "signals", None), name, None)
        if signals[name] is None:
            raise LookupError(f"celery.signals has no {name}")
    runs = Runs()
    for name, receiver in (
        ("before_task_publish", published),
        ("task_prerun", runs.begun),
        ("task_postrun", runs.over),
        ("worker_process_shutdown", leaving),
    ):
        signals[name].connect(receiver, weak=False)  # type: ignore[union-attr]  # none is None by now
    # What every way to call a task but an eager one goes through.
    app.send_task = recorded(send, ENQUEUE, "job", task_name)


def task_name(_app: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str | None:
    """Answer the name of the task that is sent; None, which leaves it out, where it is no name."""
    name = args[0] if args else options.get("name")
    return str.__str__(name) if isinstance(name, str) else None


class Runs:
    """The runs of tasks that are under way, by the request that Celery keeps for each."""

    def __init__(self) -> None:
        self.open: dict[int, Trace | tuple[Lane, int]] = {}

    def begun(self, task: Any = None, **_: Any) -> None:
        """Open a trace for a run, or a span where it runs within a trace."""
        name = str(getattr(task, "name", None) or type(task).__name__)
        request = task.request
        opened = begin(JOB, name, name)
        if opened is None:
            lane = current()
            if lane is not None:
                self.open[id(request)] = (lane, lane.start(JOB, title=name))
            return
        opened.rank = EXPLICIT
        opened.ident = getattr(request, NAME, None) or 0
        retries = getattr(request, "retries", None)
        if retries:
            opened.notes["retries"] = retries
        queue = (getattr(request, "delivery_info", None) or {}).get("routing_key")
        if queue:
            opened.notes["queue"] = queue
        self.open[id(request)] = opened

    def over(self, task: Any = None, state: Any = None, retval: Any = None, **_: Any) -> None:
        """Close what `begun` opened, as the run's state says."""
        run = self.open.pop(id(task.request), None)
        if run is None:
            return
        error = retval if state in (FAILURE, RETRY) and isinstance(retval, BaseException) else None
        if state is None:
            # Something that Celery does not catch: the process is told to leave, or out of memory.
            error = sys.exc_info()[1]
        # What Celery raises to try again says nothing by itself.
        reason = getattr(error, "exc", None) if state == RETRY else error
        kind = described(reason)[0] if isinstance(reason, BaseException) else ""
        if not isinstance(run, Trace):
            lane, handle = run
            if kind:
                lane.annotate(error=kind)
            lane.stop(handle)
            return
        if state == RETRY:
            if kind:
                run.notes["retry"] = kind
            error = None
        if state not in (SUCCESS, FAILURE, None):
            run.segment = str(state).lower()
        finish(run, error)


def published(headers: Any = None, **_: Any) -> None:
    """Give a message the trace's id, unless the application has set one."""
    header = outgoing()
    if header and isinstance(headers, dict):
        headers.setdefault(NAME, header)


def leaving(**_: Any) -> None:
    """Hand over what a worker's process has recorded last."""
    if SWITCH.flush is not None:
        SWITCH.flush(FLUSH_S)
