"""What is made in another network namespace than ours, and stays in it for ever: a socket."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Made = TypeVar("Made")

CLONE_NEWNET = 0x40000000


def within(namespace: str, make: Callable[[], Made]) -> Made:
    """Answer what a call makes inside a network namespace.

    A thread of its own enters it and ends there: the rest of the process stays where it is.

    Args:
        namespace: its path, such as `/proc/7/ns/net`.
        make: called in it.

    Raises:
        OSError: there is no such namespace, or entering it is not allowed (CAP_SYS_ADMIN).
    """
    import threading

    made: list[Made] = []
    failed: list[OSError] = []

    def visit() -> None:
        try:
            enter(namespace)
            made.append(make())
        except OSError as error:
            failed.append(error)

    visitor = threading.Thread(target=visit, name="fanlight-namespace", daemon=True)
    visitor.start()
    visitor.join()
    if failed:
        raise failed[0]
    return made[0]


def enter(namespace: str) -> None:
    """Move the calling thread into a network namespace."""
    file = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if hasattr(os, "setns"):
            os.setns(file, CLONE_NEWNET)
            return
        # Before Python 3.12.
        import ctypes

        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(file, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"cannot enter {namespace}: {os.strerror(code)}")
    finally:
        os.close(file)
