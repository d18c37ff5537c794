"""Commands, one file each. This page picks the light ones by hand, before any library is imported.

FAST PATH: `fanlight run` stands in front of somebody's application and must add almost nothing.
"""

from __future__ import annotations

import sys

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
    arguments = sys.argv[1:] if arguments is None else arguments
    first = arguments[0] if arguments else ""
    if first == "--version":
        from fanlight import __version__

        sys.stdout.write(f"fanlight {__version__}\n")
        return 0
    try:
        if first in LIGHT:
            from importlib import import_module

            return int(import_module(LIGHT[first]).main(arguments[1:]))
        if arguments[:2] == ["serve", "--role"]:
            from fanlight.cli.role import main as play

            return play(arguments[1:])
        from fanlight.cli.commands import main as dispatch

        return dispatch(arguments)
    except (Exception, KeyboardInterrupt) as error:
        from fanlight.cli.failures import report

        return report(error, arguments)
