"""Who holds a socket, among the processes asked for and no others."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from fanlight.sources.holders import DESCRIPTORS, FRESH_NS, LOOK_NS, PROCESSES, Holders, tree

SHARE = """
import os, sys
child = os.fork()
if child == 0:
    child = os.fork()
os.write(1, b"ready\\n")
sys.stdin.read()
"""


NAME = "waiting"
"""Of every process that the tests show."""


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def inode(made: socket.socket) -> int:
    return os.fstat(made.fileno()).st_ino


def test_a_whole_tree_of_processes_is_found_holding_a_socket():
    with socket.create_server(("127.0.0.1", 0)) as made:
        process = subprocess.Popen(
            [sys.executable, "-c", SHARE],
            pass_fds=[made.fileno()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process, process.stdin:
            assert [process.stdout.readline() for _ in range(3)] == ["ready\n"] * 3
            found = Holders(lambda: [process.pid]).holders([inode(made)])
            pids = tree([process.pid])
    assert len(pids) == 3
    assert list(found.values()) == [(tuple(sorted(pids)), Path(sys.executable).name[:15])]


def test_only_the_sockets_asked_for_are_told():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        known = Holders(lambda: [os.getpid()]).holders([inode(one)])
        assert {number: pids for number, (pids, _) in known.items()} == {inode(one): (os.getpid(),)}
        assert inode(other) not in known


def test_nobody_concerned_is_nobody_looked_at(tmp_path: Path):
    assert Holders(tuple, proc=str(tmp_path)).holders([1, 2]) == {}


def test_a_process_that_is_gone_holds_nothing():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(60)
    assert Holders(lambda: [process.pid]).holders([1]) == {}


def shown(proc: Path, pid: int, descriptors: dict[int, int]) -> None:
    """Let a process appear with sockets of these inodes, by descriptor."""
    (proc / str(pid) / "fd").mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "comm").write_text(NAME + "\n")
    for number, inode in descriptors.items():
        link = proc / str(pid) / "fd" / str(number)
        link.unlink(missing_ok=True)
        link.symlink_to(f"socket:[{inode}]")


def test_a_look_is_kept_for_a_moment_and_while_nothing_changed(tmp_path: Path):
    clock = Clock()
    shown(tmp_path, 7, {3: 100, 4: 200})
    held = Holders(lambda: [7], proc=str(tmp_path), clock=clock)
    first = held.holders([100])
    assert first == {100: ((7,), NAME)}
    clock.now_ns += LOOK_NS // 2
    # A new one is noticed a moment after the last look.
    assert held.holders([100, 200]) is first
    clock.now_ns += LOOK_NS
    assert held.holders([100, 200]) == {100: ((7,), NAME), 200: ((7,), NAME)}
    clock.now_ns += LOOK_NS
    second = held.holders([100, 200])
    shown(tmp_path, 7, {3: 999})
    assert held.holders([100, 200]) is second
    clock.now_ns += FRESH_NS
    assert held.holders([100, 200]) == {200: ((7,), NAME)}


def test_a_program_that_was_started_since_is_noticed_at_the_next_look(tmp_path: Path):
    clock, programs = Clock(), [7]
    shown(tmp_path, 7, {3: 100})
    shown(tmp_path, 8, {3: 100})
    held = Holders(lambda: programs, proc=str(tmp_path), clock=clock)
    assert held.holders([100]) == {100: ((7,), NAME)}
    programs.append(8)
    clock.now_ns += LOOK_NS
    assert held.holders([100]) == {100: ((7, 8), NAME)}


def test_a_child_that_was_started_since_is_noticed_after_a_while(tmp_path: Path):
    clock = Clock()
    shown(tmp_path, 7, {3: 100})
    held = Holders(lambda: [7], proc=str(tmp_path), clock=clock)
    held.holders([100])
    (tmp_path / "7" / "task" / "7").mkdir(parents=True)
    (tmp_path / "7" / "task" / "7" / "children").write_text("8 ")
    shown(tmp_path, 8, {3: 100})
    clock.now_ns += FRESH_NS
    assert held.holders([100]) == {100: ((7, 8), NAME)}


def test_everything_is_looked_at_again_after_a_while(tmp_path: Path):
    clock = Clock()
    shown(tmp_path, 7, {3: 100})
    shown(tmp_path, 8, {})
    held = Holders(lambda: [7, 8], proc=str(tmp_path), clock=clock)
    held.holders([100])
    shown(tmp_path, 8, {3: 100})
    clock.now_ns += LOOK_NS
    assert held.holders([100]) == {100: ((7,), NAME)}
    clock.now_ns += FRESH_NS
    assert held.holders([100]) == {100: ((7, 8), NAME)}


def test_a_process_with_many_descriptors_costs_no_more_than_a_bound(tmp_path: Path):
    shown(tmp_path, 7, {number: 100 + number for number in range(DESCRIPTORS + 1)})
    held = Holders(lambda: [7], proc=str(tmp_path))
    assert held.holders([100, 99 + DESCRIPTORS, 100 + DESCRIPTORS]) == {
        100: ((7,), NAME),
        99 + DESCRIPTORS: ((7,), NAME),
    }


def test_a_tree_has_a_bound_and_each_process_once(tmp_path: Path):
    for pid in range(1, PROCESSES + 20):
        (tmp_path / str(pid) / "task" / str(pid)).mkdir(parents=True)
        # Not even a circle would keep it busy.
        (tmp_path / str(pid) / "task" / str(pid) / "children").write_text(f"{pid + 1} 1 ")
    found = tree([1], str(tmp_path))
    assert len(found) == len(set(found)) == PROCESSES
