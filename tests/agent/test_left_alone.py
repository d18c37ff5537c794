"""What the agent leaves alone in its host: forks, gevent's hub, other packages, native code."""

from __future__ import annotations

from importlib.metadata import requires
from pathlib import Path

import fanlight

LIGHT = ("agent", "aggregate", "instruments", "normalizers", "recording", "wire")


def test_nothing_of_us_runs_before_a_fork_nor_in_its_parent(script, receiver):
    result = script(
        f"""
        import os
        register, asked = os.register_at_fork, []
        def noted(**hooks):
            asked.append(set(hooks))
            register(**hooks)
        os.register_at_fork = noted
        import fanlight
        fanlight.start('shop', dsn='unix://{receiver.path}')
        with fanlight.trace('job'):
            pass
        assert fanlight.flush(10)
        assert asked and all(hooks == {{'after_in_child'}} for hooks in asked), asked
        """,
        start=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(receiver.traces) == 1


def test_under_gevent_a_receiver_that_hangs_holds_up_no_greenlet(script, black_hole):
    """A patched lock or socket of ours would hand the one thread to the hub, or stop it."""
    result = script(
        f"""
        from gevent import monkey
        monkey.patch_all()
        import time, gevent, fanlight
        fanlight.start('shop', dsn='unix://{black_hole.path}')
        gaps, last = [], time.monotonic()
        def ticks():
            global last
            while len(gaps) < 150:
                gevent.sleep(0.005)
                now = time.monotonic()
                gaps.append(now - last)
                last = now
        def requests():
            while len(gaps) < 150:
                with fanlight.trace('job'), fanlight.span('a'):
                    gevent.sleep(0)
        gevent.joinall([gevent.spawn(ticks), *(gevent.spawn(requests) for _ in range(3))])
        assert max(gaps) < 1.0, max(gaps)
        """,
        start=False,
    )
    assert result.returncode == 0, result.stderr
    assert black_hole.batches
    assert not black_hole.traces


def test_installed_by_itself_it_brings_no_other_package():
    assert [each for each in requires("fanlight") or () if "extra ==" not in each] == []


def test_what_lives_in_the_application_is_python_alone():
    folder = Path(fanlight.__file__).parent
    files = [path for room in LIGHT for path in (folder / room).rglob("*") if path.is_file()]
    assert {path.suffix for path in files if "__pycache__" not in path.parts} <= {".py", ".proto"}
