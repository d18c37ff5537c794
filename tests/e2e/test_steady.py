"""Minutes of load, in both strategies: memory, descriptors and threads stay where they were."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

SOAK_S = float(os.environ.get("FANLIGHT_TEST_STEADY_S", "60"))
ROUNDS = 6
GROWTH_BYTES = 8 << 20
"""What any process may grow by in the second half: a megabyte a minute, and what allocators keep."""
SERVER_GROWTH_BYTES = 64 << 20
"""The store's engine keeps what it has read, up to a bound of its own."""


def held(pid):
    """Answer resident bytes, descriptors and threads of a process."""
    with open(f"/proc/{pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
@pytest.mark.parametrize(
    ("strategy", "dying"),
    [
        pytest.param("embedded", ["server"], id="embedded-the server dies"),
        pytest.param("standalone", ["collector", "server"], id="standalone-both die in turn"),
        pytest.param("standalone", [], id="standalone-nobody dies"),
    ],
)
def test_minutes_of_load_leave_memory_descriptors_threads_and_counts_as_they_should_be(
    house, kit, strategy, dying, record_property
):
    house.serve()
    listen = json.loads((house.data / "run" / "fanlight.json").read_text())["listen"]
    embedded = {"FANLIGHT_STRATEGY": "embedded", "FANLIGHT_DSN": f"http://{listen}"}
    process, port = house.application("shop", workers=2, **(embedded if strategy == "embedded" else {}))
    kit.wait(lambda: answers(kit, port), "the application")
    told = []
    with kit.Load(port) as load:
        for number in range(ROUNDS):
            until = time.monotonic() + SOAK_S / ROUNDS
            kit.wait(lambda until=until: time.monotonic() >= until, "its time", SOAK_S, 0.5)
            told.append(all_held(house, kit, process, dying))
            # The last round ends in peace, so that the figures compare.
            if dying and number < ROUNDS - 1:
                kill(house, kit, dying[number % len(dying)])
    assert not load.wrong
    assert not load.broken
    kit.wait(lambda: house.stored("shop") >= load.answered + 1, "everything stored", 120, 0.3)
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == load.answered + 1
    early, late = told[ROUNDS // 2 - 1], told[-1]
    assert early.keys() == late.keys()
    for name, (resident, descriptors, threads) in late.items():
        bound = SERVER_GROWTH_BYTES if name == "server" else GROWTH_BYTES
        assert resident - early[name][0] < bound, (name, told)
        # Connections come and go: the agent's, the load's, a page's.
        assert descriptors <= early[name][1] + 4, (name, told)
        assert threads <= early[name][2] + 1, (name, told)
    megabytes = ", ".join(
        f"{name} {late[name][0] / 1e6:.0f} MB ({(late[name][0] - early[name][0]) / 1e6:+.1f})"
        for name in late
    )
    record_property(
        "measured",
        f"{strategy}, {' and '.join(dying) or 'nobody'} killed: {load.answered} requests in {SOAK_S:.0f} s, "
        f"each counted; {megabytes} in the second half",
    )
    record_property(
        "limit", f"+{GROWTH_BYTES >> 20} MiB in the second half, server +{SERVER_GROWTH_BYTES >> 20} MiB"
    )


def all_held(house, kit, process, dying):
    """Answer by name what the processes hold that are never killed."""
    pids = {f"worker {n}": pid for n, pid in enumerate(sorted(kit.children(process.pid)), 1)}
    pids |= {role: pid for role, pid in house.pids().items() if role not in dying}
    return {name: held(pid) for name, pid in pids.items()}


def kill(house, kit, role):
    """Kill one of ours, and wait for the next."""
    killed = house.pids()[role]
    os.kill(killed, signal.SIGKILL)
    kit.wait(lambda: house.pids().get(role, killed) != killed, f"a new {role}")


def answers(kit, port):
    """Answer whether the application serves."""
    try:
        return kit.get(port, "/things/0")[0] == 200
    except OSError:
        return False
