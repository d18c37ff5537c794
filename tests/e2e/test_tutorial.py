"""The tutorial, step by step as a reader types it, shows what it says."""

import json
import re
import socket
import sys
from pathlib import Path

from fanlight.cli.client import Client

SHAPES = Path(__file__).parents[2] / "docs" / "reference" / "json.md"
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


def documented(heading):
    """Answer the fields of the first table below a heading, or below a line, of the page about JSON."""
    rest = SHAPES.read_text().partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", rest, re.MULTILINE)
    return set(re.findall(r"^\| `(\w+)` \|", table[0], re.MULTILINE))


def listed(heading, field):
    """Answer the names that a table's row lists as the content of its field."""
    rest = SHAPES.read_text().partition(f"{heading}\n")[2]
    return set(re.search(rf"^\| `{field}` \| [^`]*`([\w ]+)`", rest, re.MULTILINE)[1].split())


def fields_are_documented(house, rows):
    """The documents of a running Fanlight have the fields that the reference lists, and no others."""
    row = documented("## endpoints")
    assert set(rows[0]) == row
    assert set(rows[0]["findings"][0]) == documented("A finding:")
    about = {name: rows[0][name] for name in ("service", "endpoint", "segment")}
    one = Client(str(house.data)).get("/api/endpoint", {**about, "last": "1h"})
    assert set(one) == row | documented("## endpoint")
    assert set(one["tree"][0]) == documented("A node of the merged trace:")
    for field in ("timeline", "histogram", "samples"):
        assert set(one[field][0]) == listed("## endpoint", field)
    trace = json.loads(house.ask("trace", "--json", one["samples"][0]["id"]))
    assert set(trace) == documented("## trace")
    assert set(trace["spans"][0]) == listed("## trace", "spans")
    status = house.status()
    assert set(status) == documented("## status") | {"data", "listen", "socket"}
    assert set(status["services"]["shop"]) == listed("## status", "services")
    for field in ("spool", "store"):
        assert set(status[field]) - {"trouble"} == listed("## status", field) - {"trouble"}
    assert set(status["processes"][0]) == listed("## status", "processes")


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
        # The very first one waits until there is a worker, which counts as pain.
        assert kit.get(port, "/products")[0] == 200
        assert kit.get(port, "/")[0] == 200
    kit.wait(lambda: house.stored("shop") == 2 * VISITS, "every visit to be counted")

    rows = json.loads(house.ask(*command("endpoints"), "--json"))
    assert [(row["endpoint"], row["count"]) for row in rows] == [("GET /products", VISITS), ("GET /", VISITS)]
    (finding,) = rows[0]["findings"]
    assert finding["kind"] == "repeated-sql"
    assert finding["repeats_max"] == 40
    assert re.fullmatch(r"shop\.py:\d+", finding["location"])
    assert rows[0]["p50"] >= 40 * 2_000_000

    fields_are_documented(house, rows)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+\n", house.ask(*command("open"), "--print"))
    house.ask(*command("stop"))
    kit.wait(lambda: not house.pids(), "all to be stopped")
