"""Forks, exits and the processes around them."""

from __future__ import annotations

import threading
import time
from collections import Counter

EXIT_S = 2.1
"""What an exit may take: the budget of 2 s and the interpreter's own end."""


def test_a_parent_and_its_forked_children_report_each_their_own(script, receiver):
    result = script("""
        import os
        def work(name):
            with fanlight.trace(name), fanlight.span('a'):
                pass
        work('parent before')
        children = []
        for number in range(4):
            pid = os.fork()
            if not pid:
                work(f'child {number}')
                raise SystemExit
            children.append(pid)
        work('parent after')
        assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    """)
    assert result.returncode == 0, result.stderr
    names = ["parent before", "parent after", *(f"child {number}" for number in range(4))]
    receiver.wait(lambda r: len(r.traces) == 6)
    assert Counter(trace.endpoint for trace in receiver.traces) == dict.fromkeys(names, 1)
    assert len({hello["client"] for hello in receiver.hellos}) == 5
    assert len({hello["pid"] for hello in receiver.hellos}) == 5
    assert result.stderr == ""


def test_a_fork_inside_a_trace_leaves_it_to_the_parent(script, receiver):
    result = script("""
        import gc, os
        gc.disable()  # a pause would be a span
        with fanlight.trace('outer'):
            with fanlight.span('a'):
                pid = os.fork()
                if not pid:
                    with fanlight.trace('in the child'), fanlight.span('b'):
                        pass
                    raise SystemExit
                os.waitpid(pid, 0)
    """)
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 2)
    assert sorted(trace.endpoint for trace in receiver.traces) == ["in the child", "outer"]
    assert sorted(map(str, receiver.shapes())) == ["('in the child', ['b'])", "('outer', ['a'])"]


def test_a_child_that_lives_on_keeps_nothing_of_the_trace_it_was_forked_in(script, receiver):
    result = script("""
        import gc, os
        from fanlight.recording.recorder import current
        # A pause would stand as one more span.
        gc.disable()
        with fanlight.trace('request'):
            with fanlight.span('a'):
                pid = os.fork()
                if not pid:
                    silent = current() is None
                    for _ in range(1000):
                        with fanlight.span('work of its own'):
                            pass
                    os._exit(0 if silent and current() is None else 1)
                assert os.waitpid(pid, 0)[1] == 0
            with fanlight.span('b'):
                pass
    """)
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 1)
    assert receiver.shapes() == [("request", ["a", "b"])]


def test_a_child_closes_its_copy_of_the_connection_and_writes_nothing_to_it(script, receiver):
    result = script("""
        import os
        def links():
            out = []
            for fd in os.listdir('/proc/self/fd'):
                try:
                    out.append(os.readlink(f'/proc/self/fd/{fd}'))
                except OSError:
                    pass
            return sum(link.startswith('socket:') for link in out)
        with fanlight.trace('a'):
            pass
        assert fanlight.flush(30)
        assert links() == 1
        pid = os.fork()
        if not pid:
            os._exit(links())
        assert os.waitpid(pid, 0)[1] == 0
        with fanlight.trace('b'):
            pass
        assert fanlight.flush(30)
    """)
    assert result.returncode == 0, result.stderr
    assert len(receiver.hellos) == 1
    assert len(receiver.traces) == 2


def test_each_child_draws_numbers_of_its_own(script):
    result = script("""
        import os
        from fanlight.recording.recorder import SWITCH
        def drawn():
            return [SWITCH.draw() for _ in range(3)]
        for _ in range(3):
            if not os.fork():
                print(drawn(), flush=True)
                os._exit(0)
            os.wait()
        print(drawn())
    """)
    assert result.returncode == 0, result.stderr
    # Else each worker would record the spans of the same requests.
    assert len(set(result.stdout.splitlines())) == 4


def test_a_child_has_all_of_the_time_for_its_end_though_its_parent_spent_its_own(script, receiver):
    result = script("""
        import os
        from fanlight.agent.agent import AGENT, hand_over
        from fanlight.agent.leaving import EXIT_S
        from fanlight.recording.clock import clock
        AGENT.budget.ended_ns, AGENT.budget.spent_ns = clock(), int(EXIT_S * 1e9)
        if not os.fork():
            with fanlight.trace('child'):
                pass
            os._exit(not hand_over())
        assert os.wait()[1] == 0
    """)
    assert result.returncode == 0, result.stderr
    assert [trace.endpoint for trace in receiver.traces] == ["child"]


def test_a_storm_of_forks_beside_busy_threads_hangs_nobody(script, receiver):
    result = script(
        """
        import os, threading, logging
        logging.basicConfig(stream=open(os.devnull, 'w'))
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                with fanlight.trace('busy'), fanlight.span('a'):
                    logging.getLogger().warning('x')
                stop.wait(0.001)
        threads = [threading.Thread(target=busy) for _ in range(3)]
        [thread.start() for thread in threads]
        for _ in range(100):
            pid = os.fork()
            if not pid:
                with fanlight.trace('child'), fanlight.span('b'):
                    pass
                os._exit(0 if fanlight.flush(30) else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        [thread.join() for thread in threads]
        assert fanlight.flush(30)
        """,
        timeout_s=300,
    )
    assert result.returncode == 0, result.stderr
    counts = Counter(trace.endpoint for trace in receiver.traces)
    assert counts["child"] == 100
    assert counts["busy"] > 0


def test_after_start_no_request_imports_a_module_of_ours(script, receiver):
    result = script("""
        import sys, threading
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if threading.current_thread() is threading.main_thread() and name.startswith('fanlight'):
                    found.append(name)
        found = []
        sys.meta_path.insert(0, Watch())
        @fanlight.instrument
        def work():
            with fanlight.span('a', n=1):
                fanlight.annotate(b=2)
                fanlight.endpoint('c')
            with fanlight.notify('app.x', {}):
                fanlight.publish('y')
        fanlight.wsgi, fanlight.asgi, fanlight.subscribe
        for _ in range(3):
            with fanlight.trace('job'):
                work()
        assert found == [], found
    """)
    assert result.returncode == 0, result.stderr


def test_a_child_forked_while_the_task_imports_hangs_nobody(script, receiver):
    result = script(
        """
        import importlib.util, os, sys, threading
        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name != 'fanlight.normalizers.sql':
                    return None
                sys.meta_path.remove(self)
                spec = importlib.util.find_spec(name)
                execute = spec.loader.exec_module
                def slowly(module):
                    inside.set()
                    forked.wait(30)
                    execute(module)
                spec.loader.exec_module = slowly
                return spec
        inside, forked = threading.Event(), threading.Event()
        sys.meta_path.insert(0, Slow())
        with fanlight.trace('job'):
            pass
        assert inside.wait(30)
        pid = os.fork()
        if not pid:
            forked.set()
            with fanlight.trace('child'):
                fanlight.recording.recorder.current().leaf('sql.query', 'SELECT 1', 1, 2)
            os._exit(0 if fanlight.flush(5) else 1)
        forked.set()
        assert os.waitpid(pid, 0)[1] == 0
        assert fanlight.flush(30)
        """
    )
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 2)
    assert sorted(trace.endpoint for trace in receiver.traces) == ["child", "job"]


def test_pools_of_processes_report_before_they_end(script, receiver):
    result = script("""
        import multiprocessing
        def work(number):
            with fanlight.trace('job'):
                return number
        if __name__ == '__main__':
            process = multiprocessing.get_context('fork')
            workers = [process.Process(target=work, args=(n,)) for n in range(4)]
            [worker.start() for worker in workers]
            [worker.join() for worker in workers]
            assert [worker.exitcode for worker in workers] == [0] * 4
    """)
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 4)
    assert len({hello["pid"] for hello in receiver.hellos}) == 4


def test_flush_and_stop_keep_to_the_time_they_are_given(agent, black_hole):
    with agent.trace("job"):
        pass
    for call in (agent.flush, agent.stop):
        started = time.monotonic()
        assert not call(0.3)
        assert time.monotonic() - started < 20


def test_a_flush_takes_over_from_the_task_in_the_middle_of_its_wait(agent, black_hole, tmp_path):
    with agent.trace("job"):
        pass
    # The task has sent the batch and waits for its acknowledgement.
    black_hole.wait(lambda r: r.batches)
    started = time.monotonic()
    assert not agent.flush(0.2)
    assert time.monotonic() - started < 20
    assert len(black_hole.batches) == 1


def test_a_thread_that_cannot_start_costs_no_trace_and_no_exception(agent, receiver):
    before = threading.stack_size()
    threading.stack_size(1 << 46)
    try:
        with agent.trace("job"):
            pass
    finally:
        threading.stack_size(before)
    # The next trace tries again, and takes the first one along.
    with agent.trace("job"):
        pass
    receiver.wait(lambda r: len(r.traces) == 2)


def test_threads_that_find_out_together_that_c_code_forked_lose_nothing(script, receiver):
    result = script("""
        import ctypes, os, threading
        # No other thread may run here: such a fork would leave the child a lock that it held.
        if not ctypes.PyDLL(None).fork():
            # No at-fork hook ran: whoever pushes first finds out, and all of these are first.
            together = threading.Barrier(8)
            def work():
                with fanlight.trace('child'):
                    together.wait()
                together.wait()
            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert fanlight.flush(5.0)
            os._exit(0)
        os.wait()
    """)
    assert result.returncode == 0, result.stderr
    receiver.wait(lambda r: len(r.traces) == 8)
    assert Counter(trace.endpoint for trace in receiver.traces) == {"child": 8}


def test_what_the_task_imports_it_imports_where_a_fork_can_tell(script, receiver):
    result = script("""
        import sys, threading, time
        from fanlight.agent.agent import AGENT
        class Watch:
            def find_spec(self, name, path=None, target=None):
                is_task = threading.get_ident() != threading.main_thread().ident
                if is_task and name.startswith('fanlight') and not AGENT.importing:
                    found.append(name)
        found = []
        sys.meta_path.insert(0, Watch())
        with fanlight.trace('a'), fanlight.span('b'):
            pass
        # Without a flush, which would do the task's work on this thread.
        deadline = time.monotonic() + 60
        while AGENT.task.packer.sequence == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert AGENT.task.packer.sequence, 'nothing was sent'
        assert not found, found
    """)
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 1
