"""The sample shop and its runner: a real application to look at before one's own.

`shop` (Flask, SQLAlchemy, Jinja2) and `payments` (plain WSGI) run under gunicorn through
`fanlight run`, `load` sends them a bounded mix of requests, `runner` starts and stops it all.
The shop is slow on purpose: its order page asks the database once per line.
"""

from __future__ import annotations

NEEDS = ("flask", "gunicorn", "jinja2", "sqlalchemy")
"""Top-level packages that the extra `demo` brings."""


def main(for_s: float | None, as_json: bool, data: str | None) -> int:
    """Run the demo; answer the exit code.

    Args:
        for_s: seconds of load; None goes on until Ctrl-C.
        as_json: print one document `{"sent": …, "endpoints": …}` in place of a table.
        data: the data directory, kept afterwards; None takes a temporary one that is removed.

    Raises:
        MissingExtraError: a package of the extra `demo` is not installed here.
        ConfigError: the data directory already holds requests of a shop.
    """
    from importlib.util import find_spec

    from fanlight.errors import MissingExtraError

    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the demo needs {', '.join(missing)}, not installed in this environment; "
            "install with: pip install 'fanlight[server,demo]'"
        )
    from fanlight.demo.runner import run

    return run(for_s, as_json, data)
