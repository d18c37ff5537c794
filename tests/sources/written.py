"""Slots as a process of a server writes them, written here for processes that serve nobody."""

import os
from array import array

from fanlight.wire import slots as layout


def write(folder, pid, *, requests=0, **words):
    """Write the slot of a process; answer its path."""
    memory = bytearray(layout.SIZE)
    cells = memoryview(memory).cast("q")
    started = layout.process_start(pid)
    cells[0], cells[1] = layout.MAGIC, layout.VERSION
    for word in (layout.SLOT, *range(layout.TOTAL, layout.CREATED + 1)):
        cells[word] = -1
    cells[layout.PID], cells[layout.STARTED] = pid, started
    cells[layout.MASTER], cells[layout.MASTER_STARTED] = os.getpid(), layout.process_start(os.getpid())
    cells[layout.NAMESPACE] = layout.namespace()
    cells[layout.STATE] = layout.BOOTED
    cells[layout.APART] = 1
    cells[layout.ANSWERED] = requests
    for name, value in words.items():
        word = getattr(layout, name)
        if word in layout.TALLIES:
            memoryview(memory).cast("d")[word] = value
        else:
            cells[word] = array("q", value) if isinstance(value, tuple) else value
    layout.put_text(memory, ("shop", "gunicorn", "sync"))
    path = folder / layout.name(pid, started)
    path.write_bytes(memory)
    return path


def write_word(path, word, value, kind="q"):
    """Write one word of a slot."""
    with path.open("r+b") as file:
        file.seek(word * layout.WORD)
        file.write(array(kind, [value]).tobytes())
