"""Queue, limit and drops of real listeners, beside what `ss` says of them."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from listening import of, queues_by_ss, read, read_when, ss

from fanlight.sources.listeners import RETRY_NS, Listeners, inet, local, shown
from fanlight.sources.netlink import LISTEN, Netlink, inet_request, unix_request

if TYPE_CHECKING:
    from listening import Bench

    from fanlight.wire.readings import Listener

READS = 20
ESTABLISHED = 1
SOMAXCONN = int(Path("/proc/sys/net/core/somaxconn").read_text())


def test_queue_and_limit_are_those_of_ss_on_every_read(bench: Bench, listeners: Listeners):
    ss()
    made = bench.tcp(64)
    six = bench.listen(socket.AF_INET6, ("::1", 0), 32)
    named = bench.listen(socket.AF_UNIX, b"\0fanlight-test-%d" % os.getpid(), 16)
    ours = {os.fstat(each.fileno()).st_ino for each in (made, six, named)}

    def queued(found: tuple[Listener, ...]) -> list[int]:
        return sorted(each.queued for each in found if each.inode in ours)

    for turn in range(READS):
        bench.connect(made.getsockname(), 1)
        bench.connect(six.getsockname(), turn % 2, socket.AF_INET6)
        bench.connect(named.getsockname(), turn % 2, socket.AF_UNIX)
        awaited = {turn + 1, (turn + 1) // 2}
        found = read_when(
            listeners,
            lambda found, awaited=awaited: {each.queued for each in found if each.inode in ours} == awaited,
        )
        told = {**queues_by_ss("-t"), **queues_by_ss("-x")}
        assert {each.inode: (each.queued, each.limit) for each in found if each.inode in ours} == {
            inode: queues for inode, queues in told.items() if inode in ours
        }


def test_a_full_queue_holds_one_more_than_its_limit_and_counts_what_it_refuses(
    bench: Bench, listeners: Listeners
):
    made, neighbour = bench.tcp(5), bench.tcp(5)
    bench.connect(made.getsockname(), 8)
    found = read_when(listeners, lambda found: bool(of(found, made).drops))
    full = of(found, made)
    assert (full.queued, full.limit) == (6, 5)
    assert full.drops is not None
    assert full.drops > 0
    assert of(found, neighbour)[3:6] == (0, 5, 0)


def test_the_limit_is_what_the_system_allows(bench: Bench, listeners: Listeners):
    made = bench.tcp(SOMAXCONN * 2)
    assert of(read(listeners), made).limit == SOMAXCONN


def test_listeners_that_share_a_port_are_rows_of_their_own(bench: Bench, listeners: Listeners):
    shared = (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made = [bench.listen(socket.AF_INET, ("127.0.0.1", 0), 64, shared)]
    made += [bench.listen(socket.AF_INET, made[0].getsockname(), 64, shared) for _ in range(3)]
    bench.connect(made[0].getsockname(), 40)
    inodes = {os.fstat(each.fileno()).st_ino for each in made}
    found = read_when(
        listeners, lambda found: sum(each.queued for each in found if each.inode in inodes) == 40
    )
    rows = [each for each in found if each.inode in inodes]
    assert len(rows) == 4
    assert sum(each.queued for each in rows) == 40
    assert len({each.address for each in rows}) == 1


def test_ipv6_and_dual_stack_are_exact(bench: Bench, listeners: Listeners):
    six = bench.listen(socket.AF_INET6, ("::1", 0), 16)
    both = bench.listen(socket.AF_INET6, ("::", 0), 16, (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0))
    port = both.getsockname()[1]
    bench.connect(six.getsockname(), 4, socket.AF_INET6)
    bench.connect(("127.0.0.1", port), 3)
    bench.connect(("::1", port), 2, socket.AF_INET6)
    found = read_when(listeners, lambda found: (of(found, six).queued, of(found, both).queued) == (4, 5))
    assert of(found, six)[1:5] == ("tcp6", f"[::1]:{six.getsockname()[1]}", 4, 16)
    assert of(found, both)[1:5] == ("tcp6", f"[::]:{port}", 5, 16)


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_a_unix_socket_is_exact(bench: Bench, listeners: Listeners, tmp_path: Path, kind: str):
    address: Any = str(tmp_path / "x.sock") if kind == "path" else b"\0fanlight-test-%d" % os.getpid()
    made = bench.listen(socket.AF_UNIX, address, 16)
    bench.connect(address, 5, socket.AF_UNIX)
    one = of(read(listeners), made)
    name = str(tmp_path / "x.sock") if kind == "path" else f"@fanlight-test-{os.getpid()}"
    assert one[1:7] == ("unix", name, 5, 16, None, (os.getpid(),))


def test_idle_unix_sockets_add_nothing_to_a_tcp_queue(bench: Bench, listeners: Listeners, tmp_path: Path):
    tcp = bench.tcp()
    idle = [bench.listen(socket.AF_UNIX, str(tmp_path / name), 8) for name in ("a", "b")]
    bench.connect(tcp.getsockname(), 5)
    found = read_when(listeners, lambda found: of(found, tcp).queued == 5)
    assert sum(of(found, each).queued for each in [tcp, *idle]) == 5


def test_a_client_that_gave_up_is_still_waited_for(bench: Bench, listeners: Listeners):
    made = bench.tcp()
    clients = [socket.create_connection(made.getsockname()) for _ in range(3)]
    for client in clients:
        client.close()
    assert of(read(listeners), made).queued == 3


def test_what_was_accepted_waits_no_more_and_a_closed_listener_is_gone(bench: Bench, listeners: Listeners):
    made = bench.tcp()
    bench.connect(made.getsockname(), 2)
    inode = os.fstat(made.fileno()).st_ino
    read_when(listeners, lambda found: of(found, made).queued == 2)
    made.accept()[0].close()
    assert of(read(listeners), made).queued == 1
    made.close()
    assert inode not in {each.inode for each in read(listeners)}


def test_a_connection_is_never_read_as_a_queue(bench: Bench):
    made = bench.tcp()
    bench.connect(made.getsockname(), 1)
    connection = bench.stack.enter_context(made.accept()[0])
    bench.stack.enter_context(connection)
    every_state = bytearray(inet_request(socket.AF_INET))
    every_state[4:8] = (1 << LISTEN | 1 << ESTABLISHED).to_bytes(4, sys.byteorder)
    netlink = Netlink()
    found = [inet("tcp4", payload) for payload in netlink.dump(bytes(every_state))]
    of([each for each in found if each is not None], made)
    inodes = {each.inode for each in found if each is not None}
    assert os.fstat(connection.fileno()).st_ino not in inodes
    every_state = bytearray(unix_request())
    every_state[4:8] = (0xFFF).to_bytes(4, sys.byteorder)
    one, other = socket.socketpair()
    with one, other:
        unix = [local(payload) for payload in netlink.dump(bytes(every_state))]
        assert os.fstat(one.fileno()).st_ino not in {each.inode for each in unix if each is not None}
    netlink.close()


READER = """
import json, os, sys, time
from fanlight.sources.listeners import Listeners
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
source = Listeners()
source.holders.roots = lambda: [int(sys.argv[1])]
sys.stdout.write(json.dumps(source.read(time.monotonic_ns()).listeners))
"""


def test_another_process_of_user_nobody_reads_all_but_the_holders(
    bench: Bench, listeners: Listeners, tmp_path: Path
):
    if os.geteuid() != 0:
        pytest.skip("becoming another user takes root")
    tcp, six = bench.tcp(5), bench.listen(socket.AF_INET6, ("::1", 0), 5)
    path = bench.listen(socket.AF_UNIX, str(tmp_path / "x.sock"), 5)
    abstract = bench.listen(socket.AF_UNIX, b"\0fanlight-nobody-%d" % os.getpid(), 5)
    bench.connect(tcp.getsockname(), 8)
    bench.connect(six.getsockname(), 2, socket.AF_INET6)
    for made in (path, abstract):
        bench.connect(made.getsockname(), 3, socket.AF_UNIX)
    read_when(listeners, lambda found: bool(of(found, tcp).drops))
    told = subprocess.run(
        [sys.executable, "-c", READER, str(os.getpid())], capture_output=True, check=True, timeout=30
    )
    rows = {row[0]: row for row in json.loads(told.stdout)}
    ours = [rows[os.fstat(made.fileno()).st_ino] for made in (tcp, six, path, abstract)]
    assert [row[3:5] for row in ours] == [[6, 5], [2, 5], [3, 5], [3, 5]]
    assert ours[0][5] > 0
    assert [row[6] for row in ours] == [[]] * 4


ELSEWHERE = """
import socket, sys
made = socket.create_server(("127.0.0.1", 0), backlog=5)
clients = [socket.create_connection(made.getsockname()) for _ in range(3)]
print(made.getsockname()[1], flush=True)
sys.stdin.readline()
clients += [socket.create_connection(made.getsockname()) for _ in range(2)]
print("more", flush=True)
sys.stdin.read()
"""


def test_another_network_namespace_is_read_through_a_socket_opened_in_it(listeners: Listeners):
    command = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if os.geteuid() != 0 or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("making a network namespace takes root with CAP_SYS_ADMIN, and ip")
    process = subprocess.Popen(
        [*command, sys.executable, "-c", ELSEWHERE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ours = os.readlink("/proc/thread-self/ns/net")
    with process, process.stdin:
        port = process.stdout.readline().strip()
        there = Listeners(netlink=Netlink(f"/proc/{process.pid}/ns/net"))
        there.holders.roots = lambda: [process.pid]
        first = [each[1:5] for each in read(there)]
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        second = read(there)
        assert f"127.0.0.1:{port}" not in {each.address for each in read(listeners)}
        there.close()
    assert first == [("tcp4", f"127.0.0.1:{port}", 3, 5)]
    assert [each[1:7] for each in second] == [("tcp4", f"127.0.0.1:{port}", 5, 5, 0, (process.pid,))]
    assert os.readlink("/proc/thread-self/ns/net") == ours


class Refusing(Netlink):
    """A system that refuses, until it does not."""

    __slots__ = ("asked", "error")

    def __init__(self, error: OSError | None) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    def dump(self, request: bytes) -> list[bytes]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return super().dump(request)


def test_a_system_without_it_reads_nothing_and_says_so_once(bench: Bench):
    made = bench.tcp()
    warnings: list[str] = []
    netlink = Refusing(OSError(errno.EPROTONOSUPPORT, "Protocol not supported"))
    listeners = Listeners(netlink=netlink, warn=warnings.append)
    for _ in range(5):
        assert read(listeners, 0) == ()
    (warning,) = warnings
    assert warning.startswith(
        "the queues of tcp4, tcp6, unix listeners are not shown: Protocol not supported; "
    )
    assert set(listeners.absent.values()) == {"Protocol not supported"}
    # It is left in peace for a while, then asked again, and nothing more is said.
    assert netlink.asked == 3
    netlink.error = None
    assert of(read(listeners, RETRY_NS), made)
    assert listeners.absent == {}
    assert len(warnings) == 1
    listeners.close()


def test_a_moment_of_many_changes_is_absent_without_a_word(bench: Bench):
    made = bench.tcp()
    warnings: list[str] = []
    netlink = Refusing(InterruptedError("changed"))
    listeners = Listeners(netlink=netlink, warn=warnings.append)
    assert read(listeners) == ()
    netlink.error = None
    assert of(read(listeners), made)
    assert warnings == []
    listeners.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"/run/x.sock\0", "/run/x.sock"),
        (b"/run/x.sock", "/run/x.sock"),
        (b"\0hidden", "@hidden"),
        (b"\0two\0parts\0", "@two@parts@"),
        (b"/run/\xff\0", "/run/\\xff"),
        (b"", ""),
    ],
)
def test_names_show_as_text(name: bytes, text: str):
    assert shown(name) == text


class Counting:
    """A socket that counts what passes."""

    def __init__(self, made: socket.socket) -> None:
        self.made = made
        self.calls = self.bytes = 0

    def send(self, data: bytes) -> int:
        self.calls += 1
        return self.made.send(data)

    def recvmsg_into(self, buffers: list[bytearray]) -> Any:
        found = self.made.recvmsg_into(buffers)
        self.calls += 1
        self.bytes += found[0]
        return found

    def close(self) -> None:
        self.made.close()


def reading(netlink: Netlink) -> tuple[int, int]:
    """Answer calls and bytes of one read of the TCP listeners."""
    counting = Counting(netlink.open())
    netlink.socket = counting  # type: ignore[assignment]  # as much of one as is used
    netlink.dump(inet_request(socket.AF_INET))
    netlink.socket = counting.made
    return counting.calls, counting.bytes


def test_ten_thousand_open_sockets_cost_no_call_and_no_byte(bench: Bench):
    resource = pytest.importorskip("resource")
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed[1] != resource.RLIM_INFINITY and allowed[1] < 10_500:
        pytest.skip("this user may not open 10,000 sockets")
    made = bench.tcp(4096)
    netlink = Netlink()
    before = reading(netlink)
    resource.setrlimit(resource.RLIMIT_NOFILE, (10_500, allowed[1]))
    try:
        for _ in range(5_000):
            bench.stack.enter_context(socket.create_connection(made.getsockname()))
            bench.stack.enter_context(made.accept()[0])
        calls, size = reading(netlink)
        by_file = len(Path("/proc/net/tcp").read_bytes())
    finally:
        bench.stack.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, allowed)
        netlink.close()
    # Other tests may listen meanwhile: a few more rows, not thousands.
    assert calls <= before[0] + 1
    assert size * 100 <= by_file


def test_a_family_that_is_refused_later_is_warned_of_by_itself(bench: Bench):
    bench.tcp()
    warnings: list[str] = []

    class RefusingUnix(Netlink):
        def dump(self, request: bytes) -> list[bytes]:
            if request == unix_request():
                raise OSError(errno.EPERM, "Operation not permitted")
            return super().dump(request)

    listeners = Listeners(netlink=RefusingUnix(), warn=warnings.append)
    assert {each.family for each in read(listeners)} >= {"tcp4"}
    read(listeners)
    (warning,) = warnings
    assert warning == (
        "the queues of unix listeners are not shown: Operation not permitted; "
        "everything else goes on without them"
    )
    listeners.close()
