"""Full and read-only disks, a frozen collector, garbage on its socket: the application never notices."""

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import duckdb
import pytest

from fanlight.stores.duckdb.engine import open_engine

HANG_S = 20
"""What waits for the collector waits for ever, and gunicorn kills a worker that does after 30 s."""
LARGE = (
    "SELECT max(place * length(text)) // 64 FROM (SELECT text, row_number() OVER (ORDER BY text) AS place "
    "FROM (SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS text FROM range(900_000)))"
)
"""A question that is sorted on the disk: 128 MB of memory are too few for it."""


@pytest.fixture
def mounted(house):
    """A function that mounts a small disk of the test's own over a folder."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a disk to fill")
    folders = []

    def mount(folder):
        folder.mkdir(mode=0o700, parents=True)
        command = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0700", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting is not allowed here")
        folders.append(folder)
        return folder

    yield mount
    house.stack.close()
    for folder in folders:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def disk(house, mounted):
    """A small disk that holds the whole data directory, and what will fill it.

    That is made at once: a disk that others fill for a moment has no room for a new file's name.
    """
    folder = mounted(house.data)
    (folder / "filler").touch()
    return folder


def fill(disk, step):
    """Write to a disk until nothing more goes onto it."""
    with (disk / "filler").open("r+b", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(step))


def told(house, words):
    """Answer the lines of the servers' output that have one of the words."""
    text = (house.folder / "serve.log").read_text(errors="replace").lower()
    # Its own name may hold such a word.
    lines = text.replace(str(house.folder).lower(), "…").splitlines()
    return [line for line in lines if any(word in line for word in words)]


def remounted(disk, mode):
    """Mount a disk another way; answer whether it could be."""
    return subprocess.run(["mount", "-o", f"remount,{mode}", str(disk)], check=False).returncode == 0


def remount(disk, mode):
    assert remounted(disk, mode)


def test_a_full_disk_is_told_once_and_survived(house, kit, disk):
    house.serve()
    process, port = house.application("shop")
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request")
    fill(disk, 1 << 16)
    with kit.Load(port) as load:
        time.sleep(3)  # the disk stays full for a while
        (disk / "filler").unlink()
    assert load.wrong == []
    assert load.broken == 0
    kit.wait(lambda: house.stored("shop") == 1 + load.answered, "all requests")
    assert house.endpoints("shop").total() == 1 + load.answered
    kit.end(process)
    account = house.settled("shop")
    assert account["accepted"] == 1 + load.answered
    lines = told(house, ("no space", "full", "enospc"))
    # Collector and server have a say each, since both write to that disk.
    tellers = [who for line in lines for who in ("collector:", "server:") if f"fanlight {who}" in line]
    assert "collector:" in tellers, lines
    assert len(set(tellers)) == len(lines), lines


def test_what_a_full_disk_refused_to_sort_is_sorted_when_there_is_room(disk):
    engine = open_engine(disk)
    try:
        fill(disk, 1 << 20)
        with pytest.raises(duckdb.Error, match="No space left"):
            engine.execute(LARGE).fetchall()
        (disk / "filler").unlink()
        remount(disk, "size=400m")
        assert engine.execute(LARGE).fetchall() == [(900_000,)]
    finally:
        engine.close()


def test_a_spool_that_turns_read_only_is_told_once_and_survived(house, kit, mounted):
    house.data.mkdir(mode=0o700)
    spool = mounted(house.data / "spool")
    serve = house.serve()
    process, port = house.application("shop")
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request")
    # A disk with files open for writing cannot be made read-only, so the collector has to be away
    # for that moment, and nobody may start it.
    os.kill(serve.pid, signal.SIGSTOP)
    collector = house.pids()["collector"]
    os.kill(collector, signal.SIGKILL)
    kit.wait(lambda: not kit.alive(collector), "the collector's end")
    # Nor can one from which the server is just deleting what it has applied.
    kit.wait(lambda: remounted(spool, "ro"), "a disk that is not busy")
    os.kill(serve.pid, signal.SIGCONT)
    with kit.Load(port) as load:
        time.sleep(3)  # the disk stays read-only for a while
    remount(spool, "rw")
    assert load.wrong == []
    assert load.broken == 0
    kit.wait(lambda: house.stored("shop") == 1 + load.answered, "all requests")
    assert house.endpoints("shop").total() == 1 + load.answered
    kit.end(process)
    assert house.settled("shop")["accepted"] == 1 + load.answered
    lines = told(house, ("read-only",))
    assert 1 <= len(lines) <= 4, lines


def test_a_read_only_data_directory_is_an_error_that_says_so(house, disk):
    remount(disk, "ro")
    command = [sys.executable, "-P", "-m", "fanlight", "serve", "--data", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    remount(disk, "rw")
    assert done.returncode != 0
    assert str(disk) in done.stderr
    assert "read-only" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_command_runs_with_a_read_only_data_directory(house, disk):
    remount(disk, "ro")
    command = [sys.executable, "-P", "-m", "fanlight", "run", "--data", str(disk), "--", "echo", "served"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    remount(disk, "rw")
    assert done.returncode == 0
    assert done.stdout == "served\n"
    assert "Traceback" not in done.stderr


def test_a_frozen_collector_slows_no_answer_and_no_exit(house, kit):
    house.serve()
    process, port = house.application("shop")
    with kit.Load(port) as before:
        time.sleep(2)
    collector = house.pids()["collector"]
    os.kill(collector, signal.SIGSTOP)
    try:
        with kit.Load(port) as frozen:
            time.sleep(3)
        asked = time.monotonic()
        process.terminate()
        process.wait(60)
        exit_s = time.monotonic() - asked
    finally:
        os.kill(collector, signal.SIGCONT)
    assert before.wrong == frozen.wrong == []
    assert before.broken == frozen.broken == 0
    # How fast they are then, `make soak` measures.
    assert max(frozen.times_s) < HANG_S
    assert exit_s < HANG_S


def test_a_collector_frozen_for_a_while_loses_nothing(house, kit):
    house.serve()
    process, port = house.application("shop")
    collector = house.pids()["collector"]
    with kit.Load(port) as load:
        time.sleep(0.5)
        os.kill(collector, signal.SIGSTOP)
        time.sleep(2)
        os.kill(collector, signal.SIGCONT)
        time.sleep(0.5)
    kit.end(process)
    account = house.settled("shop")
    assert account["accepted"] == load.answered
    assert house.endpoints("shop").total() == load.answered


def ended_of(house, kit, service, total):
    """Wait until all of a service's traces are accounted for; answer how many a process took along."""
    found = {}

    def all_is_accounted_for():
        state = house.api("/api/status")["collector"] or {}
        found.update(state.get("lost_before_accept", {}).get(service, {}))
        found["accepted"] = state.get("accepted", {}).get(service, 0)
        return found.get("ended", 0) + found["accepted"] == total

    kit.wait(all_is_accounted_for, f"{total} traces to be accounted for", 120, 0.1, lambda: found)
    return found["ended"]


def test_what_a_killed_worker_had_not_sent_is_counted(house, kit):
    house.serve()
    _, port = house.application("shop", workers=1)
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request", 120, 0.1)
    (worker,) = [client["pid"] for client in house.status()["collector"]["clients"]]
    collector = house.pids()["collector"]
    os.kill(collector, signal.SIGSTOP)
    for number in range(1, 20):
        kit.get(port, f"/things/{number}")
        # Some of them are in a batch on its way, the others are nowhere but in the worker.
        time.sleep(0.03)
    os.kill(worker, signal.SIGKILL)
    os.kill(collector, signal.SIGCONT)
    assert ended_of(house, kit, "shop", 20) > 0


SCRIPT = """
import ctypes, fanlight, os, sys, time
from fanlight.agent.agent import AGENT
from fanlight.recording.slots.slot import HERE

def run():
    for line in sys.stdin:
        with fanlight.trace("job"):
            pass
        print("done", flush=True)

if sys.argv[1] != "script":
    # As a pool of workers has it: what was begun here is nothing of theirs.
    with fanlight.trace("before"):
        pass
    fanlight.flush()
    # The parent has its account by then, and its thread imports nothing that the child would wait for.
    while not HERE.path or AGENT.importing:
        time.sleep(0.01)
    if (ctypes.PyDLL(None).fork if sys.argv[1] == "child of C code" else os.fork)():
        os.wait()
        sys.exit()
print(os.getpid(), flush=True)
run()
"""


@pytest.mark.parametrize("whose", ["script", "child", "child of C code"])
def test_so_is_what_a_killed_script_or_a_forked_child_had_not_sent(house, kit, whose):
    house.serve()
    (house.folder / "jobs.py").write_text(SCRIPT)
    command = [*house.FANLIGHT, "run", "--data", str(house.data), "--", sys.executable, "jobs.py", whose]
    with (house.folder / "jobs.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=house.folder,
            env=house.environment(FANLIGHT_SERVICE="jobs"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    house.stack.enter_context(process)
    house.stack.callback(process.kill)
    before = whose != "script"
    worker = int(process.stdout.readline())

    def run():
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    run()
    kit.wait(lambda: house.stored("jobs") == 1 + before, "the first run", 120, 0.1)
    collector = house.pids()["collector"]
    os.kill(collector, signal.SIGSTOP)
    for _ in range(19):
        run()
        time.sleep(0.03)
    os.kill(worker, signal.SIGKILL)
    os.kill(collector, signal.SIGCONT)
    assert ended_of(house, kit, "jobs", 20 + before) > 0
    # It serves nobody, so it is no server's worker.
    assert house.api("/api/servers")["servers"] == []


def garbage(path, chance):
    """Send one connection's worth of nonsense and look whether it is let go."""
    header = struct.Struct("<IHH")
    kinds = (
        lambda: chance.randbytes(chance.randrange(1, 4096)),
        lambda: header.pack(0xFFFFFFFF, 4, 1) + bytes(64),
        lambda: header.pack(100, 1, 1) + b"\xff" * 100,
        lambda: header.pack(1 << 22, 1, 1) + bytes(1000),
        lambda: header.pack(8, 1, 65535) + bytes(8),
        lambda: header.pack(0, 4, 1) * 50,
        lambda: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: b"",
    )
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(0.2)
        connection.connect(path)
        connection.sendall(chance.choice(kinds)())
        connection.recv(4096)


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_garbage_on_the_socket_disturbs_nobody(house, kit):
    house.serve()
    process, port = house.application("shop")
    collector = house.pids()["collector"]
    path = str(house.data / "run" / "collector.sock")
    assert kit.get(port, "/things/0") == (200, "fan 0")
    kit.wait(lambda: house.stored("shop") == 1, "the first request")
    usual = resident_bytes(collector)
    # Several at a time: some are let go only when they have said nothing for a while.
    with kit.Load(port) as load, ThreadPoolExecutor(10) as senders:
        list(senders.map(lambda seed: garbage(path, random.Random(seed)), range(150)))
    assert house.pids()["collector"] == collector
    assert resident_bytes(collector) - usual < 64 << 20
    assert load.wrong == []
    assert load.broken == 0
    kit.end(process)
    house.settled("shop")
    assert house.endpoints("shop").total() == 1 + load.answered
