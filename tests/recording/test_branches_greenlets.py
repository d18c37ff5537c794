"""Greenlets of gevent, with the standard library patched and without."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import sys
if sys.argv[1] == "patched":
    from gevent import monkey
    monkey.patch_all()
import gevent, gevent.pool, gevent.threadpool, threading
from fanlight.recording import recorder
from fanlight.recording.blocks import trace
from fanlight.recording.branches import hook
from fanlight.recording.recorder import LANE, current, span

caught = []
recorder.SWITCH.sink = caught.append
hook()

def job(name):
    with span(name):
        gevent.sleep(0.002)
        with span(name + " sql"):
            gevent.sleep(0.002)

def work():
    with span("work"):
        return [0]

sys.path.insert(0, sys.argv[2])
from conftest import read
def shapes():
    return [read(one).shape() for one in caught]

JOBS = [(f"job {number}", [f"job {number} sql"]) for number in range(3)]
"""

CASES = {
    "greenlets nest where they were spawned": """
        with trace("root"), span("view"):
            spawned = [gevent.spawn(job, f"job {n}") for n in range(2)]
            spawned.append(gevent.spawn_later(0.001, job, "job 2"))
            gevent.joinall(spawned)
            with span("tail"):
                pass
        assert shapes() == [("root", [("view", [*JOBS, "tail"])])], shapes()
    """,
    "pools nest where they were asked": """
        pool = gevent.pool.Pool(2)
        with trace("root"):
            with span("spawn"):
                pool.spawn(job, "job 0")
                pool.join()
            with span("map"):
                pool.map(job, ["job 1", "job 2"])
            with span("threads"):
                native = gevent.get_hub().threadpool
                assert native.spawn(divmod, 7, 2).get() == (3, 1)
                assert native.apply(work) == list(native.map(len, [()])) == [0]
            with span("overlapping"):
                list(pool.imap_unordered(job, ["job 1", "job 2"]))
        ((name, children),) = shapes()
        assert children == [
            ("spawn", [JOBS[0]]),
            ("map", [JOBS[1], JOBS[2]]),
            ("threads", ["work"]),
            ("overlapping", [JOBS[1], JOBS[2]]),
        ], children
    """,
    "requests side by side do not mix": """
        def request(number):
            with trace(f"request {number}"):
                job(f"job {number}")
                gevent.spawn(job, "spawned").join()
        gevent.joinall([gevent.spawn(request, n) for n in range(3)])
        expected = [(f"request {n}", [JOBS[n], ("spawned", ["spawned sql"])]) for n in range(3)]
        assert sorted(shapes()) == expected, shapes()
    """,
    "threads nest": """
        with trace("root"):
            thread = threading.Thread(target=job, args=("job 0",))
            thread.start()
            thread.join()
        assert shapes() == [("root", [JOBS[0]])], shapes()
    """,
    "results, errors and kills are as ever": """
        class Own(gevent.Greenlet):
            def _run(self):
                return "own"
        def fail():
            raise KeyError("x")
        with trace("root"):
            assert gevent.spawn(divmod, 7, 2).get() == (3, 1)
            failed = gevent.spawn(fail)
            failed.link_exception(lambda _: None)
            gevent.get_hub().handle_error = lambda *_: None
            failed.join()
            assert isinstance(failed.exception, KeyError)
            endless = gevent.spawn(job, "job 0")
            gevent.sleep(0)
            endless.kill()
            own = Own()
            own.start()
            assert own.get() == "own"
            timeout = gevent.Timeout(0.001, False)
            with timeout:
                gevent.sleep(5)
            with span("tail"):
                pass
        assert shapes() == [("root", ["job 0", "tail"])], shapes()
    """,
    "one that outlives its trace records nothing afterwards": """
        seen = []
        def live():
            gevent.sleep(0.01)
            seen.append(current())
            with trace("own"):
                job("job 0")
        with trace("root"):
            spawned = gevent.spawn(live)
        spawned.join()
        assert seen == [None]
        assert shapes() == ["root", ("own", [JOBS[0]])], shapes()
    """,
}


@pytest.mark.parametrize("patched", ["patched", "plain"])
@pytest.mark.parametrize("case", CASES)
def test_under_gevent(case, patched, request):
    program = PROGRAM + textwrap.dedent(CASES[case])
    done = subprocess.run(
        [sys.executable, "-c", program, patched, str(request.path.parent)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
