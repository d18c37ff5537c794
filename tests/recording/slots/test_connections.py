"""What threads tell that take connections on: requests count, and connections that bring none do not."""

from __future__ import annotations

import dis
from queue import SimpleQueue
from types import CodeType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fanlight.instruments.servers import gunicorn, waitress
from fanlight.recording.slots import connections as module
from fanlight.recording.slots import line as waiting
from fanlight.recording.slots.connections import closing, stream_told, thread_told
from fanlight.recording.slots.line import Line, handing_over
from fanlight.wire import slots as layout

if TYPE_CHECKING:
    from collections.abc import Iterator

LETS_OTHERS_COME = (
    *("CALL", "PRECALL", "JUMP_BACKWARD", "POP_JUMP_BACKWARD", "RESUME", "SEND", "YIELD", "FOR_ITER"),
)
"""How the instructions begin at which CPython lets another thread go on, where all else is made in C."""


@pytest.fixture
def worker(slot, monkeypatch):
    """Answer a worker whose one thread is this one; a connection brings the requests that it holds."""
    monkeypatch.setattr(module, "HERE", slot)
    monkeypatch.setattr(waiting, "HERE", slot)
    slot.tell(layout.APART, layout.BY_CONNECTION)

    class Worker:
        nr_conns = 1
        tpool = SimpleNamespace(_threads=set(), _work_queue=SimpleQueue())

        def handle_request(self, request, connection):
            return request()

        def handle_http2_request(self, request, connection, streams):
            return request()

        def handle(self, connection):
            is_kept = None
            for request in connection.requests:
                connection.parser.req_count += 1
                connection.parser.mesg = SimpleNamespace(req_number=connection.parser.req_count)
                is_kept = self.handle_request(request, connection)
            for request in connection.streams:
                self.handle_http2_request(request, connection, None)
            return is_kept

        def enqueue_req(self, connection):
            self.tpool._threads.add(1)
            self.handle(connection)

    Worker.line = line = Line(Worker.tpool, 1)
    Worker.handle_http2_request = stream_told(Worker.handle_http2_request)
    Worker.handle = thread_told(Worker.handle, line)
    Worker.enqueue_req = handing_over(Worker.enqueue_req, line)
    return Worker()


def connection(requests=(), streams=()):
    parser = SimpleNamespace() if streams else SimpleNamespace(mesg=None, req_count=0)
    return SimpleNamespace(requests=requests, streams=streams, sock=None, timeout=None, parser=parser)


def read(slot):
    """Answer what a reader sees now; memory that nobody has claimed has no head."""
    slot.cells[0], slot.cells[1], slot.cells[layout.QUEUED] = layout.MAGIC, layout.VERSION, -1
    return layout.parse(bytes(slot.cells))


@pytest.mark.parametrize(
    ("brought", "count"),
    [(connection([bool]), 1), (connection(), 0), (connection(streams=[bool] * 3), 3)],
    ids=["one", "none", "by HTTP/2"],
)
def test_each_request_of_a_connection_counts_and_nothing_waits_behind_it(slot, worker, brought, count):
    for turn in (1, 2):
        worker.enqueue_req(brought)
        told = read(slot)
        assert (told.requests, told.backlog, told.busy) == (turn * count, 0, 0)
    assert told.spent_ns(1) > 0
    assert len(slot.free) == layout.PLACES


def test_a_connection_is_busy_and_not_waiting_while_a_thread_is_with_it(slot, worker):
    seen = []
    worker.enqueue_req(connection([lambda: seen.append(read(slot))]))
    assert [(each.busy, each.backlog, each.requests) for each in seen] == [(1, 0, 0)]
    # It may bring no request, so nobody's is cut off with the process.
    assert seen[0].under_way == 0


def test_connections_are_told_when_they_come_and_go_and_threads_when_they_come(slot, worker):
    class Connection:
        requests = streams = ()
        timeout = parser = None

        def close(self, graceful=False):
            said.append(graceful)

    Connection.close = closing(Connection.close, worker)
    seen, said, first, second = [], [], Connection(), Connection()

    def tell():
        seen.append([slot.cells[word] for word in (layout.CONNECTIONS, layout.SPAWNED)])

    for worker.nr_conns, each in ((1, first), (2, second)):
        worker.enqueue_req(each)
        tell()
    for worker.nr_conns, each, how in ((1, first, {"graceful": True}), (0, second, {})):
        each.close(**how)
        tell()
    assert seen == [[1, 1], [2, 1], [1, 1], [0, 1]]
    assert said == [True, False]


def test_beyond_the_places_requests_are_counted_without_a_time(slot, worker):
    slot.free.clear()
    seen = []
    worker.enqueue_req(connection([lambda: seen.append(read(slot).busy)]))
    assert seen == [1]
    told = read(slot)
    assert (told.requests, told.backlog, told.busy, told.spent_ns(0)) == (1, 0, 0, 0)


@pytest.mark.parametrize("is_child", [True, False])
def test_a_request_that_forks_ends_in_its_parent_alone(slot, worker, is_child):
    def fork():
        if is_child:
            # What the fork's hook does.
            slot.renew()

    worker.enqueue_req(connection([fork]))
    assert read(slot).requests == (not is_child)
    assert len(set(slot.free)) == len(slot.free) == layout.PLACES


@pytest.mark.parametrize("is_kept", [True, False])
def test_the_end_of_a_kept_connection_is_no_request_behind_the_one_that_it_brought(slot, worker, is_kept):
    kept = connection([lambda: is_kept])
    worker.enqueue_req(kept)
    # The parser has begun to look for another one, and found the end.
    kept.requests = ()
    kept.parser.req_count += 1
    worker.enqueue_req(kept)
    told = read(slot)
    assert (told.requests, told.backlog) == (1, 0)


def test_a_body_that_is_broken_off_when_nobody_read_it_is_no_request_behind_its_own(slot, worker):
    kept = connection([lambda: (True, "as versions up to 23 answer")])
    worker.enqueue_req(kept)
    # What was left of the body could not be read: the parser has not begun to look for another one.
    kept.requests = ()
    worker.enqueue_req(kept)
    told = read(slot)
    assert (told.requests, told.backlog) == (1, 0)


class Threads:
    """A worker of gunicorn's, as far as the slot asks."""

    tpool = None

    def enqueue_req(self, connection):
        pass


class TConn:
    """What gunicorn's modules of such workers call their connections."""

    def close(self):
        pass


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_connection_that_says_nothing_yet_is_told_where_it_is_not_handed_over(
    slot, monkeypatch, is_handed_over
):
    monkeypatch.setattr(module, "HERE", slot)
    monkeypatch.setattr(waiting, "HERE", slot)
    monkeypatch.setattr(TConn, "close", TConn.close)

    def accept(self, server, listener):
        self.nr_conns += 1

    def accept_and_hand_over(self, listener):
        self.nr_conns += 1
        self.enqueue_req(connection())

    method = accept_and_hand_over if is_handed_over else accept
    worker = type("Worker", (Threads,), {"accept": method, "nr_conns": 0})()
    gunicorn.tell_threads(worker, 2)
    worker.accept(*((None,) if is_handed_over else (None, None)))
    assert slot.cells[layout.CONNECTIONS] == 1
    assert (type(worker).accept is method) == is_handed_over


@pytest.mark.parametrize("lacks", ["numbers", "a class"])
def test_connections_whose_ends_nobody_tells_are_left_out(slot, monkeypatch, lacks):
    monkeypatch.setattr(module, "HERE", slot)
    monkeypatch.setattr(waiting, "HERE", slot)
    monkeypatch.delattr(f"{__name__}.TConn") if lacks == "a class" else None
    slot.tell(layout.CONNECTIONS, -1)
    names = {} if lacks == "numbers" else {"nr_conns": 1}
    worker = type("Worker", (Threads,), names | {"enqueue_req": Threads.enqueue_req})()
    gunicorn.tell_threads(worker, 2)
    worker.enqueue_req(connection())
    told = read(slot)
    assert told.reactor is None


def test_connections_of_an_unknown_shape_are_handed_over_and_counted(slot, worker):
    bare = connection([bool])
    # All versions so far have them.
    del bare.timeout, bare.sock
    worker.enqueue_req(bare)
    told = read(slot)
    assert (told.requests, told.backlog) == (1, 0)


def test_a_request_whose_parser_tells_no_numbers_counts(slot, worker):
    brought = connection()
    brought.parser = SimpleNamespace(mesg=object())
    worker.enqueue_req(brought)
    assert read(slot).requests == 1


@pytest.mark.parametrize("is_read", [True, False], ids=["in time", "too late"])
def test_a_connection_whose_client_left_is_out_of_the_line_when_a_thread_is_done(slot, worker, is_read):
    left, brought = worker.line.left, connection()
    left.add(id(brought))
    if is_read:
        worker.line.tell()
    worker.enqueue_req(brought)
    assert not left
    assert (read(slot).backlog, read(slot).requests) == (0, 0)


def test_of_a_pool_of_another_shape_nothing_that_waits_is_told(slot, monkeypatch):
    monkeypatch.setattr(module, "HERE", slot)
    monkeypatch.setattr(waiting, "HERE", slot)
    slot.tell(layout.BACKLOG, -1)
    worker = type("Worker", (Threads,), {"enqueue_req": Threads.enqueue_req})()
    gunicorn.tell_threads(worker, 2)
    slot.free.clear()
    worker.enqueue_req(connection())
    assert read(slot).backlog is None


def countings(code: CodeType) -> Iterator[list[str]]:
    """Answer the instructions from each reading of `queued` until it is kept, of all that code makes."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from countings(each)
    between: list[str] | None = None
    for step in dis.get_instructions(code):
        if step.argval == "queued" and step.opname == "LOAD_ATTR":
            between = []
        elif step.argval == "queued" and between is not None:
            yield between
            between = None
        elif between is not None:
            between.append(step.opname)


def test_no_thread_comes_between_the_reading_and_the_telling_of_what_was_handed_over():
    # Several threads write there without a lock: one that came between would be forgotten for ever.
    found = list(countings(waitress.tell_queue.__code__))
    assert found
    for steps in found:
        assert "STORE_SUBSCR" in steps
        assert not [each for each in steps if each.startswith(LETS_OTHERS_COME)]
