"""RQ: each job as a trace of its own, and what a request enqueues as a call of it."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.calls import recorded
from fanlight.recording.recorder import EXPLICIT, SWITCH, begin, current, finish
from fanlight.recording.traceparent import NAME, outgoing

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
        opened.ident = brought(self)
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
    """Record what puts a job into a queue, now or for later, as a call; the job takes the trace's id along.

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
        setattr(queue, name, recorded(marking(getattr(queue, name)), ENQUEUE, "job", enqueued))
    create = getattr(queue, "create_job", None)
    if create is not None:
        # One that waits for another is stored here and enqueued by whoever ends that one.
        queue.create_job = marking_created(create)  # type: ignore[union-attr]  # it has a method


def marking(method: Any) -> Any:
    """Answer a method that takes a job, and marks it with the trace's id first."""

    @wraps(method)
    def marked(self: Any, job: Any, *args: Any, **options: Any) -> Any:
        mark(job)
        return method(self, job, *args, **options)

    return marked


def marking_created(create: Any) -> Any:
    """Answer a method that answers a job, marked with the trace's id."""

    @wraps(create)
    def created(self: Any, *args: Any, **options: Any) -> Any:
        job = create(self, *args, **options)
        mark(job)
        return job

    return created


def mark(job: Any) -> None:
    """Give a job the id of the trace that enqueues it, unless it has one."""
    header = outgoing()
    if not header:
        return
    known = getattr(job, "__dict__", {})
    meta = known.get("meta")
    # What could not be read is written back as it is, unless somebody touches it.
    if type(meta) is dict and NAME not in meta and known.get("_unreadable_meta") is None:
        # The dict may be the application's own, for all of its jobs.
        job.meta = {**meta, NAME: header}


def brought(job: Any) -> Any:
    """Answer the `traceparent` that a job brings, 0 for none."""
    meta = getattr(job, "__dict__", {}).get("meta")
    return (meta.get(NAME) if type(meta) is dict else None) or 0


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
