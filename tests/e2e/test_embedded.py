"""An application without a collector: every worker aggregates by itself and reports to the server."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest

REQUESTS = 40
SOAK_S = float(os.environ.get("FANLIGHT_TEST_EMBEDDED_S", "240"))
KILLS = 6
GROWTH_BYTES = 8 << 20
"""What a worker may grow by in the second half of the soak."""


def test_each_worker_reports_by_itself_and_every_request_is_counted(house, kit):
    house.serve()
    listen = json.loads((house.data / "run" / "fanlight.json").read_text())["listen"]
    process, port = house.application(
        "shop", workers=2, FANLIGHT_STRATEGY="embedded", FANLIGHT_DSN=f"http://{listen}"
    )
    kit.wait(lambda: answers(kit, port), "the application")
    for n in range(REQUESTS - 1):
        assert kit.get(port, f"/things/{n}") == (200, f"fan {n}")
    # The last ones before it leaves arrive too.
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    kit.wait(lambda: house.stored("shop") >= REQUESTS, "the last report")
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == REQUESTS
    assert house.endpoints("shop") == {"GET /things/<int:number>": REQUESTS}
    found = house.status()
    assert found["collector"]["clients"] == []
    assert {client["service"] for client in found["reports"]["clients"]} == {"shop"}
    assert "without a collector" in house.ask("status")
    token = house.data / "run" / "report.token"
    assert token.stat().st_mode & 0o777 == 0o600
    for log in ("serve.log", "shop.log"):
        assert token.read_text().strip() not in (house.folder / log).read_text()


def test_a_killed_server_loses_and_doubles_nothing(house, kit):
    house.serve()
    listen = json.loads((house.data / "run" / "fanlight.json").read_text())["listen"]
    _, port = house.application(
        "shop", workers=2, FANLIGHT_STRATEGY="embedded", FANLIGHT_DSN=f"http://{listen}"
    )
    kit.wait(lambda: answers(kit, port), "the application")
    sent = 1
    for _ in range(3):
        with kit.Load(port) as load:
            kit.wait(lambda load=load: load.answered > 30, "requests")
            killed = house.pids()["server"]
            os.kill(killed, signal.SIGKILL)
            kit.wait(lambda killed=killed: house.pids().get("server", killed) != killed, "a new server")
            before = load.answered
            kit.wait(lambda load=load, before=before: load.answered > before + 30, "more requests")
        assert not load.wrong
        assert not load.broken
        sent += load.answered
    kit.wait(lambda: house.stored("shop") >= sent, "all reports", 40, 0.3)
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == sent


def held(pid):
    """Answer resident bytes, descriptors and threads of a process."""
    with open(f"/proc/{pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resident, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 300)
def test_minutes_of_load_with_a_server_that_dies_leave_memory_and_counts_as_they_should_be(house, kit):
    house.serve()
    listen = json.loads((house.data / "run" / "fanlight.json").read_text())["listen"]
    process, port = house.application(
        "shop", workers=2, FANLIGHT_STRATEGY="embedded", FANLIGHT_DSN=f"http://{listen}"
    )
    kit.wait(lambda: answers(kit, port), "the application")
    told = []
    with kit.Load(port) as load:
        for number in range(KILLS):
            until = time.monotonic() + SOAK_S / KILLS
            kit.wait(lambda until=until: time.monotonic() >= until, "its time", SOAK_S, 0.5)
            told.append([held(pid) for pid in kit.children(process.pid)])
            killed = house.pids()["server"]
            # The last round ends in peace, so that the figures compare.
            if number < KILLS - 1:
                os.kill(killed, signal.SIGKILL)
                kit.wait(lambda killed=killed: house.pids().get("server", killed) != killed, "a new server")
    assert not load.wrong
    assert not load.broken
    kit.wait(lambda: house.stored("shop") >= load.answered + 1, "all reports", 60, 0.3)
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == load.answered + 1
    for early, late in zip(told[KILLS // 2 - 1], told[-1], strict=True):
        assert late[0] - early[0] < GROWTH_BYTES, told
        # A connection to the server comes and goes.
        assert abs(late[1] - early[1]) <= 2, told
        assert late[2] <= early[2] + 1, told
    megabytes = ", ".join(f"{each[0] / 1e6:.0f} MB" for each in told[-1])
    sys.stdout.write(f"{load.answered} requests in {SOAK_S:.0f} s, each counted; workers {megabytes}\n")


def answers(kit, port):
    """Answer whether the application serves."""
    try:
        return kit.get(port, "/things/0")[0] == 200
    except OSError:
        return False
