"""psycopg 3: statements of its cursors, synchronous and asynchronous."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from functools import wraps

from fanlight.recording.bus import BUS
from fanlight.recording.calls import recorded, recorded_async
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import ModuleType
    from typing import Any

    from fanlight.recording.lanes import Lane

NOTIFICATION = "sql.query"
METHODS = ("execute", "executemany", "copy")
MARK = "fanlight_records"
"""An instrument above the driver asks a cursor for this, so that a statement counts once."""


def patch(module: ModuleType) -> None:
    """Record what cursors execute and copy; cursors of every kind derive from these.

    Args:
        module: `psycopg`.

    Raises:
        LookupError: a cursor lacks one of the methods.
    """
    for name in ("Cursor", "AsyncCursor"):
        for method in METHODS:
            if not hasattr(getattr(module, name, None), method):
                raise LookupError(f"psycopg has no {name}.{method}")
    for name, recording, within in (
        ("Cursor", recorded, copying),
        ("AsyncCursor", recorded_async, copying_async),
    ):
        cursor = getattr(module, name)
        # A cursor kept by the server declares it by a method of its own.
        server = getattr(module, name.replace("Cursor", "ServerCursor"), None)
        for place in (cursor, server):
            if place is not None and "execute" in vars(place):
                place.execute = recording(place.execute, NOTIFICATION, "sql", statement)
        cursor.executemany = recording(cursor.executemany, NOTIFICATION, "sql", statement)
        cursor.copy = recorded_copy(cursor.copy, within)
        setattr(cursor, MARK, True)


def statement(cursor: Any, args: tuple[Any, ...], options: dict[str, Any]) -> str:
    """Answer the text of a statement, which may be composed of objects; "" when it has none."""
    query = args[0] if args else options.get("query", options.get("statement"))
    if isinstance(query, str):
        return query
    if not isinstance(query, bytes):
        compose = getattr(query, "as_bytes", None)
        if compose is None:
            return ""
        try:
            query = compose(cursor)
        except Exception:
            # The same goes wrong once more in the driver, which tells the application.
            return ""
    return bytes(query).decode("utf-8", "replace")


def recorded_copy(copy: Callable[..., Any], within: Callable[[Lane, Any, str], Any]) -> Callable[..., Any]:
    """Answer a method that does the same, with its block as a span: the application works in there.

    Args:
        copy: of a cursor.
        within: answers the block with the span around it.
    """

    @wraps(copy)
    def copy_and_record(self: Any, *args: Any, **options: Any) -> Any:
        block = copy(self, *args, **options)
        lane = current()
        return block if lane is None else within(lane, block, statement(self, args, options))

    return copy_and_record


@contextmanager
def copying(lane: Lane, block: Any, sql: str) -> Iterator[Any]:
    """Answer a synchronous block as a span."""
    handle, start_ns = lane.start(NOTIFICATION, sql), clock()
    try:
        with block as copied:
            yield copied
    except BaseException as error:
        lane.annotate(error=type(error).__name__)
        raise
    finally:
        over(lane, handle, sql, start_ns)


@asynccontextmanager
async def copying_async(lane: Lane, block: Any, sql: str) -> AsyncIterator[Any]:
    """Answer an asynchronous block as a span."""
    handle, start_ns = lane.start(NOTIFICATION, sql), clock()
    try:
        async with block as copied:
            yield copied
    except BaseException as error:
        lane.annotate(error=type(error).__name__)
        raise
    finally:
        over(lane, handle, sql, start_ns)


def over(lane: Lane, handle: int, sql: str, start_ns: int) -> None:
    """Close the span of a block that copied."""
    lane.stop(handle)
    if BUS.subscriptions:
        BUS.report(NOTIFICATION, {"sql": sql}, start_ns, clock())
