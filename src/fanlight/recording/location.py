"""Where in the application's own code we are: `shop/cart.py:88`."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
DEMO = OURS + "demo" + os.sep
STANDARD = os.path.dirname(os.__file__) + os.sep
PACKAGES = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
DEPTH = 200
"""Frames looked at: more than that below the application's code is a recursion of somebody else's."""
FILES = 4_096
STATEMENTS = 1_024
"""Statements whose place is remembered."""
SENDERS = """
aiohttp aiomysql aiosqlite alembic anyio asgiref asyncpg boto3 botocore celery cx_Oracle databases
elasticsearch eventlet fanlight flask_sqlalchemy gevent greenlet httpcore httpx kombu mongoengine motor
mysql MySQLdb oracledb peewee pony psycopg psycopg2 psycopg_pool pymongo pymssql pymysql pyodbc redis
requests s3transfer sentry_sdk sqlalchemy sqlmodel tenacity tortoise urllib3 wrapt
"""
"""Installed packages that send for somebody else: no line of theirs says who asked."""
FRAMES = """
a2wsgi channels cheroot cherrypy daphne django fastapi flask granian gunicorn hypercorn jinja2 mako pyramid
pyramid_tm rq starlette uvicorn uwsgi waitress werkzeug zope
"""
"""Installed packages that call everybody's code: a line of theirs says little, and is the last resort."""
MAPPER = os.path.join("django", "db", "")
"""An object mapper that lies within its framework."""
LIBRARY = " (library)"
"""Behind a place in an installed package."""


class Own(dict[str, str]):
    """File name of a code object to its name for people; empty when it is not the application's."""

    installed: tuple[str, ...] = ()
    """Directories of installed packages that are the application itself."""

    def __missing__(self, path: str) -> str:
        try:
            name = own_name(path)
        except OSError:  # a relative path, and the directory was deleted under the process
            name = ""
        if len(self) < FILES:
            self[path] = name
        return name


OWN = Own()


class Installed(dict[str, tuple[str, bool]]):
    """File name of a code object to its path below the installed packages, and whether of a framework.

    The path is empty for what is in none of them, and for what sends for somebody else.
    """

    def __missing__(self, path: str) -> tuple[str, bool]:
        named = installed_name(path)
        if len(self) < FILES:
            self[path] = named
        return named


INSTALLED = Installed()


def count_as_own(dotted: str) -> None:
    """Take the package that a server or framework serves for the application's own code.

    Many are installed like any library, and would have no line of their own otherwise.

    Args:
        dotted: a module below the package, or what a server is told: `shop.wsgi:app`.
    """
    package = sys.modules.get(dotted.partition(":")[0].partition(".")[0])
    # A namespace is many people's.
    if package is None or not getattr(package, "__file__", None):
        return
    beginnings = {os.path.join(os.path.abspath(path), "") for path in getattr(package, "__path__", ())}
    beginnings = {each for each in beginnings if each != OURS and any(part in each for part in PACKAGES)}
    if not beginnings <= {*OWN.installed}:
        OWN.installed = (*OWN.installed, *beginnings)
        OWN.clear()


def location(frame: FrameType | None = None) -> str:
    """Answer file and line of the innermost frame that is the application's own code.

    Frames of the standard library, of installed packages and of Fanlight (but for its demo) are
    passed over; an installed package that is what the server serves is not. Where none is left, it is
    a place in an installed package, see `in_library`. Takes 1 to 4 µs, so it is asked for rarely.

    Args:
        frame: where to begin, the caller when None.
    """
    if frame is None:
        frame = sys._getframe(1)  # noqa: SLF001  there is no public name for it
    innermost = frame
    for _ in range(DEPTH):
        if frame is None:
            break
        name = OWN[frame.f_code.co_filename]
        if name:
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return in_library(innermost)


def in_library(frame: FrameType | None) -> str:
    """Answer file and line of the innermost frame of an installed package that asks on its own account.

    Drivers, object mappers and clients ask for somebody else; a framework is named when there is
    nobody else. Answers "" when there is no such frame. Only for stacks without the application's
    code, whose frames have all been looked at by then.

    Args:
        frame: where to begin.
    """
    last_resort = ""
    for _ in range(DEPTH):
        if frame is None:
            break
        name, is_framework = INSTALLED[frame.f_code.co_filename]
        if name and not is_framework:
            return f"{name}:{frame.f_lineno}{LIBRARY}"
        if name and not last_resort:
            last_resort = f"{name}:{frame.f_lineno}{LIBRARY}"
        frame = frame.f_back
    return last_resort


class Known(dict[str, tuple[int, str, int]]):
    """Where a repeated statement was sent from: how many frames up, file, first line of the function."""


KNOWN = Known()


def repeated_at(statement: str) -> str:
    """Answer what `location` does, for a statement that is likely to come from where it came before.

    A fast path: to look at each frame on the way makes the interpreter build it, some 10 µs in all;
    the one that it was the last time is reached without.
    """
    known = KNOWN.get(statement)
    if known is not None:
        depth, path, first_line = known
        try:
            frame = sys._getframe(depth)  # noqa: SLF001  there is no public name for it
        except ValueError:  # the stack is not that deep here
            pass
        else:
            code = frame.f_code
            if code.co_firstlineno == first_line and code.co_filename == path:
                return f"{OWN[path]}:{frame.f_lineno}"
    return looked_up(statement)


def looked_up(statement: str) -> str:
    """Answer what `location` does, and remember how far up it was."""
    innermost = sys._getframe(2)  # noqa: SLF001  there is no public name for it
    above: FrameType | None = innermost
    for depth in range(1, DEPTH):
        if above is None:
            break
        code = above.f_code
        name = OWN[code.co_filename]
        if name:
            if len(KNOWN) >= STATEMENTS:
                KNOWN.clear()
            KNOWN[statement] = (depth, code.co_filename, code.co_firstlineno)
            return f"{name}:{above.f_lineno}"
        above = above.f_back
    # Not remembered: the same line of a library may serve the application's code the next time.
    return in_library(innermost)


def own_name(path: str) -> str:
    """Answer a source file's path relative to its project, or "" when it is not the application's."""
    if path.startswith("<"):
        return ""
    path = os.path.abspath(path)
    foreign = path.startswith((OURS, STANDARD)) or any(part in path for part in PACKAGES)
    return "" if foreign and not path.startswith((DEMO, *OWN.installed)) else relative(path)


def installed_name(path: str) -> tuple[str, bool]:
    """Answer a source file's path below the installed packages, and whether it is a framework's."""
    for part in PACKAGES:
        _, found, name = path.rpartition(part)
        if found:
            top = name.partition(os.sep)[0].removesuffix(".py")
            sends = top in SENDERS.split() or name.startswith(MAPPER)
            return ("", False) if sends else (name, top in FRAMES.split())
    return "", False


def relative(path: str) -> str:
    """Answer a path from where the project begins: the working directory, or its import root."""
    roots = [root for root in sys.path if isinstance(root, str) and root]
    try:
        roots.insert(0, os.getcwd())
    except FileNotFoundError:  # the directory was deleted under the process
        roots = list(filter(os.path.isabs, roots))
    for root in roots:
        beginning = os.path.join(os.path.abspath(root), "")
        if path.startswith(beginning) and len(beginning) > 1:
            return path[len(beginning) :]
    return path
