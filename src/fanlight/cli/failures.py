"""Errors as people meet them: what, where, what was expected, how to mend it; and the exit code."""

from __future__ import annotations

import os
import sys

from fanlight import errors
from fanlight.cli.terminal import clean

LINES = 4
"""An error is never longer than this, so that its first line is still on the screen."""

FAILED = 1
USAGE = 2
UNREACHABLE = 3
MISCONFIGURED = 4
STORE = 5
FORBIDDEN = 6
INTERRUPTED = 130
BROKEN_PIPE = 141

CODES: tuple[tuple[type[BaseException], int], ...] = (
    (errors.ConfigError, MISCONFIGURED),
    (errors.UnreachableError, UNREACHABLE),
    (errors.StoreError, STORE),
    (errors.SpoolError, STORE),
    (PermissionError, FORBIDDEN),
    (KeyboardInterrupt, INTERRUPTED),
    (BrokenPipeError, BROKEN_PIPE),
)


class UsageError(errors.FanlightError):
    """A command line that cannot be read; click has one of its own, which is not always installed."""


def exit_code(error: BaseException) -> int:
    """Answer the exit code that stands for an error."""
    if isinstance(error, UsageError):
        return USAGE
    for kind, code in CODES:
        if isinstance(error, kind):
            return code
    return FORBIDDEN if isinstance(error, OSError) and error.errno == 30 else FAILED


def report(error: BaseException, arguments: list[str]) -> int:
    """Say an error on stderr, in at most four lines; answer the exit code.

    A traceback is for us, not for users: `-vv` or FANLIGHT_DEBUG shows it.
    """
    if isinstance(error, BrokenPipeError):
        # Whoever read us has enough. What is left in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if os.environ.get("FANLIGHT_DEBUG") or "-vv" in arguments[:2]:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    say(message(error))
    return exit_code(error)


def message(error: BaseException) -> str:
    """Answer an error's text; one that is none of ours says how to tell us about it."""
    if isinstance(error, errors.FanlightError) or (isinstance(error, OSError) and not error.errno):
        return str(error)
    if isinstance(error, OSError):
        if isinstance(error, IsADirectoryError) and error.filename:
            path = error.filename
            return f"{path!r} is a directory; name its files, as {os.path.join(path, '*')}"
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    return (
        f"{type(error).__name__}: {error}\n"
        "  this is a defect of Fanlight; FANLIGHT_DEBUG=1 shows where it happened"
    )


def say(text: str) -> None:
    """Write a message to stderr; what it quotes may come from anywhere."""
    lines = text.splitlines() or [""]
    shown = [clean(line)[:1000] for line in lines[:LINES]]
    sys.stderr.write(f"fanlight: {shown[0]}\n" + "".join(f"{line}\n" for line in shown[1:]))
    sys.stderr.flush()
