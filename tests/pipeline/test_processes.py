"""What the supervisor does when its children die, live, report and are stopped."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from fanlight.pipeline import processes
from fanlight.pipeline.processes import Child, Supervisor

BUSY_S = 20.0
"""What a machine with other work may add to a time that is promised."""


class Clock:
    def __init__(self):
        self.now_s = 1000.0
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return self.now_s


def child(role="collector"):
    return Child(role, [], (), {})


def test_a_child_that_had_been_ready_is_due_within_a_second_however_often_it_dies():
    one = child()
    for lived_s in (100.0, 0.0, 0.4, 3.0):
        one.started_s, one.ready = 1000.0, True
        delay_s = one.died(1000.0 + lived_s)
        assert delay_s == pytest.approx(max(0.0, 1.0 - lived_s))
        assert one.due_s == 1000.0 + lived_s + delay_s


def test_one_that_dies_before_it_is_ready_is_tried_less_and_less_often():
    one = child()
    assert [one.died(0.0) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_being_ready_once_forgets_the_early_deaths():
    one = child()
    for _ in range(5):
        one.died(0.0)
    one.report, theirs = os.pipe()
    os.set_blocking(one.report, False)
    os.write(theirs, processes.READY)
    os.close(theirs)
    one.hear()
    one.started_s = -100.0
    assert one.died(0.0) == 0
    one.ready = False
    assert one.died(0.0) == 1


def test_a_start_begins_anew_with_what_was_known_of_the_one_before():
    one = Child("collector", [sys.executable, "-I", "-c", "import time; time.sleep(60)"], (), {})
    one.start(0.0)
    one.ready = True
    one.renew(10.0)
    one.process.wait()
    assert one.died(10.0) == 0
    one.start(10.0)
    try:
        # It is not the one that was asked to end.
        one.insist(1000.0)
        with pytest.raises(subprocess.TimeoutExpired):
            one.process.wait(0.2)
    finally:
        one.process.kill()
        one.process.wait()
    # Nor is it the one that had been ready.
    assert [one.died(1000.0), one.died(1000.0)] == [1, 2]


def test_a_look_that_found_somebody_is_not_repeated_before_all_of_the_time_is_over():
    looks = []

    def last_call():
        looks.append(clock.now_s)
        return len(looks) == 2

    supervisor = Supervisor([], lambda: None, 60.0, last_call=last_call)
    supervisor.clock = clock = Clock()
    supervisor.used_s = supervisor.looked_s = clock.now_s
    while not supervisor.is_over():
        clock.now_s += 1.0
    assert looks == [1060.0, 1120.0]


PATIENT = """
import os, signal, sys, time
number = int(sys.argv[sys.argv.index("--report-fd") + 1])
{body}
while True:
    time.sleep(60)
"""


def scripted(role, body, log):
    """A child that is a few lines of Python and notes its birth in a file."""
    source = f"open({str(log)!r}, 'a').write('{role} born\\n')\n" + PATIENT.format(body=textwrap.dedent(body))
    return Child(role, [sys.executable, "-I", "-c", source], (), dict(os.environ))


READY = 'os.write(number, b"r")'


@pytest.fixture
def supervise():
    """Run a supervisor in a process of its own main thread: this one's, with a helper thread beside it."""

    def run(children, helper, clock=time.monotonic, **more):
        supervisor = Supervisor(children, lambda: None, **more)
        supervisor.clock = clock
        supervisor.used_s = supervisor.looked_s = supervisor.watched_s = clock()
        failures = []

        def beside():
            try:
                helper(supervisor)
            except BaseException as error:
                failures.append(error)
            finally:
                if not supervisor.signals:
                    os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=beside)
        thread.start()
        code = supervisor.run()
        thread.join()
        assert not failures, failures
        assert all(one.process is None or one.process.poll() is not None for one in children)
        return code

    return run


def wait_for(what, within_s=60.0):
    deadline_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.01)


def test_children_killed_with_9_come_back_within_about_a_second(tmp_path, supervise):
    log = tmp_path / "log"
    children = [scripted("collector", READY, log), scripted("server", READY, log)]

    def kill_both(_):
        wait_for(lambda: all(one.ready for one in children))
        before = [one.pid for one in children]
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: all(one.pid not in (None, *before) and one.ready for one in children))

    assert supervise(children, kill_both) == 0
    assert sorted(log.read_text().splitlines()) == ["collector born"] * 2 + ["server born"] * 2


def test_a_misconfigured_child_ends_the_supervisor_with_its_code(tmp_path):
    bodies = {"collector": "", "server": "sys.exit(4)"}
    children = [scripted(role, body, tmp_path / "log") for role, body in bodies.items()]
    assert Supervisor(children, lambda: None).run() == 4


def test_only_one_that_never_ran_ends_the_supervisor_by_its_settings():
    one = Child("server", [sys.executable, "-I", "-c", "raise SystemExit(1)"], (), {})
    supervisor = Supervisor([one], lambda: None)
    for source in ("raise SystemExit(1)", "raise SystemExit(4)"):
        one.command[-1] = source
        one.start(0.0)
        one.process.wait()
        supervisor.reap()
        assert one.process is None
    # Somebody is just editing a file: it is tried again.
    assert supervisor.exit_code == 0


def test_a_child_that_was_asked_to_begin_anew_and_does_not_is_killed(tmp_path, supervise):
    log, clock = tmp_path / "log", Clock()
    # The first of them alone.
    stubborn = f"""
    if open({str(log)!r}).read().count("born") == 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(number, b"r")
    """
    one = scripted("collector", stubborn, log)

    def ask(_):
        wait_for(lambda: one.ready)
        one.renew(clock.now_s)
        clock.now_s += processes.ALL_GRACE_S
        try:
            wait_for(lambda: one.starts == 2)
        except AssertionError:
            one.process.kill()
            raise

    assert supervise([one], ask, clock=clock) == 0


def test_ctrl_c_reaches_no_child(tmp_path, supervise):
    children = [scripted(role, READY, tmp_path / "log") for role in ("collector", "server")]

    def look(_):
        wait_for(lambda: all(one.ready for one in children))
        assert [os.getpgid(one.pid) for one in children] == [one.pid for one in children]

    assert supervise(children, look) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_of_the_usual_signals_stops_it_in_order(tmp_path, supervise, number):
    one = scripted("collector", READY, tmp_path / "log")

    def ask(supervisor):
        wait_for(lambda: one.ready)
        assert signal.getsignal(number) == supervisor.note
        os.kill(os.getpid(), number)

    assert supervise([one], ask) == 0
    assert one.process.returncode == -signal.SIGTERM


SLOW = """
def asked(*_):
    open({log!r}, "a").write("{role} asked\\n")
signal.signal(signal.SIGTERM, asked)
os.write(number, b"r")
while not os.path.exists({go!r}):
    time.sleep(0.02)
sys.exit(0)
"""


def test_a_second_signal_ends_the_wait_for_children(tmp_path, supervise):
    log = tmp_path / "log"
    one = scripted("collector", SLOW.format(log=str(log), role="it", go=str(tmp_path / "never")), log)
    clock = Clock()

    def ask_twice(_):
        wait_for(lambda: one.ready)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            wait_for(lambda: "asked" in log.read_text())
        try:
            # By this clock, the time that it may take is never over.
            wait_for(lambda: not is_alive(one.pid))
        finally:
            clock.now_s += 1000.0

    assert supervise([one], ask_twice, clock=clock) == 0


def test_the_last_one_has_all_of_the_time_that_is_left(tmp_path, supervise):
    log, go = tmp_path / "log", tmp_path / "go"
    children = [
        scripted("collector", READY, log),
        scripted("server", SLOW.format(log=str(log), role="server", go=str(go)), log),
    ]
    clock = Clock()

    def ask(_):
        wait_for(lambda: all(one.ready for one in children))
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: "server asked" in log.read_text())
        clock.now_s += processes.ALL_GRACE_S - 0.1
        asked = clock.asked
        # What died once more is only a reason to look at the clock.
        os.kill(os.getpid(), signal.SIGCHLD)
        wait_for(lambda: clock.asked >= asked + 2 or not is_alive(children[1].pid))
        go.touch()
        wait_for(lambda: children[1].process.returncode is not None)

    assert supervise(children, ask, clock=clock) == 0
    assert children[1].process.returncode == 0


def test_stopping_is_ordered_and_waits_for_each(tmp_path, supervise):
    log = tmp_path / "log"
    farewell = """
    def bye(*_):
        time.sleep(0.2)
        open({log!r}, "a").write("{role} bye\\n")
        os._exit(0)
    signal.signal(signal.SIGTERM, bye)
    os.write(number, b"r")
    """
    children = [
        scripted(role, farewell.format(log=str(log), role=role), log) for role in ("collector", "server")
    ]
    supervise(children, lambda _: wait_for(lambda: all(one.ready for one in children)))
    assert log.read_text().splitlines()[-2:] == ["collector bye", "server bye"]


def test_a_child_that_ignores_the_signal_is_killed_within_five_seconds(tmp_path, supervise):
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY
    children = [scripted("collector", stubborn, tmp_path / "a"), scripted("server", stubborn, tmp_path / "b")]
    began = []

    def wait_until_up(_):
        wait_for(lambda: all(one.ready for one in children))
        began.append(time.monotonic())

    supervise(children, wait_until_up)
    assert 1 < time.monotonic() - began[0] < 5 + BUSY_S
    assert [one.process.returncode for one in children] == [-signal.SIGKILL] * 2


def test_it_leaves_when_nobody_uses_it(tmp_path):
    children = [scripted("collector", READY, tmp_path / "log")]
    began_s = time.monotonic()
    assert Supervisor(children, lambda: None, leave_after_s=0.5).run() == 0
    assert 0.5 <= time.monotonic() - began_s < 0.5 + BUSY_S


def test_it_stays_as_long_as_a_child_is_in_use(tmp_path, supervise):
    used = 'while True:\n    os.write(number, b"a")\n    time.sleep(0.01)\n'
    children, clock = [scripted("collector", used, tmp_path / "log")], Clock()

    def let_time_pass(supervisor):
        for _ in range(5):
            clock.now_s += 0.9
            wait_for(lambda: supervisor.used_s == clock.now_s)

    assert supervise(children, let_time_pass, clock=clock, leave_after_s=1.0) == 0


def test_an_interpreter_that_is_gone_is_tried_again_and_not_fatal(tmp_path, supervise):
    children = [
        Child("collector", [str(tmp_path / "nothing")], (), {}),
        scripted("server", READY, tmp_path / "log"),
    ]

    def look(_):
        wait_for(lambda: children[0].early_deaths >= 1 and children[1].ready)

    assert supervise(children, look) == 0


ORPHANED = """
import os, subprocess, sys, time
from fanlight.pipeline.processes import Child
one = Child("collector", [sys.executable, "-P", "-c", {source!r}], (), dict(os.environ))
one.start(0.0)
print(one.pid, flush=True)
time.sleep(60)
"""

ORPHAN = """
import sys, time
from fanlight.pipeline.child import Reporter, die_with_parent
number = lambda name: int(sys.argv[sys.argv.index(name) + 1])
die_with_parent(number("--parent"))
Reporter(number("--report-fd"), number("--parent"), lambda: True, lambda: True).start()
while True:
    time.sleep(60)
"""


def test_children_die_with_a_supervisor_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", ORPHANED.format(source=ORPHAN)], stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_for(lambda: not is_alive(pid))


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_only_what_is_visibly_ours_counts_as_an_orphan(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    ours = subprocess.Popen([*command, "--role", "collector", "--data", str(tmp_path)])
    other = subprocess.Popen([*command, "--role", "collector", "--data", "/elsewhere"])
    threading.Thread(target=ours.wait).start()
    try:
        wait_for(lambda: processes.is_role_of(ours.pid, str(tmp_path)))
        processes.end_orphans(str(tmp_path), {"collector": ours.pid, "server": other.pid})
        assert ours.wait(30) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
