"""What waits for threads is told as it is, whoever comes between, and whatever the pool has in its queue."""

from __future__ import annotations

import dis
from concurrent.futures import Future, ThreadPoolExecutor, thread
from queue import SimpleQueue
from threading import Barrier, Event
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from fanlight.recording.arrival import does_as
from fanlight.recording.slots import connections
from fanlight.recording.slots import line as module
from fanlight.recording.slots.connections import thread_told
from fanlight.recording.slots.line import Known, Line, handing_over
from fanlight.wire import slots as layout

LETS_OTHERS_COME = (
    *("CALL", "PRECALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME", "SEND", "YIELD", "FOR_ITER"),
)
"""How the instructions begin at which CPython lets another thread go on, where all else is made in C."""


def read(slot):
    """Answer what a reader sees now; memory that nobody has claimed has no head."""
    slot.cells[0], slot.cells[1], slot.cells[layout.QUEUED] = layout.MAGIC, layout.VERSION, -1
    return layout.parse(bytes(slot.cells))


class Pooled:
    """A worker of gunicorn's that hands over as those since version 24 do."""

    nr_conns = 1

    def __init__(self, pool) -> None:
        self.tpool = pool
        self.finished: SimpleQueue[object] = SimpleQueue()
        self.method_queue = SimpleNamespace(defer=lambda call, *arguments: call(*arguments))

    def enqueue_req(self, conn):
        """Hand a connection over."""
        fs = self.tpool.submit(self.handle, conn)
        fs.add_done_callback(lambda fut: self.method_queue.defer(self.finish_request, conn, fut))

    def finish_request(self, conn, fs):
        self.finished.put(fs.result())

    def handle(self, conn):
        for request in conn.requests:
            request()
        return True


class Another(Pooled):
    """One that does more than those."""

    def enqueue_req(self, conn):
        self.nr_conns = 1
        super().enqueue_req(conn)


@pytest.fixture(params=[Pooled, Another])
def pooled(slot, monkeypatch, request):
    """Answer what makes a worker that tells, of a pool and a number of threads."""
    monkeypatch.setattr(module, "HERE", slot)
    monkeypatch.setattr(connections, "HERE", slot)

    def made(pool, threads):
        line = Line(pool, threads)
        ways = {
            "handle": thread_told(request.param.handle, line),
            "enqueue_req": handing_over(request.param.enqueue_req, line),
        }
        return type("Worker", (request.param,), ways)(pool)

    return made


def kept(requests=()):
    """Answer a connection that was parked, whose client is there."""
    return SimpleNamespace(requests=requests, timeout=1.0, sock=None)


def test_what_waits_is_told_as_it_is_while_threads_come_and_go(slot, pooled):
    held, begun = Event(), Barrier(3)
    with ThreadPoolExecutor(2) as pool:
        worker = pooled(pool, 2)
        for each in range(10):
            worker.enqueue_req(kept([lambda: begun.wait(60), held.wait] if each < 2 else [bool]))
        try:
            begun.wait(60)
            told = read(slot)
        finally:
            held.set()
        assert (told.busy, told.backlog, told.head[layout.SPAWNED]) == (2, 8, 2)
        assert [worker.finished.get(timeout=60) for _ in range(10)] == [True] * 10
        told = read(slot)
    assert (told.busy, told.backlog, told.requests) == (0, 0, 10)
    assert len(slot.free) == layout.PLACES


@pytest.mark.parametrize("is_leaving", [False, True], ids=["its pool", "the interpreter"])
def test_marks_of_the_end_wait_for_nobody(slot, pooled, monkeypatch, is_leaving):
    begun, held, seen = Event(), Event(), []

    def look():
        seen.append(read(slot).backlog)

    with ThreadPoolExecutor(1) as pool:
        worker = pooled(pool, 1)
        worker.enqueue_req(kept([begun.set, held.wait]))
        worker.enqueue_req(kept([look]))
        worker.enqueue_req(kept([look]))
        try:
            assert begun.wait(60)
            pool.shutdown(wait=False)
            if is_leaving:
                # As Python does it, which would wait for every pool that there is.
                monkeypatch.setattr(thread, "_shutdown", True)
                pool._work_queue.put(None)
        finally:
            held.set()
        assert [worker.finished.get(timeout=60) for _ in range(3)] == [True] * 3
        assert seen == [1, 0]
    assert (read(slot).backlog, read(slot).requests) == (0, 3)


def test_a_thread_tells_what_was_handed_over_before_it_had_its_place(slot, pooled):
    tasks = SimpleQueue()
    worker = pooled(SimpleNamespace(submit=lambda *_: tasks.put(1) or Future(), _work_queue=tasks), 1)
    # A thread is about to begin with another one: it looks free, and who hands over may leave it to it.
    worker.enqueue_req(kept())
    seen = []
    worker.handle(kept([lambda: seen.append(read(slot).backlog)]))
    assert seen == [1]
    tasks.get()
    worker.handle(kept([lambda: seen.append(read(slot).backlog)]))
    assert seen == [1, 0]


def test_what_is_handed_over_where_no_thread_is_free_waits_at_once(slot, pooled):
    tasks = SimpleQueue()
    worker = pooled(SimpleNamespace(submit=lambda *_: tasks.put(1) or Future(), _work_queue=tasks), 2)
    del slot.free[-2:]
    for waits in (1, 2, 3):
        worker.enqueue_req(kept())
        assert read(slot).backlog == waits


def test_what_another_thread_changed_behind_the_telling_is_told(slot, monkeypatch):
    monkeypatch.setattr(module, "HERE", slot)
    sizes = [3, 2, 2]
    line = Line(SimpleNamespace(_work_queue=SimpleNamespace(qsize=lambda: sizes.pop(0), empty=bool)), 1)
    line.tell()
    assert (read(slot).backlog, sizes) == (2, [])


def test_gunicorn_s_own_is_known() -> None:
    assert does_as(ThreadWorker.enqueue_req, Known.enqueue_req)
    assert does_as(Pooled.enqueue_req, Known.enqueue_req)
    assert not does_as(Another.enqueue_req, Known.enqueue_req)


def test_no_thread_comes_between_what_is_told_to_wait_and_whether_anything_does():
    steps = list(dis.get_instructions(Line.tell))
    told = next(at for at, each in enumerate(steps) if each.opname == "STORE_SUBSCR")
    kept = next(at for at, each in enumerate(steps) if each.argval == "is_empty")
    assert told < kept
    assert not [each for each in steps[told:kept] if each.opname.startswith(LETS_OTHERS_COME)]
