"""The page about an overload, command by command: what waits, for how long, and one more worker."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "see-an-overload.md").read_text()


def typed(beginning):
    """Answer the words behind `fanlight` of the first command that begins so."""
    lines = re.findall(rf"^(?:\$ )?fanlight ({beginning}.*)$", PAGE, re.MULTILINE)
    return shlex.split(lines[0])


def server(house):
    """Answer what `top` tells of the whole server."""
    told = json.loads(house.ask("top", "--json"))["servers"]
    return next((each for each in told if each["server"] == "gunicorn" and "workers.total" in each), {})


def is_overloaded(house, workers):
    now = server(house)
    busy = now.get("workers.busy_threads") == now.get("workers.max_threads") == 2 * workers
    return busy and now.get("requests.waiting") == 10 - 2 * workers


def waited_s(house, beginning):
    """Answer how many requests waited and how long, on average, in seconds, as the page asks."""
    rows = [json.loads(line) for line in house.ask(*typed(beginning), "--format", "jsonl").splitlines()]
    return (rows[0]["count"], rows[0]["avg(queue.time)"] / 1e9) if rows else (0, 0.0)


def test_the_page_shows_an_overload_and_what_one_more_worker_does(house, kit):
    (house.folder / "shop.py").write_text(
        re.search(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]
    )
    house.serve_in_background()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        number, port = listener.fileno(), listener.getsockname()[1]
        words = typed("run")
        at = words.index("gunicorn")
        served = [sys.executable, "-m", "gunicorn", f"--bind=fd://{number}", *words[at + 1 :]]
        launched = [sys.executable, "-P", "-m", "fanlight", *words[:at], *served]
        master = house.start("shop", launched, (number,), FANLIGHT_DATA=str(house.data))
    kit.wait(lambda: {"collector", "server"} <= house.pids().keys(), "collector and server")
    (visit,) = re.findall(r"^(seq .*) &$", PAGE, re.MULTILINE)
    visit = visit.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    with subprocess.Popen(["sh", "-c", f"exec {visit}"], start_new_session=True) as visitors:
        try:
            kit.wait(lambda: is_overloaded(house, 1), "two threads to be busy and eight visitors to wait")
            kit.wait(
                lambda: waited_s(house, "query .queue.time")[0] > 4, "requests that waited for four others"
            )
            before_s = waited_s(house, "query .queue.time")[1]
            # Four others before it, of 0.5 s each.
            assert before_s > 0.8
            master.send_signal(signal.SIGTTIN)
            kit.wait(lambda: is_overloaded(house, 2), "four threads to be busy and six visitors to wait")
            kit.wait(
                lambda: 0 < waited_s(house, "query .last:4s")[1] < 0.75 * before_s, "requests that wait less"
            )
        finally:
            os.killpg(visitors.pid, signal.SIGKILL)
