"""What a forked child forgets of its parent: modules that the parent's thread was importing."""

from __future__ import annotations

import sys


def forget_orphans(thread: int) -> None:
    """Forget, in a forked child, the modules that our thread of the parent was half-way through.

    It is not here to finish them and to open their locks, so whoever imports one would wait for
    ever. They are imported afresh instead. What the application's own threads were importing is
    none of our business.

    Args:
        thread: identity of the task's thread in the parent.
    """
    machinery = sys.modules["_frozen_importlib"]
    for name, reference in list(getattr(machinery, "_module_locks", {}).items()):
        if getattr(reference(), "owner", None) == thread:
            sys.modules.pop(name, None)
            machinery._module_locks.pop(name, None)  # noqa: SLF001  nobody else may
