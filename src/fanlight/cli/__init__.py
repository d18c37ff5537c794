"""Commands, one file each. This page picks the light ones by hand, before any library is imported.

FAST PATH: `fanlight run` stands in front of somebody's application and must add almost nothing.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

LIGHT = {
    "query": "fanlight.cli.logs.query",
    "run": "fanlight.cli.run",
    "setup-server": "fanlight.cli.setup_server",
}
"""Commands that must work where the extra `server` is not installed: no library, options by hand."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answer its exit code.

    Args:
        arguments: what stands behind `fanlight`; the process's own when None.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        if arguments[:1] == ["query"]:
            leave(answered(arguments))
    return answered(arguments)


def answered(arguments: list[str]) -> int:
    """Run one command; answer its exit code."""
    first = arguments[0] if arguments else ""
    if first == "--version":
        from fanlight import __version__

        sys.stdout.write(f"fanlight {__version__}\n")
        return 0
    try:
        if first in LIGHT:
            import gc

            # A short life: what it makes need not be looked through for what nobody holds.
            gc.disable()
            if first == "query":
                from fanlight.cli.logs.plainly import answer

                code = answer(arguments[1:])
                if code is not None:
                    return code
            __import__(LIGHT[first])
            return int(sys.modules[LIGHT[first]].main(arguments[1:]))
        if arguments[:2] == ["serve", "--role"]:
            import gc

            # Until it begins to serve it makes what it keeps: a sixth of its start was looking through that.
            gc.disable()
            from fanlight.cli.role import main as play

            try:
                code = play(arguments[1:])
            except SystemExit as ended:
                # Told to end while it was still starting.
                code = int(ended.code or 0)
            # Whoever comes next waits for the end; and the engine, taken apart, tells of what it leaks.
            leave(code)
        from fanlight.cli.commands import main as dispatch

        return dispatch(arguments)
    except (Exception, KeyboardInterrupt) as error:
        from fanlight.cli.failures import report

        return report(error, arguments)


def leave(code: int) -> NoReturn:
    """End the process.

    FAST PATH: taking an interpreter down costs as much as a small search.
    """
    import atexit

    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError as error:
        from fanlight.cli.failures import report

        code = report(error, [])
    # What was asked for to run at the end runs; what is left out is the taking apart.
    atexit._run_exitfuncs()  # noqa: SLF001 there is no public way to ask for it
    os._exit(code)
