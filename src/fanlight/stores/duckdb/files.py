"""The store's directory: whose it is, which files are days, what a crash may have left."""

from __future__ import annotations

import fcntl
import os
from datetime import date
from typing import TYPE_CHECKING

from fanlight.errors import StoreError
from fanlight.stores.duckdb.day import EPOCH, iso

if TYPE_CHECKING:
    from pathlib import Path

OPEN = ".duckdb"
CLOSED = ".closed.duckdb"
LOG = ".wal"
"""What the engine appends to a file's name for its write-ahead log."""
HEADERS = 12_288
"""Bytes of a database file before its first block."""


def own(directory: Path) -> Path:
    """Answer the directory, made 0700 when it is missing.

    Raises:
        StoreError: it is a link, another user's, or cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
            raise StoreError(f"{directory} is a link or another user's; a store needs a directory of its own")
        return directory.resolve()
    except OSError as error:
        raise StoreError(f"the store's directory {directory} cannot be used: {error.strerror}") from error


def lock(directory: Path) -> int:
    """Answer the descriptor whose life is this process's hold on the store.

    Raises:
        StoreError: another process holds it; the message names its pid.
    """
    try:
        held = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the store's lock in {directory} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.pread(held, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(held)
        raise StoreError(
            f"the store {directory} is open in another process (pid {pid}); ask that one, "
            "end it with `fanlight stop`, or give this one a directory of its own"
        ) from error
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
    return held


def path_of(directory: Path, number: int) -> Path:
    """Answer the file that a day begins with."""
    return directory / f"{iso(number)}{OPEN}"


def days(directory: Path) -> dict[int, Path]:
    """Answer the day files by day, after clearing what a crash left behind.

    A file written anew is complete from the moment it has its name: an older one beside it is the
    leftover of the same day.
    """
    for left in [*directory.glob("*.tmp"), *directory.glob("*.tmp.wal"), *directory.glob("tmp/*")]:
        left.unlink()
    found: dict[int, Path] = {}
    for path in sorted(directory.glob(f"*{OPEN}"), key=generation):
        number = number_of(path.name.partition(".")[0])
        if number is None:
            continue
        if number in found:
            remove(found[number])
        found[number] = path
    return found


def generation(path: Path) -> int:
    """Answer how often a day's file was written anew: 0 is the open one, 1 `DATE.closed.duckdb`."""
    if not path.name.endswith(CLOSED):
        return 0
    count = path.name.removesuffix(CLOSED).partition(".")[2]
    return int(count) if count.isdecimal() else 1


def successor(path: Path) -> Path:
    """Answer the name that a day's file gets when it is written anew: `DATE.2.closed.duckdb` and on."""
    count = generation(path)
    return path.with_name(f"{path.name.partition('.')[0]}{f'.{count + 1}' if count else ''}{CLOSED}")


def number_of(name: str) -> int | None:
    """Answer the day that an ISO date names, or None when it is none."""
    try:
        return date.fromisoformat(name).toordinal() - EPOCH
    except ValueError:
        return None


def remove(path: Path) -> None:
    """Delete a day's file and its log, the log first: without its file it would mean nothing."""
    log_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def remove_unborn(path: Path) -> None:
    """Delete a file that a crash left before the engine had written its three headers."""
    if path.stat().st_size < HEADERS and not log_of(path).exists():
        path.unlink()


def log_of(path: Path) -> Path:
    """Answer a file's write-ahead log."""
    return path.with_name(path.name + LOG)


def set_aside(path: Path) -> Path:
    """Rename an unreadable file and its log to `.bad`, and answer the new name."""
    aside = spare(path)
    path.rename(aside)
    if log_of(path).exists():
        log_of(path).rename(aside.with_name(aside.name + LOG))
    return aside


def spare(path: Path) -> Path:
    """Answer a name ending in `.bad` that is free."""
    aside, count = path.with_name(path.name + ".bad"), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.{count}.bad")
    return aside


def sync(directory: Path) -> None:
    """Make the directory's entries durable."""
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(held)
    finally:
        os.close(held)


def release(held: int) -> None:
    """Let go of the store's lock; -1 is let go already."""
    if held >= 0:
        os.close(held)


def bytes_of(*paths: Path) -> int:
    """Answer what some files and their logs take; those that are gone take nothing."""
    total = 0
    for path in {*paths, *(log_of(path) for path in paths)}:
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
