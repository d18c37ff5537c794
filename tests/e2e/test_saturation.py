"""An overloaded server in the store: what waited, on the page's JSON, in queries, and on the traces."""

from __future__ import annotations

import json
import os
import signal
import socket

from fanlight.errors import FanlightError

SLOW = """
import os, time
def app(environ, start_response):
    while not os.path.exists("go"):
        time.sleep(0.02)
    time.sleep(1)
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]
"""
BRIEF = """
import os, time
def app(environ, start_response):
    while not os.path.exists("go"):
        time.sleep(0.02)
    start_response("200 OK", [("content-type", "text/plain")])
    return [b"ok"]
"""
OFTEN = {"FANLIGHT_TELEMETRY__FREQUENCY_S": "0.5", "FANLIGHT_TELEMETRY__INITIAL_DELAY_S": "0"}
WHOLE = "kind:metrics service=shop exists(workers.booted) NOT exists(worker)"


def rows(house, query):
    """Answer the rows of a query's answer."""
    return [json.loads(line) for line in house.ask("query", query, "--format", "jsonl").splitlines()]


def test_what_waits_is_kept_once_and_stands_on_the_traces(house, kit):
    house.serve(**OFTEN)
    _, port = house.application("shop", SLOW)
    clients = []

    def newest():
        try:
            told = house.api("/api/servers")["servers"]
        except FanlightError:
            told = []  # killed, or not there yet
        nothing = {"values": {}, "steps": [], "workers": []}
        return next((each for each in told if each["service"] == "shop"), nothing)

    kit.wait(lambda: newest()["values"].get("workers.booted") == 2, "both workers to be read")
    for _ in range(10):
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        clients.append(client)
    kit.wait(lambda: newest()["values"].get("requests.waiting") == 8, "eight of ten to wait", every_s=0.1)
    # The kernel has them, since a sync worker takes none that it cannot answer.
    most = max(step["values"].get("sockets.backlog", 0) for step in newest()["steps"])
    assert most >= 8
    for role in ("server", "collector"):
        os.kill(house.pids()[role], signal.SIGKILL)
    (house.folder / "go").touch()
    for client in clients:
        while client.recv(4096):
            pass
        client.close()
    kit.wait(lambda: house.stored("shop") == 10, "ten traces")
    kit.wait(lambda: newest()["values"].get("workers.requests_count", 0) >= 10, "them to be counted")
    told = rows(house, WHOLE)
    assert len(told) == len({each["time"] for each in told}) > 5
    assert [each["worker"] for each in newest()["workers"]] == [0, 1]
    (found,) = rows(house, "service=shop requests.waiting:>0 | stats count, max(requests.waiting)")
    # A trace takes the reading that is nearest to its begin; the first two began before anything waited,
    # or while all ten did, where neither worker had woken up yet.
    assert found["count"] >= 4
    assert found["max(requests.waiting)"] <= 10


def sent(port, number):
    """Send so many requests at once; answer their connections."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(number)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
    return clients


def test_each_of_three_readers_sees_the_most_of_a_spike_that_is_over(house, kit):
    house.serve(**OFTEN)
    _, port = house.application("shop", BRIEF, 1, GUNICORN_CMD_ARGS="-k gthread --threads 1")
    readers = {"often": "0.5", "seldom": "2"}
    for name, every_s in readers.items():
        command = [*house.FANLIGHT, "telemetry", "--format", "json", "--every", every_s]
        house.start(name, [*command, "--data", str(house.data)])

    def told(name):
        """Answer the most that was queued by each telling, as one of the readers has printed it."""
        lines = (house.folder / f"{name}.log").read_text().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [each.get("queue.backlog_max") for each in found if each["service"] == "shop"]

    kit.wait(
        lambda: told("often")[-1:] == told("seldom")[-1:] == [0], "both readers to be told of the server"
    )
    clients = sent(port, 4)
    # One is at the worker, and three wait until somebody has looked.
    kit.wait(lambda: told("often")[-1] == 3, "one reader to be told of the spike")
    (house.folder / "go").touch()
    for client in clients:
        while client.recv(4096):
            pass
        client.close()
    kit.wait(lambda: max(told("often")) == max(told("seldom")) == 3, "both readers to be told of the spike")
    kit.wait(lambda: told("often")[-1] == told("seldom")[-1] == 0, "it to be over for both")
    kit.wait(lambda: rows(house, f"{WHOLE} queue.backlog_max=3"), "the store to be told of it too")
