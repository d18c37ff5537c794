"""How a process ended, as the kernel tells whoever had it open, though it is no child of ours."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.sources.held import File

INFO = Struct("=Q52xi")
"""The kernel's `struct pidfd_info`, from its mask to its exit code."""
INFO_BYTES = 64
INFO_EXIT = 1 << 3
PIDFD_GET_INFO = 3 << 30 | INFO_BYTES << 16 | 0xFF << 8 | 11
"""`_IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)`; tells of the end from Linux 6.15 on."""
STATE_BYTES = 4_096
ENDED = "ended"


def ending(file: File) -> str:
    """Answer a signal's name, `exit_3`, `ended` for an exit without an error, "" where nobody tells.

    Args:
        file: of a process that is gone, still open.
    """
    for tell in (reaped, unreaped, reaped):
        # Its parent may come for it between two questions.
        with suppress(OSError, ValueError, IndexError):
            status = tell(file)
            if status is not None:
                return word(status)
    return ""


def reaped(file: File) -> int | None:
    """Answer the status of a process that its parent has taken note of, None where it is unknown.

    Raises:
        OSError: the kernel does not tell.
    """
    if file.gone is None:
        return None
    from fcntl import ioctl

    told = bytearray(INFO_BYTES)
    INFO.pack_into(told, 0, INFO_EXIT, 0)
    ioctl(file.gone, PIDFD_GET_INFO, told)
    mask, status = INFO.unpack_from(told)
    return int(status) if mask & INFO_EXIT else None


def unreaped(file: File) -> int | None:
    """Answer the status of a process whose parent has not taken note yet, None of any other.

    Raises:
        OSError: it is gone altogether.
    """
    if file.proc is None:
        return None
    told = os.pread(file.proc, STATE_BYTES, 0)
    fields = told[told.rfind(b")") + 2 :].split()
    return int(fields[-1]) if fields[0] == b"Z" else None


def word(status: int) -> str:
    """Answer a status, as `wait` has it, in a word."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"exit_{code}" if code else ENDED
    try:
        return signal.Signals(-code).name
    except ValueError:
        # One of the real-time signals that have no name.
        return f"signal_{-code}"
