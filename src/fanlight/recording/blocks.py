"""What an application writes itself: `trace`, `annotate`, `mark`, `mute`, `endpoint` and `instrument`."""

from __future__ import annotations

import _thread

from fanlight.recording import lanes
from fanlight.recording.clock import clock
from fanlight.recording.lanes import LANE, LEFT, MUTED, collecting, followed, lane_here, own_lane, put
from fanlight.recording.recorder import EXPLICIT, begin, current, finish, fresh_trace, is_open
from fanlight.recording.reduction import plain, reduce_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from contextvars import Token
    from typing import Any, TypeVar, overload

    from fanlight.recording.lanes import Lane
    from fanlight.recording.recorder import Trace

    F = TypeVar("F")

METHOD = "app.method"
JOB = "app.job"

# Bits of a code object's flags, as `inspect` names them.
GENERATOR = 0x20
COROUTINE = 0x80
ASYNC_GENERATOR = 0x200


class trace:  # noqa: N801  read as a statement: with fanlight.trace("nightly import"): …
    """Trace a block that no server request surrounds: a script, a job, a consumer's message.

    Inside another trace the block belongs to that one, which `as` then answers. Over a function, plain
    or asynchronous, it traces each call: a thread's target, say, or what an executor is given.

    Args:
        endpoint: what it is listed under: one of few names, not one per item.
        category: of the root span.
        title: of the root span, the endpoint when None.
    """

    __slots__ = ("category", "endpoint", "opened", "title")

    def __init__(self, endpoint: str, category: str = JOB, title: str | None = None) -> None:
        self.endpoint = endpoint
        self.category = category
        self.title = endpoint if title is None else title
        self.opened: Trace | None = None

    def __enter__(self) -> Trace:
        opened = begin(self.category, self.title, self.endpoint)
        self.opened = opened
        if opened is not None:
            opened.rank = EXPLICIT
            return opened
        lane = lane_here()
        outer = None if lane is None else lane.trace
        if outer is not None and is_open(outer):
            return outer
        # The agent is off: what the block says about its trace goes nowhere.
        return fresh_trace(self.category, self.title, self.endpoint, clock())

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self.opened is not None:
            finish(self.opened, error)

    def __call__(self, function: F) -> F:
        """Answer the function such that each call is traced, in a trace of its own."""
        about = (self.endpoint, self.category, self.title)

        def wrapper(*args: Any, **keywords: Any) -> Any:
            with trace(*about):
                return function(*args, **keywords)  # type: ignore[operator]  # what is decorated is called

        async def awaiting(*args: Any, **keywords: Any) -> Any:
            with trace(*about):
                return await function(*args, **keywords)  # type: ignore[operator]  # likewise

        is_coroutine = getattr(getattr(function, "__code__", None), "co_flags", 0) & COROUTINE
        return dressed(awaiting if is_coroutine else wrapper, function)  # type: ignore[no-any-return]


def annotate(**notes: Any) -> None:
    """Attach annotations to the innermost open span; outside a trace nothing happens.

    Args:
        notes: text, numbers and booleans stay as they are; a dict's entries become annotations named
            `note.entry`, one level deep; None is left out, anything else becomes a short text. What
            a name such as `api_key` holds is replaced by `<redacted>`.
    """
    lane = current()
    if lane is not None:
        lane.annotate(**notes)


def mark(title: str, category: str = "app.mark", /, **attributes: Any) -> None:
    """Record this moment as a span without duration; outside a trace nothing happens.

    Args:
        title: what happens; one of few, not one per user or item.
        category: dotted lower-case path that begins with a tier, such as `cache.eviction`.
        attributes: annotations, as `annotate` takes them.
    """
    lane = current()
    if lane is None:
        return
    now_ns = clock()
    title = title if title.__class__ is str else str(plain(title))
    if attributes:
        reduce_values(attributes)
        lane.events.append((now_ns, category, title, attributes))
    else:
        lane.events.append((now_ns, category, title))
    lane.events.append(now_ns)


class Muting:
    """A `with` block that is not recorded, or that is recorded again.

    Args:
        limit: of the lane inside; `MUTED`, or 0 where recording goes on.
    """

    __slots__ = ("before", "inside", "limit", "task")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.inside: Lane | None = None

    def __enter__(self) -> None:
        before = None if collecting() else lane_here()
        # The innermost block decides; one that says what holds already changes nothing.
        if before is None or not is_open(before.trace) or (before.limit < 0) == (self.limit < 0):
            return
        # What a copied context shows is somebody else's.
        before = own_lane(before)
        # A lane of its own: tasks and threads that are started inside take after it.
        inside = before.fork()
        inside.owner, inside.limit = _thread.get_ident(), self.limit
        self.before, self.inside, self.task = before, inside, id(lanes.running_task())
        put(inside)

    def __exit__(self, *exception: object) -> None:
        task = lanes.running_task()
        # A task that drops whoever muted ends the block too; what it was itself started in stays muted.
        if self.inside is None or (task is not None and id(task) != self.task):
            return
        # By value: it may end in another context, or after its trace; calls may have left a further lane.
        here = lane_here()
        while here is not None and here is not self.inside:
            here = here.before or here.parent
        if here is not None:
            # A generator may have come to another thread inside.
            self.before.owner = (here.after or here).owner
            put(self.before)


def mute() -> Muting:
    """Record no spans of what a `with` statement encloses, nor of tasks and threads started in it.

    Lines of the log and annotations that come up there are left out as well.

    The time stays in the span around it; the trace is counted as ever, and may still get its
    endpoint's name inside. Listeners hear what they heard before. Outside a trace nothing happens.
    """
    return Muting(MUTED)


def unmute() -> Muting:
    """Record what a `with` statement encloses though it stands inside a muted one.

    Its spans stand under the span that was open where muting began. The innermost of `mute` and
    `unmute` decides; where nothing is muted, nothing changes.
    """
    return Muting(0)


def endpoint(name: str) -> None:
    """Name the endpoint of the trace that is open here, over whatever an instrument found.

    Args:
        name: one of few names, such as a route's template; never a URL.
    """
    lane = lane_here()
    opened = None if lane is None else lane.trace
    if opened is not None:
        opened.set_endpoint(str(name), EXPLICIT)
        # Nobody else will name it, so nothing of its framework is kept for that.
        opened.asked = None


if TYPE_CHECKING:

    @overload
    def instrument(function: F, /) -> F: ...

    @overload
    def instrument(*, title: str | None = None, category: str = METHOD) -> Callable[[F], F]: ...


def instrument(function: Any = None, /, *, title: str | None = None, category: str = METHOD) -> Any:
    """Decorate a function so that each of its calls is a span.

    Takes functions, coroutine functions, generators and asynchronous ones, `classmethod` and
    `staticmethod` objects; name, documentation and signature stay. A generator's span lasts from
    its first item to its end, and holds what the generator does, not what its consumer does.

    Args:
        function: what `@instrument` stands over; absent when it is given arguments.
        title: of the span, `Class.method` when None.
        category: of the span, beginning with a tier.
    """
    if function is None:
        return lambda decorated: instrumented(decorated, title, category)
    return instrumented(function, title, category)


def instrumented(function: Any, title: str | None, category: str) -> Any:
    """Answer the function, or class or static method, with a span around each call."""
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(instrumented(function.__func__, title, category))
    name = function.__qualname__.rpartition("<locals>.")[2] if title is None else title
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    wrapper: Any
    if flags & COROUTINE:
        wrapper = around_coroutine(function, name, category)
    elif flags & ASYNC_GENERATOR:
        wrapper = around_async_generator(function, name, category)
    elif flags & GENERATOR:
        wrapper = around_generator(function, name, category)
    else:
        wrapper = around(function, name, category)
    return dressed(wrapper, function)


def dressed(wrapper: Any, function: Any) -> Any:
    """Give a wrapper the name, documentation and signature of what it wraps."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        if hasattr(function, attribute):
            setattr(wrapper, attribute, getattr(function, attribute))
    wrapper.__dict__.update(getattr(function, "__dict__", {}))
    wrapper.__wrapped__ = function
    return wrapper


def around(function: Any, title: str, category: str) -> Any:
    """Answer a function whose call is a span around the call of `function`."""

    def wrapper(*args: Any, **keywords: Any) -> Any:
        lane = current()
        if lane is None:
            return function(*args, **keywords)
        lane.events.append((clock(), category, title))
        with lane:
            return function(*args, **keywords)

    return wrapper


def around_coroutine(function: Any, title: str, category: str) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Answer a coroutine function whose run is a span."""

    async def wrapper(*args: Any, **keywords: Any) -> Any:
        lane = current()
        if lane is None:
            return await function(*args, **keywords)
        # By handle: a coroutine that is thrown away ends whenever the collector finds it.
        handle = lane.start(category, title=title)
        try:
            return await function(*args, **keywords)
        except BaseException as error:
            lane.events.append({"error": type(error).__name__})
            raise
        finally:
            lane.stop(handle)

    return wrapper


def around_generator(function: Any, title: str, category: str) -> Callable[..., Generator[Any, Any, Any]]:
    """Answer a generator function whose run is a span on a lane of its own."""

    def wrapper(*args: Any, **keywords: Any) -> Any:
        generator = function(*args, **keywords)
        side = Side.beside(current(), title, category)
        if side is None:
            return (yield from generator)
        step, given = generator.send, None
        try:
            while True:
                try:
                    with side:
                        item = step(given)
                except StopIteration as stop:
                    return stop.value
                try:
                    given = yield item
                    step = generator.send
                except GeneratorExit:
                    with side:
                        generator.close()
                    raise
                except BaseException as error:
                    step, given = generator.throw, error
        finally:
            side.close()

    return wrapper


def around_async_generator(function: Any, title: str, category: str) -> Any:
    """Answer an asynchronous generator function whose run is a span on a lane of its own."""

    async def wrapper(*args: Any, **keywords: Any) -> Any:
        generator = function(*args, **keywords)
        side = Side.beside(current(), title, category) or Side(None)
        step, given = generator.asend, None
        try:
            while True:
                try:
                    with side:
                        item = await step(given)
                except StopAsyncIteration:
                    return
                try:
                    given = yield item
                    step = generator.asend
                except GeneratorExit:
                    with side:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    step, given = generator.athrow, error
        finally:
            side.close()

    return wrapper


class Side:
    """A generator's lane beside its consumer's, with the span that its run is.

    Args:
        lane: None where nothing is recorded.
        handle: closes the span, on the lane that it was `opened` on.
    """

    __slots__ = ("handle", "lane", "opened", "token")

    def __init__(self, lane: Lane | None, handle: int = -1) -> None:
        self.lane = self.opened = lane
        self.handle = handle
        self.token: Token[Lane | None] | None = None

    @classmethod
    def beside(cls, above: Lane | None, title: str, category: str) -> Side | None:
        """Answer a lane that branches off `above` with its span open; None where nothing is recorded."""
        if above is None or collecting():
            return None
        LANE.set(above.fork())
        lane = current()
        LANE.set(above)
        return None if lane is None else cls(lane, lane.start(category, title=title))

    def __enter__(self) -> None:
        """Put the generator's lane on this context, for one step."""
        lane = self.lane
        if lane is None or collecting():
            return
        while lane.brancher:
            lane = lane.after or followed(lane)
        # Only one at a time goes on with a generator, whichever thread and task that is.
        lane.owner = _thread.get_ident()
        self.token = LANE.set(lane)

    def __exit__(self, *_: object) -> None:
        """Put back what the context showed; the generator goes on with what it shows now."""
        token, self.token = self.token, None
        if token is None or collecting():
            return
        inside = lane_here()
        try:
            LANE.reset(token)
        except ValueError:
            # Dropped in the midst of a step, it ends in a context of somebody else's, or in a copy.
            if inside is self.lane:
                LANE.set(None if token.old_value is token.MISSING else token.old_value)
            return
        # It may be a worker's, copied back.
        if inside is not None and inside.owner == _thread.get_ident():
            self.lane = inside
        self.lane.owner = self.opened.owner = LEFT  # type: ignore[union-attr]  # both are there

    def close(self) -> None:
        """Close the span."""
        if self.opened is not None:
            self.opened.stop(self.handle)
