"""A log that is imported while everything is killed: each of its lines is kept exactly once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time

from fanlight.cli.client import Client

LINES = 150_000


def kept(house):
    """Answer how many events of imported files there are."""
    return sum(each["events"] for each in Client(str(house.data), 120.0).get("/v1/import")["files"])


def test_killed_in_the_middle_each_line_is_kept_once(house, kit):
    path = house.folder / "app.jsonl"
    path.write_text("".join(f'{{"level": "info", "number": {number}}}\n' for number in range(LINES)))
    house.serve()
    chance = random.Random(7)
    command = [*house.FANLIGHT, "import", "--json", str(path), "--data", str(house.data)]
    killed = 0
    for victim in ("import", "server", "import", "server", "import"):
        killed += interrupted(house, kit, command, victim, chance.uniform(0, 0.1))
        kit.wait(lambda: house.stored("nobody") >= 0, "the server to answer")
    assert killed, "the machine was too slow to look in time"
    (row,) = json.loads(house.ask("import", "--json", str(path)))
    assert row["kept"] == row["lines"] == LINES
    assert row["unreadable"] == 0
    (again,) = json.loads(house.ask("import", "--json", str(path)))
    assert (again["new"], again["kept"]) == (0, LINES)
    counted = house.ask(
        "query", "--format", "json", "level:info last:1d | stats count, distinct(number), sum(number)"
    )
    assert json.loads(counted) == [
        {"count": LINES, "distinct(number)": LINES, "sum(number)": LINES * (LINES - 1) // 2}
    ]


def interrupted(house, kit, command, victim, after_s):
    """Kill the importing command, or the server below it, some time after a piece was kept.

    Answers whether the command was at work then.
    """
    before = kept(house)
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=house.environment()
    )
    try:
        kit.wait(lambda: process.poll() is not None or kept(house) > before, "a piece to be kept")
        time.sleep(after_s)  # the moment is the point: any moment will do
        is_at_work = process.poll() is None
        if victim == "server":
            server = house.pids()["server"]
            os.kill(server, signal.SIGKILL)
            process.wait(240)
            kit.wait(lambda: house.pids().get("server", server) != server, "another server")
    finally:
        process.kill()
        process.wait(60)
    return is_at_work
