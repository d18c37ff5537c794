"""Python's logging: what is written at WARNING and above inside of a trace becomes part of it."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.clock import clock
from fanlight.recording.lanes import lane_here
from fanlight.recording.location import OWN
from fanlight.recording.recorder import SWITCH, current
from fanlight.recording.reduction import plain, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "log.record"
WARNING = 30
RECORDS = 32
"""Records that a trace keeps; how many more there were stands in its root's annotation `MORE`."""
MORE = "log.more"
COUNT = "\0log"
"""Key of their number among what a trace has seen: no statement is called so."""
NAME_CHARACTERS = 120
TEXT_CHARACTERS = 1_000
OURS = "fanlight"
PATH = "<path>"
"""Stands for an argument that begins with a slash: a request's path, more often than not."""


def patch(module: ModuleType) -> None:
    """Record each record that a logger hands to its handlers, with the time that these take.

    What a logger's level or filters hold back is not recorded; below WARNING and outside of a trace
    it costs one comparison.

    Args:
        module: `logging`.

    Raises:
        LookupError: there is no `Logger.callHandlers`, which every record passes.
    """
    logger = getattr(module, "Logger", None)
    call = getattr(logger, "callHandlers", None)
    if logger is None or call is None:
        raise LookupError("logging has no Logger.callHandlers")

    @wraps(call)
    def called(self: Any, record: Any) -> Any:
        # A fast path: nothing to keep, or nowhere to keep it.
        if record.levelno < WARNING or lane_here() is None:
            return call(self, record)
        start_ns = clock()
        try:
            return call(self, record)
        finally:
            note(record, start_ns)

    logger.callHandlers = called


def note(record: Any, start_ns: int) -> None:
    """Record a record that its handlers have just been given; nothing of it is kept but text."""
    lane = current()
    trace = None if lane is None else lane.trace
    if lane is None or trace is None:
        return
    try:
        name = str(plain(record.name))
        # What we say about ourselves belongs to no request.
        if name.partition(".")[0] == OURS:
            return
        count = lane.seen.get(COUNT, 0) + 1
        lane.seen[COUNT] = count
        if count > RECORDS:
            trace.notes[MORE] = count - RECORDS
            return
        payload = (int(record.levelno), name[:NAME_CHARACTERS], message(record), failure(record))
        path = OWN[record.pathname] if record.pathname.__class__ is str else ""
        where = f"{path}:{record.lineno}" if path else ""
        lane.events.append((start_ns, clock(), NOTIFICATION, payload, where))
    except Exception:
        # A record is whatever the application's factory made; the program that logs goes on.
        SWITCH.faults += 1


def message(record: Any) -> str:
    """Answer what a record says, cut, without running code of the application's own classes.

    A handler that formats the record leaves the text in it. Where none has, arguments that only
    their own class can show stand as `<module.Class>`, as nobody has asked them yet.
    """
    arguments = record.args
    given = tuple(arguments.values()) if arguments.__class__ is dict else arguments
    text = record.__dict__.get("message")
    if text.__class__ is not str:
        text = written(str(plain(record.msg)), arguments)
    text = text[:TEXT_CHARACTERS]
    for value in given if given.__class__ is tuple else ():
        if value.__class__ is str and value[:1] == "/":
            text = text.replace(value[:TEXT_CHARACTERS], PATH)
    return text


def written(text: str, arguments: Any) -> str:
    """Answer a message with its arguments put in, or as it stands where they do not fit."""
    try:
        if arguments.__class__ is dict:
            return text % {key: short(value) for key, value in arguments.items()}
        return text % tuple(map(short, arguments)) if arguments else text
    except Exception:
        # logging itself would complain on stderr; the template still tells what happened.
        return text


def short(value: Any) -> Any:
    """Answer an argument as a plain value of bounded length."""
    value = plain(value)
    return value[:TEXT_CHARACTERS] if value.__class__ is str else value


def failure(record: Any) -> str:
    """Answer the type name of the exception that a record carries, "" without one."""
    info = record.exc_info
    kind = info[0] if info.__class__ is tuple and info else None
    return type_name(kind) if isinstance(kind, type) else ""
