"""What a Fanlight costs while nothing happens: `make soak`, FANLIGHT_TEST_IDLE_S seconds of it."""

import os
import time
from pathlib import Path

import pytest

IDLE_S = float(os.environ.get("FANLIGHT_TEST_IDLE_S", "120"))
APPLICATION_SHARE = 0.001
COLLECTOR_SHARE = 0.002
SLOW = 2
"""A machine at half its pace needs twice the CPU time for the same."""


def cpu_s(pid):
    """Answer the CPU seconds that all threads of a process have had, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def family_s(kit, pid):
    return cpu_s(pid) + sum(cpu_s(child) for child in kit.children(pid))


@pytest.mark.soak
@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="this kernel does not count it")
def test_an_idle_fanlight_costs_next_to_nothing(house, kit, record_property):
    house.serve()
    traced, port = house.application("shop")
    plain, plain_port = house.application("plain", traced=False)
    for one in (port, plain_port):
        kit.wait(lambda at=one: answers(kit, at), "an answer", 120, 0.2)
        for number in range(20):  # both workers have served, so both agents are connected
            assert kit.get(one, f"/things/{number}") == (200, f"fan {number}")
    house.settled("shop")
    time.sleep(5)  # what begins takes a moment to end
    roles = house.pids()

    def spent():
        families = {"application": family_s(kit, traced.pid), "plain": family_s(kit, plain.pid)}
        return {**families, **{role: cpu_s(pid) for role, pid in roles.items()}}

    before, began_s = spent(), time.monotonic()
    time.sleep(IDLE_S)
    after, lasted_s = spent(), time.monotonic() - began_s
    share = {name: (after[name] - before[name]) / lasted_s for name in after}
    told = ", ".join(f"{name} {100 * part:.4f} %" for name, part in share.items())
    record_property("measured", f"of one core in {lasted_s:.0f} idle s: {told}")
    limits = f"application {100 * APPLICATION_SHARE} % above plain, collector {100 * COLLECTOR_SHARE} %"
    record_property("limit", f"{limits}; fails at {SLOW} times that")
    assert house.pids() == roles
    assert share["application"] - share["plain"] <= SLOW * APPLICATION_SHARE, told
    assert share["collector"] <= SLOW * COLLECTOR_SHARE, told


def answers(kit, port):
    try:
        return kit.get(port, "/things/0")[0] == 200
    except OSError:
        return False
