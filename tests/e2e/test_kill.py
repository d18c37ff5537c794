"""Processes die at any moment: what was acknowledged is stored exactly once, answers stay the same."""

import os
import random
import signal
import time

import pytest


def play(house, kit, rounds, seed):
    """Kill something every round while two services answer; then compare the accounts."""
    house.serve()
    steady_process, steady_port = house.application("steady")
    shaky_process, shaky_port = house.application("shaky")
    for port in (steady_port, shaky_port):
        assert kit.get(port, "/things/0") == (200, "fan 0")
    chance = random.Random(seed)
    killed = {"worker": 0, "collector": 0, "server": 0}
    # Each kind at least twice, the rest by chance, in any order.
    victims = [*killed, *killed, *chance.choices(list(killed), k=rounds - 6)]
    chance.shuffle(victims)
    with kit.Load(steady_port) as steady, kit.Load(shaky_port) as shaky:
        for victim in victims:
            role = "collector" if victim == "worker" else victim
            kit.wait(lambda: role in house.pids(), f"the {role} to be back", 70)  # noqa: B023 used at once
            time.sleep(chance.uniform(0.3, 1.5))  # the moment is the point: any moment will do
            alive = house.pids()
            pid = chance.choice(kit.children(shaky_process.pid)) if victim == "worker" else alive[victim]
            os.kill(pid, signal.SIGKILL)
            kit.wait(lambda: not kit.alive(pid), "its end")  # noqa: B023 used at once
            killed[victim] += 1
        kit.wait(lambda: {"collector", "server"} <= house.pids().keys(), "both to be back", 70)
    assert steady.broken == 0
    assert steady.wrong == []
    assert shaky.wrong == []
    fresh_is_seen(house, kit, steady_port)
    kit.end(steady_process)
    kit.end(shaky_process)
    exactly_once(house, "steady", 1 + steady.answered, 1 + steady.answered, fresh=1)
    # A killed worker takes what it had not sent yet; one request each may have been in its hands.
    rate_per_s = shaky.answered / max(1.0, sum(shaky.times_s) / 2)
    lost = int(killed["worker"] * rate_per_s * 2) + 10
    exactly_once(house, "shaky", 1 + shaky.answered - lost, 1 + shaky.answered + shaky.broken)


def fresh_is_seen(house, kit, port):
    """After everything, a request of a new kind is reported: nothing has switched itself off."""
    assert kit.get(port, "/fresh/1") == (200, "1")
    kit.wait(lambda: house.endpoints("steady")["GET /fresh/<int:number>"] == 1, "a fresh request", 20, 0.2)


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


@pytest.mark.timeout(200)
def test_ten_rounds_of_kill_lose_nothing_acknowledged(house, kit):
    play(house, kit, rounds=10, seed=random.randrange(10**6))


@pytest.mark.soak
def test_a_hundred_rounds_of_kill_lose_nothing_acknowledged(house, kit):
    play(house, kit, rounds=100, seed=random.randrange(10**6))
