"""How much memory a process of ours has in use."""

from __future__ import annotations

import os
import sys


def resident_bytes(pid: int) -> int | None:
    """Answer a process's resident memory in bytes.

    Where the system does not tell the present, it is the peak for the asking process and None for
    any other; None too for one that is gone.
    """
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes() if pid == os.getpid() else None


def peak_bytes() -> int:
    """Answer the most memory that this process ever had in use."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
