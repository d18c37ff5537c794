"""RQ: each job as a trace of its own, and what a request enqueues as a call of it."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.calls import recorded
from fanlight.recording.recorder import EXPLICIT, SWITCH, begin, current, finish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any

    from fanlight.instruments import Part

JOB = "app.job"
ENQUEUE = "job.enqueue"
UNREADABLE = "<unreadable job>"
"""Endpoint of a job whose function cannot be told, since its data cannot be read."""
FLUSH_S = 0.5
"""Time that a work horse, which ends without `atexit`, may take to hand over its job."""


def patch(module: ModuleType) -> Mapping[str, Part]:
    """Trace each job under its function's name; within a trace, a synchronous job is a span.

    Args:
        module: `rq.job`.

    Raises:
        LookupError: there is no `Job.perform`.
    """
    job = getattr(module, "Job", None)
    perform = getattr(job, "perform", None)
    if job is None or perform is None:
        raise LookupError("rq has no Job.perform")

    @wraps(perform)
    def performed(self: Any, *args: Any, **options: Any) -> Any:
        opened = begin(JOB, UNREADABLE, UNREADABLE)
        if opened is None:
            return within(perform, self, args, options)
        try:
            result = perform(self, *args, **options)
        except BaseException as error:
            named(opened, self)
            finish(opened, error)
            raise
        named(opened, self)
        finish(opened)
        return result

    job.perform = performed
    return {"rq.queue": patch_queue, "rq.worker": patch_worker}


def patch_queue(module: ModuleType) -> None:
    """Record what puts a job into a queue, now or for later, as a call.

    Args:
        module: `rq.queue`.

    Raises:
        LookupError: `Queue` lacks one of the methods.
    """
    queue = getattr(module, "Queue", None)
    for name in ("_enqueue_job", "schedule_job"):
        if not hasattr(queue, name):
            raise LookupError(f"rq has no Queue.{name}")
    for name in ("_enqueue_job", "schedule_job"):
        setattr(queue, name, recorded(getattr(queue, name), ENQUEUE, "job", enqueued))


def patch_worker(module: ModuleType) -> None:
    """Hand over a job's trace before the process that was forked for it ends.

    Args:
        module: `rq.worker`.

    Raises:
        LookupError: no class of workers has `perform_job`.
    """
    for name in ("BaseWorker", "Worker"):
        worker = getattr(module, name, None)
        perform = vars(worker).get("perform_job") if worker is not None else None
        if perform is not None:
            worker.perform_job = handing_over(perform)  # type: ignore[union-attr]  # it has a method
            return
    raise LookupError("rq has no Worker.perform_job")


def handing_over(perform: Any) -> Any:
    """Answer `perform_job` of a worker that hands over what was recorded if it is a work horse."""

    @wraps(perform)
    def performed(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return perform(self, *args, **options)
        finally:
            if SWITCH.flush is not None and getattr(self, "is_horse", False):
                SWITCH.flush(FLUSH_S)

    return performed


def within(perform: Any, job: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Perform a job that runs within a trace, or where nothing is traced."""
    lane = current()
    if lane is None:
        return perform(job, *args, **options)
    handle = lane.start(JOB, title=name_of(job) or UNREADABLE)
    try:
        return perform(job, *args, **options)
    except BaseException as error:
        lane.annotate(error=type(error).__name__)
        raise
    finally:
        lane.stop(handle)


def named(opened: Any, job: Any) -> None:
    """Name a job's trace, now that the job has read its data; reading it is part of the job."""
    name = name_of(job)
    if name:
        opened.title = name
        opened.set_endpoint(name, EXPLICIT)
    # Not getattr: a job's class may be the application's.
    queue = vars(job).get("origin")
    if queue:
        opened.notes["queue"] = queue


def name_of(job: Any) -> str:
    """Answer a job's function by its name, "" as long as its data have not been read."""
    name = vars(job).get("_func_name")
    if not isinstance(name, str):
        return ""
    instance = vars(job).get("_instance")
    # A method's name alone says little; where its object has not been read, it is none's method.
    kind = type(instance)
    return f"{kind.__name__}.{name}" if kind.__module__ not in ("builtins", "rq.job", "enum") else name


def enqueued(_queue: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer the name of the job that is enqueued."""
    return name_of(args[0] if args else options.get("job")) or UNREADABLE
