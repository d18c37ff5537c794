"""No descriptors, no memory, no place for a socket, a clock set back: counted, told, survived."""

import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

import fanlight

FROZEN_S = 20


def begin(house, kit, **settings):
    """Serve, and have one application that has reported once; answer its port and process."""
    house.serve(**settings)
    process, port = house.application("shop")
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request", 120, 0.2)
    return process, port


def all_is_counted(house, kit, process, load):
    """End the application; everything that was answered is stored once."""
    assert load.wrong == []
    assert load.broken == 0
    kit.end(process)
    account = house.settled("shop")
    assert account["accepted"] == 1 + load.answered
    assert house.endpoints("shop").total() == 1 + load.answered


def log(house):
    return (house.folder / "serve.log").read_text(errors="replace")


def cpu_s(pid):
    """Answer the CPU seconds that a process has had."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.soak
def test_a_collector_frozen_for_twenty_seconds_loses_nothing_and_slows_nobody(house, kit, record_property):
    process, port = begin(house, kit)
    collector = house.pids()["collector"]
    with kit.Load(port) as before:
        time.sleep(5)
    workers = kit.children(process.pid)
    usual = [resident_bytes(pid) for pid in workers]
    os.kill(collector, signal.SIGSTOP)
    try:
        with kit.Load(port) as frozen:
            time.sleep(FROZEN_S)
    finally:
        os.kill(collector, signal.SIGCONT)
    grown = [resident_bytes(pid) - was for pid, was in zip(workers, usual, strict=True)]
    p50_s, slowed_s = (statistics.median(load.times_s) for load in (before, frozen))
    longest_s, grown_mib = max(frozen.times_s), max(grown) / (1 << 20)
    record_property(
        "measured",
        f"{frozen.answered} requests while it stood, 0 lost; half of them within {1000 * slowed_s:.1f} ms, "
        f"before {1000 * p50_s:.1f} ms; the longest {longest_s:.2f} s; workers +{grown_mib:.1f} MiB",
    )
    record_property("limit", "0; +1 ms; 1 s; +32 MiB")
    assert grown_mib < 32
    # Waiting for it would take as long as it stands; what else a busy machine does is told alone.
    assert longest_s < max(before.times_s) + FROZEN_S / 2
    assert slowed_s < 2 * p50_s + 0.01
    frozen.answered += before.answered
    all_is_counted(house, kit, process, frozen)
    assert house.pids()["collector"] == collector


def test_a_deleted_socket_and_lock_of_the_collector_are_put_back(house, kit):
    process, port = begin(house, kit)
    pids = house.pids()
    path, lock = house.data / "run" / "collector.sock", house.data / "spool" / "lock"
    with kit.Load(port) as load:
        path.unlink()
        lock.unlink()
        kit.wait(lambda: path.exists() and lock.exists(), "socket and lock")
        late, late_port = house.application("late", workers=1)
        assert kit.get(late_port, "/things/1") == (200, "fan 1")
        kit.wait(lambda: house.stored("late") == 1, "a new application's request", 120, 0.2)
    all_is_counted(house, kit, process, load)
    kit.end(late)
    assert house.pids() == pids


@pytest.fixture
def mounted(house, tmp_path):
    """A function that mounts a file system of a kind over a new folder; answers the folder."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount")
    folders = []

    def mount(kind):
        folder = tmp_path / kind
        folder.mkdir(mode=0o700)
        if subprocess.run(
            ["mount", "-t", kind, kind, str(folder)], capture_output=True, check=False
        ).returncode:
            pytest.skip("mounting is not allowed here")
        folders.append(folder)
        return folder

    yield mount
    house.stack.close()
    for folder in folders:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def serve_at(house, path):
    """Run `serve` with a socket path that cannot be had; answer what it says."""
    command = [*house.FANLIGHT, "serve", "--data", str(house.data), "--listen", "127.0.0.1:0"]
    return subprocess.run(
        [*command, "--socket", str(path)], capture_output=True, text=True, timeout=120, check=False
    )


def test_a_socket_directory_that_is_read_only_is_an_error_that_says_so(house, mounted):
    folder = mounted("tmpfs")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    done = serve_at(house, folder / "collector.sock")
    assert done.returncode == 4
    assert f"cannot listen at {folder}/collector.sock: Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_system_that_has_no_sockets_is_an_error_and_the_program_runs(house, mounted):
    path = mounted("mqueue") / "collector.sock"
    done = serve_at(house, path)
    assert done.returncode == 4
    assert f"cannot listen at {path}: Operation not permitted" in done.stderr
    assert "--socket" in done.stderr
    run = [*house.FANLIGHT, "run", "--data", str(house.data), "--socket", str(path)]
    environ = house.environment(FANLIGHT_LISTEN="127.0.0.1:0")
    command = [*run, "--", sys.executable, "-c", "print('served')"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)
    assert (done.returncode, done.stdout) == (0, "served\n")
    assert "Traceback" not in done.stderr
    house.ask("stop")


def test_a_socket_directory_that_turns_read_only_serves_on(house, kit, mounted):
    folder = mounted("tmpfs")
    process, port = begin(house, kit, FANLIGHT_SOCKET=str(folder / "collector.sock"))
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    with kit.Load(port) as load:
        late, late_port = house.application("late", workers=1)
        assert kit.get(late_port, "/things/1") == (200, "fan 1")
        kit.wait(lambda: house.stored("late") == 1, "a new application's request", 120, 0.2)
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    all_is_counted(house, kit, process, load)
    kit.end(late)


def starve(pid, spare):
    """Leave a process this many descriptors more than it has open; answer a function that ends it."""
    numbers = [int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()]
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(numbers) + 1 + spare, before[1]))
    return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits other processes")
def test_a_collector_without_descriptors_serves_whom_it_has_and_takes_others_later(house, kit):
    process, port = begin(house, kit)
    collector = house.pids()["collector"]
    feed = starve(collector, spare=2)
    with kit.Load(port) as load, ExitStack() as held:
        for _ in range(20):
            peer = held.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(house.data / "run" / "collector.sock"))
        kit.wait(lambda: "cannot take more connections" in log(house), "a word about it")
        spent, began_s = cpu_s(collector), time.monotonic()
        time.sleep(2)
        assert cpu_s(collector) - spent < (time.monotonic() - began_s) / 2  # waiting, not turning
        feed()
        held.close()
        late, late_port = house.application("late", workers=1)
        assert kit.get(late_port, "/things/1") == (200, "fan 1")
        kit.wait(lambda: house.stored("late") == 1, "a new application's request", 120, 0.2)
    assert log(house).count("cannot take more connections") == 1
    assert house.pids()["collector"] == collector
    all_is_counted(house, kit, process, load)
    kit.end(late)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits other processes")
def test_a_server_without_descriptors_applies_everything_later(house, kit):
    process, port = begin(house, kit)
    server = house.pids()["server"]
    feed = starve(server, spare=0)
    with kit.Load(port) as load, ExitStack() as held:
        for _ in range(10):
            peer = held.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(house.data / "run" / "server.sock"))
        spent, began_s = cpu_s(server), time.monotonic()
        time.sleep(3)
        assert cpu_s(server) - spent < (time.monotonic() - began_s) / 2
        held.close()
        feed()
    all_is_counted(house, kit, process, load)
    assert log(house).count("Traceback") == 0


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits other processes")
@pytest.mark.parametrize("role", ["collector", "server"])
def test_a_process_without_memory_loses_nothing(house, kit, role):
    process, port = begin(house, kit)
    pid = house.pids()[role]
    with open(f"/proc/{pid}/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (used + (1 << 20), before[1]))
    with kit.Load(port) as load:
        time.sleep(3)
        # It may have died of it: the next one has what it needs.
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_AS, before)
        time.sleep(1)
    all_is_counted(house, kit, process, load)


CLOCK = '''
"""A wall clock that stands where a file says, in seconds from the real one."""
import os, time
real_ns, path = time.time_ns, os.environ.get("FANLIGHT_TEST_CLOCK")

def shift():
    try:
        with open(path) as file:
            return int(file.read() or 0)
    except OSError:
        return 0

if path:
    time.time_ns = lambda: real_ns() + shift() * 10**9
    time.time = lambda: time.time_ns() / 1e9
'''


def test_a_clock_that_is_set_back_and_on_again_loses_and_doubles_nothing(house, kit, tmp_path):
    # The machine's own clock cannot be set for one test, so the processes' view of it is.
    site = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(fanlight.__file__).parent, site / "fanlight", ignore=ignored)
    (site / "sitecustomize.py").write_text(CLOCK)
    clock = tmp_path / "clock"
    clock.write_text("0")
    settings = {"PYTHONPATH": str(site), "FANLIGHT_TEST_CLOCK": str(clock)}
    process, port = begin(house, kit, **settings)
    pids = house.pids()
    with kit.Load(port) as load:
        for shift_s in (-1800, 0, -90, -2400, 0):
            clock.write_text(str(shift_s))
            goal = 2 + load.answered
            kit.wait(lambda least=goal: house.stored("shop") >= least, f"requests at {shift_s} s", 120, 0.2)
    all_is_counted(house, kit, process, load)
    assert house.pids() == pids
    assert log(house).count("Traceback") == 0
