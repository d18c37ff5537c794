"""sqlite3: statements of connections that bring no factory of their own."""

from __future__ import annotations

from fanlight.recording.bus import BUS
from fanlight.recording.clock import clock
from fanlight.recording.recorder import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

NOTIFICATION = "sql.query"
DIALECT = "sql.query.sqlite"
"""What the leaf is called, so that double quotes are read as SQLite reads them."""


def patch(module: ModuleType) -> None:
    """Let `connect` make connections that record, under both names of the module.

    A caller's own `factory`, of connections or of cursors, is left as it is.

    Args:
        module: `sqlite3.dbapi2`.

    Raises:
        LookupError: the module lacks `connect`, `Connection` or `Cursor`.
    """
    for name in ("connect", "Connection", "Cursor"):
        if not hasattr(module, name):
            raise LookupError(f"sqlite3 has no {name}")
    plain = module.connect
    recording = connection_class(module.Connection, cursor_class(module.Cursor))

    def connect(*args: Any, **options: Any) -> Any:
        # The factory is the sixth positional argument.
        if len(args) < 6 and "factory" not in options:
            options["factory"] = recording
        return plain(*args, **options)

    connect.__doc__ = plain.__doc__
    connect.__wrapped__ = plain  # type: ignore[attr-defined]  # what inspect.unwrap looks for
    module.connect = connect  # type: ignore[attr-defined]  # a module takes any attribute
    import sys

    package = sys.modules.get("sqlite3")
    # The package copies the names of `dbapi2` when it is imported; before that it will copy ours.
    if package is not None and getattr(package, "connect", None) is plain:
        package.connect = connect  # type: ignore[attr-defined]  # likewise


def cursor_class(plain: Any) -> Any:
    """Answer a cursor class that records what it executes."""

    class Cursor(plain):  # type: ignore[misc]  # the class is known only at run time
        """A cursor whose statements are recorded."""

        __slots__ = ()
        # An instrument above the driver asks for this, so that a statement counts once.
        fanlight_records = True

        execute = recorded(plain.execute)
        executemany = recorded(plain.executemany)
        executescript = recorded(plain.executescript)

    return same_face(Cursor, plain)


def connection_class(plain: Any, recording: Any) -> Any:
    """Answer a connection class that makes such cursors; its short cuts go through them."""
    make = plain.cursor

    class Connection(plain):  # type: ignore[misc]  # the class is known only at run time
        """A connection whose statements are recorded."""

        # An instrument above the driver takes cursors by this, and records them itself.
        fanlight_plain_cursor = make

        def cursor(self, factory: Any = recording) -> Any:
            return make(self, factory)

        # The library's own short cuts pass by the cursor's methods.
        def execute(self, *args: Any) -> Any:
            return make(self, recording).execute(*args)

        def executemany(self, *args: Any) -> Any:
            return make(self, recording).executemany(*args)

        def executescript(self, *args: Any) -> Any:
            return make(self, recording).executescript(*args)

    return same_face(Connection, plain)


def same_face(recording: Any, plain: Any) -> Any:
    """Answer a class under the name of the one that it stands for: a program may print its connection."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(recording, attribute, getattr(plain, attribute))
    return recording


def recorded(execute: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a method that does the same and records it as a leaf, also when it fails."""

    def execute_and_record(self: Any, sql: Any, *parameters: Any) -> Any:
        lane = current()
        # A fast path: nothing is recorded here and now.
        if lane is None:
            return execute(self, sql, *parameters)
        start_ns = clock()
        try:
            result = execute(self, sql, *parameters)
        except BaseException as error:
            if isinstance(sql, str):
                lane.leaf(DIALECT, (sql, type(error).__name__), start_ns, clock())
            raise
        end_ns = clock()
        lane.leaf(DIALECT, sql, start_ns, end_ns)
        if BUS.subscriptions:
            BUS.report(NOTIFICATION, {"sql": sql}, start_ns, end_ns)
        return result

    execute_and_record.__name__ = execute.__name__
    execute_and_record.__doc__ = execute.__doc__
    return execute_and_record
