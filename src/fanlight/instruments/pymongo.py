"""PyMongo: commands with their collections, never a document, of clients made after this."""

from __future__ import annotations

from contextvars import ContextVar

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

NOTIFICATION = "mongo.command"
NAMING = frozenset(
    {
        *("find", "insert", "update", "delete", "aggregate", "count", "distinct", "findAndModify"),
        *("createIndexes", "listIndexes", "dropIndexes", "create", "drop", "collMod", "mapReduce"),
        *("killCursors", "getMore"),
    }
)
"""Commands that name a collection; the value of another may be a user's name, or code."""


def patch(module: ModuleType) -> None:
    """Listen to commands by the library's own monitoring; a cancelled one is not told by it.

    Args:
        module: `pymongo.monitoring`.

    Raises:
        LookupError: there is no `register` or no `CommandListener`.
    """
    register, base = getattr(module, "register", None), getattr(module, "CommandListener", None)
    if register is None or base is None:
        raise LookupError("pymongo.monitoring has no register and CommandListener")
    register(listener_class(base)())


def listener_class(base: Any) -> Any:
    """Answer a class that records commands, as the library wants it derived."""

    class Recorder(base):  # type: ignore[misc]  # the class is known only at run time
        """Hears of a command twice, the second time without its collection."""

        def __init__(self) -> None:
            # Of the command that is under way in this context, so nothing piles up.
            self.under_way: ContextVar[tuple[int, str] | None] = ContextVar("fanlight_mongo", default=None)

        def started(self, event: Any) -> None:
            """Keep the collection."""
            if current() is not None:
                self.under_way.set((event.request_id, collection(event.command_name, event.command)))

        def succeeded(self, event: Any) -> None:
            """Record an answered command."""
            self.over(event, "")

        def failed(self, event: Any) -> None:
            """Record a failed command with the kind of its failure."""
            failure = event.failure
            kind = failure.get("errtype") or failure.get("codeName") if isinstance(failure, dict) else ""
            self.over(event, str(kind or "OperationFailure"))

        def over(self, event: Any, error: str) -> None:
            begun, lane = self.under_way.get(), current()
            if lane is None or begun is None or begun[0] != event.request_id:
                return
            end_ns = clock()
            start_ns = end_ns - event.duration_micros * 1_000
            payload = (event.command_name, begun[1], error)
            lane.leaf(NOTIFICATION, payload, start_ns, end_ns)
            if BUS.subscriptions:
                note = dict(zip(("command", "collection", "error"), payload, strict=True))
                BUS.report(NOTIFICATION, note, start_ns, end_ns)

    return Recorder


def collection(name: str, command: Any) -> str:
    """Answer the collection that a command is about, "" for none."""
    found = command.get("collection" if name == "getMore" else name) if name in NAMING else ""
    return found if isinstance(found, str) else ""
