"""The DuckDB store: one self-contained database file per UTC day in a directory of its own.

`engine` opens the fenced engine, `schema` holds the tables, `columns` and `load` bring a commit's
columns in, `day` owns one file, `reads` asks it, `close` rewrites a day that is over, `store`
puts them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanlight.stores.duckdb.store import DuckStore


def open_directory(place: str) -> DuckStore:
    """Answer the store in directory `place`, made when it is missing.

    Raises:
        ConfigError: no directory was named.
        StoreError: the directory is another process's or cannot be used.
        MissingExtraError: the `server` extra is not installed.
    """
    from pathlib import Path

    from fanlight.errors import ConfigError, MissingExtraError

    if not place:
        raise ConfigError("a DuckDB store needs its directory: duckdb:DIRECTORY")
    try:
        from fanlight.stores.duckdb.store import DuckStore
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the DuckDB store needs {error.name}, which is not installed here; run: "
            "pip install 'fanlight[server]'"
        ) from error
    return DuckStore(Path(place).expanduser())
