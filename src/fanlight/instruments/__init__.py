"""Libraries that are seen without a change to the application: one file each.

Comes in: a library's module, right after its import, to put the hooks into. Nothing goes out; a
library whose shape is another raises `LookupError` saying what is missing, before anything is
changed. Each is put in once a process, costs next to nothing while no trace is open, and changes no
result, no exception and no type that the application can tell.

A library whose places lie in modules that come one by one has an instrument that waits for the
first of them, and answers the hooks for the others by module name.

To add one: a file here with such a function, and one line in the table. Nothing of the library is
imported: the function waits until the application does.
"""

from __future__ import annotations

import sys

from fanlight.recording.arrival import ARRIVALS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Protocol

    Part = Callable[[ModuleType], None]
    Parts = Mapping[str, Part]

    class Instrument(Protocol):
        """What each file of this room offers."""

        def __call__(self, module: ModuleType, /) -> Parts | None:
            """Hook the library by its freshly imported module.

            Returns:
                hooks for further modules of the library, each called when its module is there; one
                that raises `LookupError` leaves the others active.

            Raises:
                LookupError: the library lacks what the hook needs; nothing was changed.
            """


TABLE: dict[str, str] = {
    "aiohttp.client": "fanlight.instruments.aiohttp:patch",
    "aiohttp.web_server": "fanlight.instruments.servers.aiohttp_web:patch",
    "aiosqlite.core": "fanlight.instruments.aiosqlite:patch",
    "asyncpg.connection": "fanlight.instruments.asyncpg:patch",
    "botocore.client": "fanlight.instruments.botocore:patch",
    "celery.app.base": "fanlight.instruments.celery:patch",
    "cheroot.wsgi": "fanlight.instruments.servers.cheroot:patch",
    "daphne.server": "fanlight.instruments.servers.daphne:patch",
    "django": "fanlight.instruments.django:patch",
    "flask.app": "fanlight.instruments.flask:patch",
    "gevent.pywsgi": "fanlight.instruments.servers.gevent:patch",
    "granian.asgi": "fanlight.instruments.servers.granian:patch",
    "gunicorn.workers": "fanlight.instruments.servers.gunicorn:patch",
    "http.client": "fanlight.instruments.http:patch",
    "httpx": "fanlight.instruments.httpx:patch",
    "hypercorn.app_wrappers": "fanlight.instruments.servers.hypercorn:patch",
    "jinja2.environment": "fanlight.instruments.jinja2:patch",
    "logging": "fanlight.instruments.logging:patch",
    "psycopg": "fanlight.instruments.psycopg:patch",
    "pymongo.monitoring": "fanlight.instruments.pymongo:patch",
    "pymysql.cursors": "fanlight.instruments.pymysql:patch",
    "pyramid.router": "fanlight.instruments.pyramid:patch",
    "redis": "fanlight.instruments.redis:patch",
    "rq.job": "fanlight.instruments.rq:patch",
    "sqlalchemy.engine.base": "fanlight.instruments.sqlalchemy:patch",
    "sqlite3.dbapi2": "fanlight.instruments.sqlite3:patch",
    "starlette.applications": "fanlight.instruments.starlette:patch",
    "tornado.web": "fanlight.instruments.servers.tornado:patch",
    "urllib3.connectionpool": "fanlight.instruments.urllib3:patch",
    "uvicorn.config": "fanlight.instruments.servers.uvicorn:patch",
    "uwsgi": "fanlight.instruments.servers.uwsgi:patch",
    "waitress.server": "fanlight.instruments.servers.waitress:patch",
    "werkzeug.middleware.dispatcher": "fanlight.instruments.dispatcher:patch",
    "werkzeug.serving": "fanlight.instruments.servers.werkzeug:patch",
    "wsgiref": "fanlight.instruments.servers.wsgiref:patch",
}
"""Module whose import an instrument waits for, to the instrument."""


class Installed:
    """What became of each instrument in this process: `active`, or `inactive: reason`.

    Attributes:
        state: by instrument.
        lacking: the parts that an active instrument goes without, each with the reason.
        changes: how often any of this changed, for whoever has told it on.
    """

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.lacking: dict[str, list[str]] = {}
        self.changes = 0

    def expect(self, trigger: str) -> None:
        """Hook a library when its module is there; a second call does nothing."""
        name = instrument(trigger)
        if name in self.state:
            return
        self.state[name] = "inactive: not imported"
        ARRIVALS.expect(trigger, self.hook)

    def hook(self, module: ModuleType) -> None:
        """Hook the library that has just arrived; whatever is wrong with it becomes the reason."""
        from importlib import import_module

        where, _, attribute = TABLE[module.__name__].partition(":")
        name = instrument(module.__name__)
        try:
            parts: Parts | None = getattr(import_module(where), attribute)(module)
        except Exception as error:
            # A library may have any shape; the application's import must not notice ours failing.
            self.state[name] = f"inactive: {reason(error)}"
            self.changes += 1
            return
        self.state[name] = "active"
        self.changes += 1
        for further, part in (parts or {}).items():
            ARRIVALS.expect(further, self.guarded(name, part))

    def guarded(self, name: str, part: Part) -> Part:
        """Answer the hook for a further module of an instrument's library; it never raises."""

        def hook(module: ModuleType) -> None:
            try:
                part(module)
            except Exception as error:
                # As above: the library's other parts stay hooked.
                self.lack(name, f"{module.__name__}: {reason(error)}")

        return hook

    def lack(self, name: str, what: str) -> None:
        """Note a part that an active instrument goes without, and why; once for each."""
        lacking = self.lacking.setdefault(name, [])
        if what not in lacking:
            lacking.append(what)
            self.changes += 1


def reason(error: Exception) -> str:
    """Answer why a library could not be hooked."""
    return str(error.args[0]) if isinstance(error, LookupError) and error.args else repr(error)


INSTALLED = Installed()


def lack(name: str, what: str) -> None:
    """Have it told that an instrument that is active does without a part of what it could; once for each.

    Args:
        name: the instrument's.
        what: it lacks, and why.
    """
    INSTALLED.lack(name, what)


def instrument(trigger: str) -> str:
    """Answer an instrument's name: its file's."""
    return TABLE[trigger].partition(":")[0].rpartition(".")[2]


def install(names: Iterable[str] | None = None) -> None:
    """Let the instruments hook what is imported already, and what will be.

    Args:
        names: which ones; None for all.

    Raises:
        ConfigError: a name that is no instrument's, with the nearest one.
    """
    known = {instrument(trigger): trigger for trigger in TABLE}
    for name in known if names is None else names:
        if name not in known:
            from fanlight.registry import known_or_error

            known_or_error(name, list(known), "instrument")
        INSTALLED.expect(known[name])


def report() -> list[str]:
    """Answer a line for each instrument: `flask=active 3.1.0`, `jinja2=inactive: not imported`."""
    lines = []
    for trigger in TABLE:
        name = instrument(trigger)
        state = INSTALLED.state.get(name, "inactive: not asked for")
        if state == "active":
            state = f"active {version(trigger.partition('.')[0])}".rstrip()
            lacking = INSTALLED.lacking.get(name)
            if lacking:
                state += f" without {', '.join(lacking)}"
        lines.append(f"{name}={state}")
    return sorted(lines)


def version(package: str) -> str:
    """Answer an imported package's version, or "" when it tells none.

    Looked for beside the package, since `importlib.metadata` costs an application 100 modules.
    """
    import os

    module = sys.modules.get(package)
    # Not getattr: some packages answer with a deprecation warning.
    names = vars(module) if module is not None else {}
    # PyMySQL's `__version__` is that of the driver it stands in for.
    told = names.get("VERSION_STRING", names.get("__version__"))
    if isinstance(told, str):
        return told
    folder = os.path.dirname(os.path.dirname(getattr(module, "__file__", None) or ""))
    try:
        beside = os.listdir(folder) if folder else []
    except OSError:
        beside = []
    for entry in beside:
        stem, dot, _ = entry.rpartition(".dist-info")
        name, _, number = stem.partition("-")
        if dot and name.lower() == package:
            return number
    return ""
