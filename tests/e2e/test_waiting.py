"""What requests waited for a busy worker, from its socket to the pages, the commands and the queries."""

from __future__ import annotations

import json
import socket

import pytest

from fanlight.cli.client import Client

SLOW = """
import gc, os, sqlite3, time
from flask import Flask

gc.disable()  # a collection's time is taken out of the statements that it interrupts
app = Flask(__name__)
database = sqlite3.connect(":memory:", check_same_thread=False)
database.create_function("nap", 0, lambda: time.sleep(0.02))


@app.get("/hold")
def hold():
    open("held", "x").close()
    while not os.path.exists("sent"):
        time.sleep(0.005)
    time.sleep(0.03)
    return "held"


@app.get("/slow/<int:number>")
def slow(number):
    time.sleep(0.03)
    database.execute("SELECT nap()").fetchone()
    return str(number)
"""
ENDPOINT = "GET /slow/<int:number>"
REQUESTS = 12
TICK_NS = 10_000_000
"""The kernel tells arrivals by its ticks; they are never longer."""


def send(port, path):
    """Send one GET; answer the connection, on which the kernel of the other side has it."""
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    return connection


def answer(connection):
    """Answer what is behind the headers, once all of it has come."""
    with connection, connection.makefile("rb") as file:
        return file.read().partition(b"\r\n\r\n")[2].decode()


@pytest.fixture
def waited(house, kit):
    """Answer the house after a crowd has stood before its one worker."""
    house.serve()
    _, port = house.application("shop", SLOW, workers=1)
    held = send(port, "/hold")
    kit.wait((house.folder / "held").exists, "the worker to be busy")
    crowd = [send(port, f"/slow/{number}") for number in range(REQUESTS)]
    (house.folder / "sent").touch()
    assert [answer(each) for each in (held, *crowd)] == ["held", *map(str, range(REQUESTS))]
    kit.wait(lambda: house.stored("shop") > REQUESTS, "the requests to be stored")
    return house


def test_waiting_shows_on_the_trace_its_endpoint_and_in_queries(waited):
    asked = {"service": "shop", "endpoint": ENDPOINT, "segment": "html", "last": "1h"}
    endpoint = Client(str(waited.data), 120.0).get("/api/endpoint", asked)
    traces = [waited.api(f"/api/trace/{each['id']}") for each in endpoint["samples"]]
    assert len(traces) == REQUESTS
    for trace in traces:
        times = {each["part"]: each["time"] for each in trace["split"]}
        assert times["queue"] == trace["queue"]["time"]
        assert sum(times.values()) == trace["queue"]["time"] + trace["duration"]
        assert sum(each["share"] for each in trace["split"]) == pytest.approx(1)
        assert times["sql"] >= 19_000_000
        assert times["application"] >= 29_000_000
    # One worker takes one after the other, and all were there before the first was taken.
    waits = sorted(trace["queue"]["time"] for trace in traces)
    for before, wait in enumerate(waits):
        assert wait >= 30_000_000 + before * 50_000_000 - TICK_NS
    mean = {each["part"]: each["time"] for each in endpoint["split"]}
    assert mean["queue"] == pytest.approx(sum(waits) / len(waits), abs=1)
    assert sum(each["share"] for each in endpoint["split"]) == pytest.approx(1)
    assert all(row["split"]["queue"] > 0 for row in endpoint["histogram"] if row["count"])
    assert not [node for node in endpoint["tree"] if node["category"] == "queue"]

    row = json.loads(
        waited.ask(
            "query", "--format", "jsonl", "endpoint:slow queue.time:>200ms | stats count, max(queue.time)"
        )
    )
    assert row["count"] == sum(wait > 200_000_000 for wait in waits)
    assert row["max(queue.time)"] == waits[-1]

    slowest = max(traces, key=lambda trace: trace["queue"]["time"])
    lines = waited.ask("trace", slowest["id"])
    assert "waited before it began: " in lines
    assert "Waiting " in lines
