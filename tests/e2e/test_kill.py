"""Processes die at any moment: what was acknowledged is stored exactly once, answers stay the same."""

import os
import random
import signal
import statistics
import time

import pytest

ROLES = ("worker", "collector", "server", "supervisor")
RESUMES_S = 5
"""The promise: that long after a kill, requests are stored again. `make soak` tells the median beside it."""
HANGS_S = 4 * RESUMES_S
"""What no machine needs on which it works at all."""
LATEST_S = 60
"""For any single round: the machine may be busy, or the victim hit again before it was of use."""


def play(house, kit, rounds, seed):
    """Kill something every round while two services answer; then compare the accounts.

    Answers the seconds until requests were stored again, by who was killed, and how many were acknowledged.
    """
    house.serve_in_background()
    steady_process, steady_port = house.application("steady")
    shaky_process, shaky_port = house.application("shaky")
    for port in (steady_port, shaky_port):
        assert kit.get(port, "/things/0") == (200, "fan 0")
    chance = random.Random(seed)
    # Each kind at least twice, the rest by chance, in any order.
    victims = [*ROLES, *ROLES, *chance.choices(ROLES, k=rounds - 8)]
    chance.shuffle(victims)
    resumed_s = {role: [] for role in ROLES}
    killed_workers = 0
    with kit.Load(steady_port) as steady, kit.Load(shaky_port) as shaky:
        resumption_s(house, kit, steady)
        for victim in victims:
            time.sleep(chance.uniform(0, 1.2))  # the moment is the point: any moment will do
            for _ in range(chance.choice((1, 1, 2))):  # twice: while it is still starting
                kill(house, kit, victim, shaky_process, chance)
                killed_workers += victim == "worker"
            resumed_s[victim].append(resumption_s(house, kit, steady))
    assert steady.broken == 0
    assert steady.wrong == []
    assert shaky.wrong == []
    fresh_is_seen(house, kit, steady_port)
    kit.end(steady_process)
    kit.end(shaky_process)
    exactly_once(house, "steady", 1 + steady.answered, 1 + steady.answered, fresh=1)
    # A killed worker takes what it had not sent yet; one request each may have been in its hands.
    rate_per_s = shaky.answered / max(1.0, sum(shaky.times_s) / 2)
    lost = int(killed_workers * rate_per_s * 2) + 10
    exactly_once(house, "shaky", 1 + shaky.answered - lost, 1 + shaky.answered + shaky.broken)
    return resumed_s, 1 + steady.answered


def kill(house, kit, victim, process, chance):
    """Kill -9 a worker of an application, or the collector, server or supervisor once there is one."""
    pids = kit.children(process.pid)
    if victim != "worker":
        kit.wait(lambda: victim in house.pids(), f"the {victim} to be back", LATEST_S)
        pids = [house.pids()[victim]]
    kit.wait(lambda: pids or kit.children(process.pid), "a worker", LATEST_S)
    pid = chance.choice(pids or kit.children(process.pid))
    os.kill(pid, signal.SIGKILL)
    kit.wait(lambda: not kit.alive(pid), "its end")


def resumption_s(house, kit, load):
    """Answer how long it takes from now until all that was answered, and the next request, are stored."""
    began = time.monotonic()
    goal = 1 + load.answered + 1
    kit.wait(lambda: house.stored("steady") >= goal, "requests to be stored again", LATEST_S, 0.1)
    return time.monotonic() - began


def fresh_is_seen(house, kit, port):
    """After everything, a request of a new kind is reported: nothing has switched itself off."""
    assert kit.get(port, "/fresh/1") == (200, "1")
    kit.wait(lambda: house.endpoints("steady")["GET /fresh/<int:number>"] == 1, "a fresh request", 120, 0.2)


def exactly_once(house, service, least, most, fresh=0):
    """Every acknowledged trace is stored, none twice, and the account says so."""
    account = house.settled(service)
    counts = house.endpoints(service)
    dropped = sum(account["dropped"].values())
    assert account["accepted"] == account["stored"] + account["in_spool"] + dropped
    assert counts.total() == account["stored"] + dropped_but_counted(account)
    assert least <= counts["GET /things/<int:number>"] <= most, account
    assert counts["GET /fresh/<int:number>"] == fresh


def dropped_but_counted(account):
    """Traces whose whole form was dropped for want of space are in the counts all the same."""
    return account["dropped"].get("spool_full", 0)


def test_ten_rounds_of_kill_lose_nothing_acknowledged(house, kit):
    play(house, kit, rounds=10, seed=random.randrange(10**6))


@pytest.mark.soak
def test_a_hundred_rounds_of_kill_lose_nothing_acknowledged(house, kit, record_property):
    resumed_s, acknowledged = play(house, kit, rounds=100, seed=random.randrange(10**6))
    kinds = ", ".join(f"{role} {statistics.median(times):.2f} s" for role, times in resumed_s.items())
    counted = f"of {acknowledged} requests 0 lost, 0 doubled"
    record_property("measured", f"{counted}; resumed, the median: {kinds}")
    record_property("limit", f"0; {RESUMES_S} s, fails at {HANGS_S} s")
    # The death of a worker stops nothing: its rounds would only make the median look better.
    assert statistics.median(resumed_s["collector"] + resumed_s["server"]) <= HANGS_S, resumed_s
    assert statistics.median(resumed_s["supervisor"]) <= HANGS_S, resumed_s
