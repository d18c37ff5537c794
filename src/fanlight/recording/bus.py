"""The notifications bus: tell that something happens, and let whoever cares listen.

    with notify("cart.load", {"items": 3}) as payload:
        payload["found"] = 2
    publish("cart.emptied")
    subscription = subscribe("cart.load", listener)

A name in a tier (`app.…`, `view.…`, `db.…`), or one that a normalizer knows, becomes a span of the
current trace too. Nobody listening and no such name: one look-up in a dict.
"""

from __future__ import annotations

import _thread
from _contextvars import ContextVar

from fanlight.recording.clock import clock
from fanlight.recording.lanes import running_task
from fanlight.recording.location import location
from fanlight.recording.recorder import current
from fanlight.recording.reduction import described, reduced

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any, Self

    from fanlight.recording.lanes import Lane

    Pattern = str | re.Pattern[str] | None
    Plan = tuple[tuple["Subscription", ...], bool]

TIERS = frozenset({"app", "view", "db", "api", "cache", "job", "noise", "other"})
PLANS_MAX = 10_000
"""Names that are remembered; further ones are worked out anew each time."""


class Subscription:
    """A listener and the names that it hears; also a context manager that ends it.

    Args:
        pattern: None for all names, a text for that name, a compiled expression for its matches.
        listener: with `start` and `finish` it is told of both as they happen, and with `publish`
            of point events; anything else is called once, at the end.
    """

    __slots__ = ("finish", "listener", "pattern", "publish", "start")

    def __init__(self, pattern: Pattern, listener: Any) -> None:
        self.pattern = pattern
        self.listener = listener
        evented = hasattr(listener, "start") and hasattr(listener, "finish")
        self.start: Callable[..., object] | None = listener.start if evented else None
        self.finish: Callable[..., object] | None = listener.finish if evented else None
        self.publish: Callable[..., object] | None = getattr(listener, "publish", None)

    def hears(self, name: str) -> bool:
        """Answer whether this listener wants notifications of that name."""
        pattern = self.pattern
        if pattern is None or isinstance(pattern, str):
            return pattern is None or pattern == name
        return pattern.search(name) is not None

    def cancel(self) -> None:
        """End the subscription; a second call does nothing."""
        BUS.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cancel()


class Plans(dict[str, "Plan | None"]):
    """What is to be done for each name; None for nothing at all."""

    def __missing__(self, name: str) -> Plan | None:
        if not isinstance(name, str):
            BUS.refuse(name)
            return None
        heard = tuple(each for each in BUS.subscriptions if each.hears(name))
        is_span = name in BUS.spans or name.partition(".")[0] in TIERS
        plan = (heard, is_span) if heard or is_span else None
        if len(self) < PLANS_MAX:
            self[name] = plan
        return plan


class Bus:
    """Who listens in this process.

    Listeners from before `fanlight.start()` stay; neither start nor stop touches them. Every change
    is one assignment, so no lock is held at a fork.

    Attributes:
        subscriptions: in the order in which they came.
        spans: names outside the tiers that become spans.
        plans: by name; a new one after each change.
        faults: exceptions of listeners, kept from the application; for tests, reported to nobody.
        refused: whether a name that is no text was told of.
    """

    __slots__ = ("faults", "plans", "refused", "spans", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.spans: frozenset[str] = frozenset()
        self.plans = Plans()
        self.faults = 0
        self.refused = False

    def add(self, subscription: Subscription) -> None:
        """Let a listener hear from now on."""
        self.subscriptions.append(subscription)
        self.plans = Plans()

    def remove(self, subscription: Subscription) -> None:
        """Let a listener hear nothing more."""
        self.subscriptions[:] = [each for each in self.subscriptions if each is not subscription]
        self.plans = Plans()

    def tell(self, listener: Callable[..., object], *what: Any) -> None:
        """Call a listener; what goes wrong in it stays here."""
        try:
            listener(*what)
        except Exception:
            # A listener that fails must not fail the code that it listens to.
            self.faults += 1

    def refuse(self, name: object) -> None:
        """Say once that a name is no text; what it was to tell of goes on unheard.

        Its type is told, never its value, whose class may do anything when it is shown.
        """
        if self.refused:
            return
        self.refused = True
        from fanlight.log import LOG

        kind, place = type(name).__name__, location() or "a place that is not known"
        LOG.warning(f"the name of a notification is a text, such as 'cart.load', not {kind}: {place}")

    def report(self, name: str, payload: Any, start_ns: int, end_ns: int) -> None:
        """Tell listeners of something that is already over and recorded, as instruments do."""
        plan = self.plans[name]
        if plan is None or not plan[0]:
            return
        key = context_id()
        for each in plan[0]:
            if each.start is not None and each.finish is not None:
                self.tell(each.start, name, key, payload)
                self.tell(each.finish, name, key, payload)
            else:
                self.tell(each.listener, name, start_ns, end_ns, key, payload)


BUS = Bus()


class Void(dict[str, "Any"]):
    """The payload of a notification that nobody hears: what is put in is gone."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Forget it."""

    def update(self, *args: Any, **values: Any) -> None:
        """Forget them."""

    def setdefault(self, _key: str, default: Any = None) -> Any:
        """Answer the default and forget it."""
        return default


class Quiet:
    """A notification that nobody hears.

    Args:
        payload: what the block gets.
    """

    __slots__ = ("payload",)

    def __init__(self, payload: Any) -> None:
        self.payload = payload

    def __enter__(self) -> Any:
        return self.payload

    def __exit__(self, *exception: object) -> None:
        pass


QUIET = Quiet(Void())


class Notification:
    """A block that listeners hear of and that may be a span.

    It holds its own start, so that threads and nested blocks can't mix theirs up.

    Args:
        name: what happens.
        payload: a dict that the block may fill in, or any other value.
        plan: who hears it, and whether it is a span.
    """

    __slots__ = ("handle", "heard", "is_span", "key", "lane", "name", "payload", "start_ns")

    def __init__(self, name: str, payload: Any, plan: Plan) -> None:
        self.name = name
        self.payload = payload
        self.heard, self.is_span = plan
        self.key = ""
        self.lane: Lane | None = None
        self.handle = self.start_ns = 0

    def __enter__(self) -> Any:
        name, payload = self.name, self.payload
        if self.heard:
            self.key = context_id()
            for each in self.heard:
                if each.start is not None:
                    BUS.tell(each.start, name, self.key, payload)
        if self.is_span:
            self.lane = lane = current()
            if lane is not None:
                self.handle = lane.start(name, payload)
        if self.heard:
            self.start_ns = clock()
        return payload

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        name, payload = self.name, self.payload
        end_ns = clock() if self.heard else 0
        if error is not None and isinstance(payload, dict):
            payload["exception"] = described(error) if self.heard else type(error).__name__
        if self.lane is not None:
            self.lane.stop(self.handle)
            self.lane = None
        for each in self.heard:
            if each.finish is not None:
                BUS.tell(each.finish, name, self.key, payload)
            else:
                BUS.tell(each.listener, name, self.start_ns, end_ns, self.key, payload)


def notify(name: str, payload: Any = None) -> Notification | Quiet:
    """Tell that the `with` block happens; the block gets the payload and may add to it.

    An exception in the block is put into a dict payload as `exception`, and goes on. What stays of
    the payload in a trace is what `annotate` would keep of it.

    Args:
        name: such as `cart.load`; in a tier (`app.cart.load`) it is a span as well. What is no text
            is told once on stderr, and the block runs unheard.
        payload: a dict, or any value; an empty dict when left out.
    """
    try:
        plan = BUS.plans[name]
    except TypeError:
        # A list, say, is no key; a wrong name must not break the application.
        plan = None
        BUS.refuse(name)
    if plan is None:
        return QUIET if payload is None else Quiet(payload)
    return Notification(name, {} if payload is None else payload, plan)


def publish(name: str, payload: Any = None) -> None:
    """Tell that something happened at this moment.

    Args:
        name: as for `notify`; in a tier it is a span without duration.
        payload: a dict, or any value.
    """
    try:
        plan = BUS.plans[name]
    except TypeError:
        plan = None
        BUS.refuse(name)
    if plan is None:
        return
    heard, is_span = plan
    payload = {} if payload is None else payload
    now_ns = clock()
    lane = current() if is_span else None
    if lane is not None:
        lane.leaf(name, reduced(payload), now_ns, now_ns)
    if not heard:
        return
    key = context_id()
    for each in heard:
        if each.publish is not None:
            BUS.tell(each.publish, name, key, payload)
        elif each.start is None:
            BUS.tell(each.listener, name, now_ns, now_ns, key, payload)


def subscribe(pattern: Pattern, listener: Any) -> Subscription:
    """Let a listener hear notifications; works before `fanlight.start()` and stays after it.

    Args:
        pattern: None for all names, a text for that very name, a compiled regular expression for
            the names that it finds something in.
        listener: called as `listener(name, start_ns, end_ns, id, payload)` when a block is over; or
            an object with `start(name, id, payload)` and `finish(name, id, payload)`, and perhaps
            `publish(name, id, payload)` for moments. `id` is a text that tells execution contexts
            (threads, tasks) apart. Times are monotonic nanoseconds. What it raises is swallowed, and
            shown nowhere.

    Returns:
        the subscription: `cancel()` ends it, and so does the end of a `with` block around it.
    """
    subscription = Subscription(pattern, listener)
    BUS.add(subscription)
    return subscription


def record(names: Iterable[str]) -> None:
    """Let notifications of these names become spans, though they lie in no tier."""
    BUS.spans = frozenset(names)
    BUS.plans = Plans()


# The id belongs to one execution context; only a context variable is that.
CONTEXT: ContextVar[tuple[str, int, Any]] = ContextVar("fanlight_context")


def context_id() -> str:
    """Answer a text that is the same throughout a thread or an asyncio task, and nowhere else."""
    thread = _thread.get_ident()
    task = running_task()
    held = CONTEXT.get(None)
    # A task starts with a copy of its creator's context, hence with its creator's id.
    if held is not None and held[1] == thread and (held[2]() if held[2] is not None else None) is task:
        return held[0]
    from os import urandom
    from weakref import ref

    key = urandom(10).hex()
    CONTEXT.set((key, thread, None if task is None else ref(task)))
    return key
