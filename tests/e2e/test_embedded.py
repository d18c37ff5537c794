"""An application without a collector: every worker aggregates by itself and reports to the server."""

from __future__ import annotations

import json
import os
import signal

REQUESTS = 40


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
    process.wait(60)
    kit.wait(lambda: house.stored("shop") >= REQUESTS, "the last report", told=house.status)
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
    kit.wait(lambda: house.stored("shop") >= sent, "all reports", 120, 0.3)
    account = house.settled("shop")
    assert account["accepted"] == account["stored"] == sent


def answers(kit, port):
    """Answer whether the application serves."""
    try:
        return kit.get(port, "/things/0")[0] == 200
    except OSError:
        return False
