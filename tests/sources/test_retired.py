"""What workers that are gone have left, and for how long it is kept."""

import os

from fanlight.sources.retired import MASTERS, Book
from fanlight.wire import slots as layout


def left_under(started: int) -> layout.Read:
    """Answer what a worker told last whose master, which is gone, was started then."""
    head = [0] * 64
    head[layout.PID], head[layout.STARTED] = 7, started
    head[layout.MASTER], head[layout.MASTER_STARTED] = os.getpid(), started
    return layout.Read(tuple(head), ("shop", "gunicorn", "sync"), [0, 3, 50, 0])


def test_of_masters_that_are_gone_the_latest_are_kept(tmp_path):
    book = Book([str(tmp_path)])
    # One that lives is kept, however long ago it came.
    lives = layout.process_start(os.getpid())
    for started in (lives, *range(1, MASTERS + 6)):
        book.add(left_under(started), 0, 50)
    book.write()
    kept = [lives, *range(6, MASTERS + 6)]
    assert [each.generation for each in book.retired()] == kept
    assert [each.generation for each in Book([str(tmp_path)]).retired()] == kept
    assert {(each.requests_count, each.busy_ns) for each in book.retired()} == {(3, 50)}
