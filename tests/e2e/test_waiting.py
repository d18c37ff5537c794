"""What requests waited for a busy worker, from its socket to the pages, the commands and the queries."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from fanlight.cli.client import Client

SLOW = """
import sqlite3, time
from flask import Flask

app = Flask(__name__)
database = sqlite3.connect(":memory:", check_same_thread=False)
database.create_function("nap", 0, lambda: time.sleep(0.02))


@app.get("/slow/<int:number>")
def slow(number):
    time.sleep(0.03)
    database.execute("SELECT nap()").fetchone()
    return str(number)
"""
ENDPOINT = "GET /slow/<int:number>"
REQUESTS = 12


@pytest.fixture
def waited(house, kit):
    """Answer the house after a crowd has stood before its one worker."""
    house.serve()
    _, port = house.application("shop", SLOW, workers=1)
    with ThreadPoolExecutor(REQUESTS) as clients:
        answers = list(clients.map(lambda number: kit.get(port, f"/slow/{number}"), range(REQUESTS)))
    assert answers == [(200, str(number)) for number in range(REQUESTS)]
    kit.wait(lambda: house.stored("shop") >= REQUESTS, "the requests to be stored")
    return house


def test_waiting_shows_on_the_trace_its_endpoint_and_in_queries(waited):
    asked = {"service": "shop", "endpoint": ENDPOINT, "segment": "html", "last": "1h"}
    endpoint = Client(str(waited.data), 10.0).get("/api/endpoint", asked)
    traces = [waited.api(f"/api/trace/{each['id']}") for each in endpoint["samples"]]
    assert len(traces) == REQUESTS
    for trace in traces:
        times = {each["part"]: each["time"] for each in trace["split"]}
        assert times["queue"] == trace["queue"]["time"]
        assert sum(times.values()) == trace["queue"]["time"] + trace["duration"]
        assert sum(each["share"] for each in trace["split"]) == pytest.approx(1)
        # What the garbage collector took meanwhile is told apart.
        assert times["sql"] >= 19_000_000
        assert times["application"] >= 29_000_000
    # One worker takes one after the other: the last waited for most of the rest.
    waits = sorted(trace["queue"]["time"] for trace in traces)
    assert waits[-1] >= REQUESTS * 50_000_000 * 0.7
    mean = {each["part"]: each["time"] for each in endpoint["split"]}
    assert mean["queue"] == pytest.approx(sum(waits) / len(waits), abs=1)
    assert sum(each["share"] for each in endpoint["split"]) == pytest.approx(1)
    assert all(row["split"]["queue"] > 0 for row in endpoint["histogram"] if row["count"])
    assert not [node for node in endpoint["tree"] if node["category"] == "queue"]

    row = json.loads(
        waited.ask("query", "--format", "jsonl", "queue.time:>200ms | stats count, max(queue.time)")
    )
    assert row["count"] == sum(wait > 200_000_000 for wait in waits)
    assert row["max(queue.time)"] == waits[-1]

    slowest = max(traces, key=lambda trace: trace["queue"]["time"])
    lines = waited.ask("trace", slowest["id"])
    assert "waited before it began: " in lines
    assert "Waiting " in lines
