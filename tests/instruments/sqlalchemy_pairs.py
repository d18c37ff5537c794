"""A program: SQLAlchemy of whatever version is found, over every driver; prints what was recorded.

Arguments: PostgreSQL's `host:port`, MariaDB's port. Answers JSON: the version, and by pair the first
two words of each statement on our table.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from fanlight import instruments, normalizers
from fanlight.recording import branches
from fanlight.recording.recorder import SWITCH, begin, finish

if TYPE_CHECKING:
    from fanlight.recording.recorder import Trace

branches.hook()
instruments.install()

import sqlalchemy as sa  # noqa: E402  the hooks are there first, as in an application
from sqlalchemy import orm  # noqa: E402  the same
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine  # noqa: E402  the same

POSTGRES, MARIADB = sys.argv[1:]
BASE: Any = orm.declarative_base()


class Product(BASE):
    __tablename__ = "fanlight_product"
    id = sa.Column(sa.Integer, primary_key=True, autoincrement=False)
    name = sa.Column(sa.String(20))


BY_NAME = sa.text("SELECT name FROM fanlight_product WHERE name = :name")
INSERT = sa.text("INSERT INTO fanlight_product (id, name) VALUES (:id, :name)")
ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def work(connection: Any) -> None:
    """Execute four statements on a connection, the last of which fails."""
    connection.execute(INSERT, ROWS)
    assert connection.execute(BY_NAME, {"name": "a"}).fetchall() == [("a",)]
    connection.exec_driver_sql("UPDATE fanlight_product SET name = 'c' WHERE id = 2")
    try:
        with connection.begin_nested():
            connection.execute(sa.text("SELECT nothing FROM fanlight_product"))
    except sa.exc.DBAPIError:
        pass


def use(session: Any) -> None:
    """Add one by the object mapper, and read it again."""
    session.add(Product(id=3, name="d"))
    session.flush()
    session.expire_all()
    assert session.query(Product).filter(Product.id == 3).one().name == "d"


def synchronous(address: str, **options: Any) -> None:
    engine = sa.create_engine(address, **options)
    BASE.metadata.drop_all(engine)
    BASE.metadata.create_all(engine)
    with engine.connect() as connection:
        with connection.begin():
            work(connection)
        with orm.Session(bind=connection) as session:
            use(session)
        # As the application does that knows the driver under it.
        cursor = connection.connection.cursor()
        cursor.execute("DELETE FROM fanlight_product")
        cursor.close()
        connection.connection.rollback()
    engine.dispose()


def asynchronous(address: str, **options: Any) -> None:
    async def main() -> None:
        engine = create_async_engine(address, **options)
        async with engine.begin() as connection:
            await connection.run_sync(BASE.metadata.drop_all)
            await connection.run_sync(BASE.metadata.create_all)
        async with engine.connect() as connection:
            await connection.run_sync(work)
            async with AsyncSession(bind=connection) as session:
                await session.run_sync(use)

            def raw(sync: Any) -> None:
                cursor = sync.connection.cursor()
                cursor.execute("DELETE FROM fanlight_product")
                cursor.close()

            await connection.run_sync(raw)
            await connection.rollback()
        await engine.dispose()

    asyncio.run(main())


class OwnConnection(sqlite3.Connection):
    """An application's own class of connections, which the driver's hook leaves alone."""


PAIRS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "sqlite3": (synchronous, "sqlite://", {}),
    "sqlite3 with a factory": (
        *(synchronous, "sqlite://"),
        {"connect_args": {"factory": OwnConnection}, "poolclass": sa.pool.StaticPool},
    ),
    "aiosqlite": (asynchronous, "sqlite+aiosqlite://", {"poolclass": sa.pool.StaticPool}),
    "pymysql": (synchronous, f"mysql+pymysql://root@127.0.0.1:{MARIADB}/test", {}),
    "psycopg": (synchronous, f"postgresql+psycopg://postgres@{POSTGRES}/postgres", {}),
    "psycopg async": (asynchronous, f"postgresql+psycopg://postgres@{POSTGRES}/postgres", {}),
    "asyncpg": (asynchronous, f"postgresql+asyncpg://postgres@{POSTGRES}/postgres", {}),
}


def recorded(pair: str) -> list[str]:
    """Answer what a pair's statements on our table were recorded as."""
    traces: list[Trace] = []
    SWITCH.sink = traces.append
    how, address, options = PAIRS[pair]
    trace = begin("app.test", "t", "e")
    assert trace is not None
    try:
        how(address, **options)
    finally:
        finish(trace)
    leaves = [
        (event[2], event[3])
        for events, _, _ in traces[0].records or ()
        for event in events
        if isinstance(event, tuple) and len(event) == 5
    ]
    spans = [normalizers.normalize(*leaf) for leaf in leaves]
    # What dialects ask the catalogue differs, and is none of our statements.
    return [
        f"{span[1].split()[0]}{' failed' if span[3] and 'error' in span[3] else ''}"
        for span in spans
        if span is not None and "fanlight_product" in span[1]
    ]


def main() -> None:
    """Print the version and what was recorded, pair by pair."""
    found: dict[str, Any] = {}
    for pair in PAIRS:
        # The dialect for psycopg 3 came with 2.0.
        if sa.__version__ < "2" and "psycopg" in pair:
            continue
        found[pair] = recorded(pair)
    sys.stdout.write(json.dumps({"version": sa.__version__, "faults": SWITCH.faults, "pairs": found}))


if __name__ == "__main__":
    main()
