"""The tutorial, step by step as a reader types it, shows what it says."""

import json
import re
import socket
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-trace.md"
VISITS = 50


def blocks(language):
    """Answer the tutorial's code in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def command(beginning):
    """Answer the words of the command that begins so; the tutorial has it word for word."""
    lines = [line for code in blocks("sh") for line in code.splitlines()]
    (line,) = [line for line in lines if line.startswith(f"fanlight {beginning}")]
    return line.split()[1:]


def test_the_tutorial_shows_what_it_says(house, kit):
    (house.folder / "shop.py").write_text(blocks("python")[0])
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        number, port = listener.fileno(), listener.getsockname()[1]
        typed = command("run")
        at = typed.index("gunicorn")
        words = [*typed[:at], sys.executable, "-m", "gunicorn", f"--bind=fd://{number}", *typed[at + 1 :]]
        launched = [sys.executable, "-P", "-m", "fanlight", *words]
        # Should this test fail before it stops everything, what runs in the background leaves soon.
        settings = {"FANLIGHT_DATA": str(house.data), "FANLIGHT_LEAVE_AFTER_S": "5"}
        house.start("shop", launched, (number,), **settings)
    for _ in range(VISITS):
        assert kit.get(port, "/")[0] == 200
        assert kit.get(port, "/products")[0] == 200
    kit.wait(lambda: house.endpoints("shop").total() == 2 * VISITS, "every visit to be counted")

    rows = json.loads(house.ask(*command("endpoints"), "--json"))
    assert [(row["endpoint"], row["count"]) for row in rows] == [("GET /products", VISITS), ("GET /", VISITS)]
    (finding,) = rows[0]["findings"]
    assert finding["kind"] == "repeated-sql"
    assert finding["repeats_max"] == 40
    assert re.fullmatch(r"shop\.py:\d+", finding["location"])
    assert rows[0]["p50"] >= 40 * 2_000_000

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+\n", house.ask(*command("open"), "--print"))
    house.ask(*command("stop"))
    kit.wait(lambda: not house.pids(), "all to be stopped")
