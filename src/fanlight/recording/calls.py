"""Methods that send something to a service and wait: wrapped so that each call is one leaf."""

from __future__ import annotations

from functools import wraps

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import SWITCH, current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    What = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def recorded(
    method: Callable[..., Any], name: str, key: str, what: What, leaf: str = ""
) -> Callable[..., Any]:
    """Answer a method that does the same and records it, also when it fails.

    Args:
        method: of a class, synchronous.
        name: of the notification.
        key: what listeners find the payload under.
        what: answers the payload, free of secrets and of the application's objects, for the
            instance, positional and keyword arguments; None for a call that is not to be recorded.
        leaf: what the background knows the call by, the notification's name when it is "".
    """

    @wraps(method)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        # A fast path: nothing is recorded here and now.
        if current() is None or (payload := told(what, self, args, options)) is None:
            return method(self, *args, **options)
        start_ns = clock()
        try:
            result = method(self, *args, **options)
        except BaseException as error:
            over(name, key, payload, type(error).__name__, start_ns, leaf)
            raise
        over(name, key, payload, "", start_ns, leaf)
        return result

    return call


def recorded_async(
    method: Callable[..., Awaitable[Any]], name: str, key: str, what: What, leaf: str = ""
) -> Callable[..., Any]:
    """Answer what `recorded` does, for a coroutine method; a cancelled call has failed."""

    @wraps(method)
    async def call(self: Any, *args: Any, **options: Any) -> Any:
        if current() is None or (payload := told(what, self, args, options)) is None:
            return await method(self, *args, **options)
        start_ns = clock()
        try:
            result = await method(self, *args, **options)
        except BaseException as error:
            over(name, key, payload, type(error).__name__, start_ns, leaf)
            raise
        over(name, key, payload, "", start_ns, leaf)
        return result

    return call


def told(what: What, instance: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Answer the payload of a call, None where it cannot be told: the call goes on unrecorded."""
    try:
        return what(instance, args, options)
    except Exception:
        # The instance may be of the application's own class, and its attributes do anything.
        SWITCH.faults += 1
        return None


def over(name: str, key: str, payload: Any, error: str, start_ns: int, leaf: str = "") -> None:
    """Record a call that has just ended; one that failed has the payload (payload, error)."""
    end_ns = clock()
    # Asked anew: the trace may have ended while an asynchronous call was waiting.
    lane = current()
    if lane is None:
        return
    lane.leaf(leaf or name, (payload, error) if error else payload, start_ns, end_ns)
    if BUS.subscriptions:
        note = {key: payload, "error": error} if error else {key: payload}
        BUS.report(name, note, start_ns, end_ns)
