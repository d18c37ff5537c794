"""Where a sandbox forbids the kernel's tables of sockets, a server's queue is read all the same."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from matrix_servers import gunicorn
from matrix_serving import serving
from matrix_slots import SITE, Client, Gate, Watch

if TYPE_CHECKING:
    from pathlib import Path

    from matrix_receiver import Receiver

SOCKET = {"x86_64": 41, "aarch64": 198}.get(platform.machine())
"""Number of the system call that a filter looks for."""

READER = """
import ctypes, json, os, socket, struct, sys, time

def forbid(call, family):
    # Loads the call's number, then its first argument; one that is met fails with EPERM, others go on.
    lines = [(0x20, 0, 0, 0), (0x15, 0, 3, call), (0x20, 0, 0, 16), (0x15, 0, 1, family),
             (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    program = struct.pack("@HP", len(lines), ctypes.addressof(code))
    kept = ctypes.create_string_buffer(program, len(program))
    library = ctypes.CDLL(None, use_errno=True)
    assert library.prctl(38, 1, 0, 0, 0) == 0
    assert library.prctl(22, 2, kept, 0, 0) == 0, os.strerror(ctypes.get_errno())

from fanlight.sources.listeners import Listeners

call, pid = map(int, sys.argv[1:])
forbid(call, socket.AF_NETLINK)
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
except PermissionError:
    pass
else:
    sys.exit("netlink is not forbidden")
told = []
listeners = Listeners(warn=told.append)
listeners.holders.roots = lambda: [pid]
listeners.read(time.monotonic_ns())
before = os.listdir("/proc/self/fd")
for line in sys.stdin:
    found = listeners.read(time.monotonic_ns()).listeners
    left = len(os.listdir("/proc/self/fd")) - len(before)
    print(json.dumps([[each._asdict() for each in found], told, left]), flush=True)
"""


class Reader:
    """A process that may not ask the kernel for its sockets, and reads listeners."""

    def __init__(self, pid: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(SOCKET), str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> tuple[list[dict], list[str], int]:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found, told, left = json.loads(self.process.stdout.readline())
        return found, told, left

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


@pytest.mark.skipif(SOCKET is None, reason="the filter is written for two kinds of machines")
@pytest.mark.parametrize(
    "options", [("-k", "sync", "-w", "3"), ("-k", "gthread", "-w", "1")], ids=["sync", "gthread"]
)
def test_a_queue_is_read_from_the_listening_socket_itself(
    options: tuple[str, ...], folder: Path, receiver: Receiver, gate: Gate, watch: Watch
) -> None:
    busy = 3 if "sync" in options else 1
    (folder / "site_app.py").write_text(SITE)
    with serving(gunicorn(*options), folder, receiver, {"GATE": str(gate.path)}) as server:
        reader = Reader(server.process.pid)
        clients = [Client(server.port, "/hold") for _ in range(10)]
        watch.until(lambda found: sum(each.busy for each in found.workers) == busy == len(gate.held))
        waiting = 10 - busy if "sync" in options else 0
        watch.until(
            lambda _: [(each["queued"], each["limit"]) for each in reader.read()[0]] == [(waiting, 2048)]
        )
        # Who holds it is looked up every two seconds.
        watch.until(lambda found: {each.pid for each in found.workers} <= {*reader.read()[0][0]["pids"]})
        (listener,), told, left = reader.read()
        assert (listener["family"], listener["address"]) == ("tcp4", f"127.0.0.1:{server.port}")
        assert server.process.pid in listener["pids"]
        assert (listener["drops"], left) == (None, 0)
        assert [text.partition(": ")[0] for text in told] == [
            "the queues of tcp4, tcp6, unix listeners are not shown"
        ]
        gate.open()
        assert all(client.answer() for client in clients)
    # Nobody else has the port open.
    assert reader.read()[0] == []
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", server.port))
        again.listen()
    reader.close()
