"""SIGTERM under a server that leaves it to the system: what waits is sent, and the signal ends the process.

A handler is there only while the server's loop runs in the main thread and nobody else handles the signal,
and not while that thread is the application's: Python calls a handler between two of its own steps, so one
behind a long call into a library would put the end off. The loop itself waits in the kernel, which the signal
interrupts.
"""

from __future__ import annotations

import _thread
import os
from _thread import allocate_lock, get_ident

from fanlight.recording.recorder import SWITCH
from fanlight.recording.wsgi import Body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

BUILT_IN: type = type(len)
DELAY_S = 0.5
"""How long the end may be put off where nobody takes what waits."""
DRAIN_S = 0.01
"""How long requests that are under way may still end, so that what they have answered is sent, too."""


class Loop:
    """The loop of a server in the main thread of this process.

    Attributes:
        thread: identity of the thread; 0 while no loop runs that minds the signal.
        hooked: whether a fork's child puts the signal back.
        signal: the module, kept because a fork's child must import nothing.
    """

    __slots__ = ("hooked", "signal", "thread")

    signal: ModuleType

    def __init__(self) -> None:
        self.thread = 0
        self.hooked = False

    def mind(self, does: Any, instead_of: Any) -> None:
        """Handle the signal in another way, unless somebody handles it in a third one by now."""
        signal = self.signal
        if signal.getsignal(signal.SIGTERM) is instead_of:
            signal.signal(signal.SIGTERM, does)


LOOP = Loop()


def minding(serve: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a server's loop that, when SIGTERM ends the process, has what waits sent first."""

    def serve_minding(*arguments: Any, **options: Any) -> Any:
        begun = begin()
        try:
            return serve(*arguments, **options)
        finally:
            if begun:
                end()

    serve_minding.__wrapped__ = serve  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    return serve_minding


def begin() -> bool:
    """Mind the signal from now on; answer False where it is not ours to mind."""
    # The first process of a container survives a signal that nobody handles; where greenlets share a
    # thread, none of them may wait.
    if LOOP.thread or SWITCH.flush is None or os.getpid() == 1 or _thread.get_ident.__class__ is not BUILT_IN:
        return False
    import signal

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return False
    try:
        signal.signal(signal.SIGTERM, leave)
    except ValueError:
        # Handlers are the main thread's.
        return False
    LOOP.signal = signal
    LOOP.thread = get_ident()
    if not LOOP.hooked and hasattr(os, "register_at_fork"):
        LOOP.hooked = True
        os.register_at_fork(after_in_child=end)
    return True


def end() -> None:
    """Let the signal do again what it does by itself, for good."""
    if LOOP.thread:
        hand_back()
        LOOP.thread = 0


def hand_back() -> None:
    """Let the signal do what it does by itself."""
    LOOP.mind(LOOP.signal.SIG_DFL, leave)


def take_back() -> None:
    """Mind the signal again."""
    LOOP.mind(leave, LOOP.signal.SIG_DFL)


def aside(app: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Answer a WSGI application while which the signal is not minded, where it runs in the loop's thread.

    A body that is not complete yet runs as the application does, so then it is minded again by `again`.
    """

    def call(environ: Any, start_response: Any) -> Any:
        if LOOP.thread != get_ident():
            return app(environ, start_response)
        hand_back()
        body: Any = None
        try:
            body = app(environ, start_response)
        finally:
            if SWITCH.sink is not None and body is not None and not isinstance(body, Body):
                take_back()
        return body

    call.__wrapped__ = app  # type: ignore[attr-defined]
    return call


def again(come_by: Callable[..., Any]) -> Callable[..., Any]:
    """Answer what the loop calls between two requests such that the signal is minded again."""

    def come_by_minding(*arguments: Any) -> Any:
        if LOOP.thread == get_ident():
            take_back()
        return come_by(*arguments)

    return come_by_minding


def leave(number: int, _frame: Any) -> None:
    """Send what waits, and end the process by the signal as if nobody had handled it."""
    before = SWITCH.sample, SWITCH.draw, SWITCH.sink
    door = allocate_lock()
    door.acquire()
    try:
        send(lambda *_: door.acquire())
    finally:
        LOOP.signal.signal(number, LOOP.signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # Nobody comes by here, unless the system keeps the signal from the process.
        SWITCH.sample, SWITCH.draw, SWITCH.sink = before
        door.release()


def send(wait: Callable[..., Any]) -> None:
    """Send what waits, in time.

    Args:
        wait: never returns. Threads that serve go on meanwhile, and would answer what is sent no more:
            first those wait that begin a request, then those that have ended one and not answered yet.
    """
    flush = SWITCH.flush
    if flush is None:
        return
    SWITCH.draw = wait
    SWITCH.sample = 0.0
    if flush(DELAY_S):
        pause = allocate_lock()
        pause.acquire()
        pause.acquire(True, DRAIN_S)
        SWITCH.sink = wait
        flush(DELAY_S)
