"""Jobs of real workers behind a real broker: every run counted, the last ones before the end too."""

import json
import os
import signal
import socket
import sys
import time
from contextlib import suppress

import pytest
from redis import ConnectionError as NobodyThere
from redis import Redis

import setup
from fanlight.cli.client import Client

TASKS = '''
"""Tasks of a shop, and a request that hands some of them out."""
import os
from celery import Celery
from flask import Flask
from redis import Redis
from rq import Queue

PORT = int(os.environ["BROKER_PORT"])
celery = Celery("shop", broker=f"redis://127.0.0.1:{PORT}/0")
celery.conf.update(broker_connection_retry_on_startup=True, worker_prefetch_multiplier=1)
queue = Queue("mail", connection=Redis(port=PORT, db=1))
app = Flask(__name__)


@celery.task(name="shop.send")
def send(number):
    if number % 10 == 0:
        raise ValueError(number)


def pack(number):
    return number


@app.get("/order/<int:number>")
def order(number):
    send.delay(number)
    queue.enqueue(pack, number)
    return str(number)
'''
ORDERS = 20


@pytest.fixture
def broker(house, kit):
    """Answer the port of a Redis of the test's own."""
    found = setup.server("redis-server")
    if not found:
        pytest.skip("redis-server is not installed; `make setup` brings it")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    house.start("redis", [found, "--port", str(port), "--bind", "127.0.0.1", "--save", ""])

    def listens():
        with suppress(NobodyThere), Redis(port=port) as connection:
            return connection.ping()
        return False

    kit.wait(listens, "redis")
    return port


def worker(house, service, command, **settings):
    command = [sys.executable, "-P", "-m", "fanlight", "run", "--data", str(house.data), "--", *command]
    return house.start(service, command, FANLIGHT_SERVICE=service, PYTHONPATH=str(house.folder), **settings)


def by_segment(house, service):
    """Answer the counts of a service by endpoint and segment."""
    rows = json.loads(house.ask("endpoints", "--json"))
    return {(row["endpoint"], row["segment"]): row["count"] for row in rows if row["service"] == service}


def left(port, database, queue):
    with Redis(port=port, db=database) as connection:
        return connection.llen(queue)


def greeted(house, service):
    """Answer the processes of a service that are connected to the collector."""
    clients = house.api("/api/status")["collector"]["clients"]
    return {client["pid"] for client in clients if client["service"] == service}


def sample(house):
    """Answer the id of a kept request."""
    query = {"service": "shop", "endpoint": "GET /order/<int:number>", "segment": "html"}
    return Client(str(house.data), 120.0).get("/api/endpoint", query)["samples"][0]["id"]


def test_every_run_is_counted_and_shares_its_requests_id(house, kit, broker):
    house.serve()
    settings = {"BROKER_PORT": str(broker)}
    _, port = house.application("shop", TASKS, **settings)
    prefork = ["celery", "-A", "shop:celery", "worker", "-c", "2", "--without-mingle", "--without-gossip"]
    running = worker(house, "celery-jobs", [sys.executable, "-m", *prefork], **settings)
    for number in range(1, ORDERS + 1):
        assert kit.get(port, f"/order/{number}") == (200, str(number))
    kit.wait(lambda: left(broker, 0, "celery") == 0, "an empty queue")
    log = house.folder / "celery-jobs.log"
    kit.wait(lambda: greeted(house, "celery-jobs"), "a worker's hello")
    # The supervising process runs no task, so it never connects.
    assert greeted(house, "celery-jobs") <= set(kit.children(running.pid))
    # A warm shutdown lets what runs end; what it recorded last must not be lost.
    running.terminate()
    assert running.wait(30) == 0, log.read_text()
    jobs = [sys.executable, "-m", "rq.cli", "worker", "mail", "--burst", "--quiet"]
    jobs += ["--url", f"redis://127.0.0.1:{broker}/1"]
    done = worker(house, "rq-jobs", jobs, **settings)
    assert done.wait(60) == 0, (house.folder / "rq-jobs.log").read_text()
    for service in ("celery-jobs", "rq-jobs"):
        kit.wait(lambda: house.stored(service) >= ORDERS, service)  # noqa: B023 used at once
    assert by_segment(house, "celery-jobs") == {("shop.send", ""): 18, ("shop.send", "error"): 2}
    assert by_segment(house, "rq-jobs") == {("shop.pack", ""): ORDERS}
    assert by_segment(house, "shop") == {("GET /order/<int:number>", "html"): ORDERS}
    shared = house.api(f"/api/trace/{sample(house)}")
    assert [shared["service"], *sorted(part["service"] for part in shared["also"])] == [
        *("shop", "celery-jobs", "rq-jobs")
    ]
    assert [span["title"] for span in shared["spans"] if span["category"] == "job.enqueue"] == [
        *("Enqueue shop.send", "Enqueue shop.pack")
    ]


POOLS = {
    "processes that run one task each": ["-c", "2", "--max-tasks-per-child", "1"],
    "threads": ["-P", "threads", "-c", "2"],
    "greenlets": ["-P", "gevent", "-c", "4"],
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_no_pool_loses_a_run(house, kit, broker, pool):
    house.serve()
    settings = {"BROKER_PORT": str(broker)}
    (house.folder / "shop.py").write_text(TASKS)
    publish = "import shop; [shop.send.delay(number) for number in range(1, 9)]"
    done = house.start("publish", [sys.executable, "-c", publish], PYTHONPATH=str(house.folder), **settings)
    assert done.wait(60) == 0
    options = [*pool, "--without-mingle", "--without-gossip"]
    prefork = [sys.executable, "-m", "celery", "-A", "shop:celery", "worker", *options]
    running = worker(house, "celery-jobs", prefork, **settings)
    kit.wait(lambda: house.stored("celery-jobs") == 8, "8 runs")
    assert by_segment(house, "celery-jobs") == {("shop.send", ""): 8}
    running.terminate()
    assert running.wait(30) == 0


RUNS = '''
"""A task that leaves a line for every run, right before it ends."""
import os, time
from celery import Celery
from redis import Redis
from rq import Queue

PORT = int(os.environ["BROKER_PORT"])
celery = Celery("shop", broker=f"redis://127.0.0.1:{PORT}/0")
celery.conf.update(broker_connection_retry_on_startup=True, worker_prefetch_multiplier=1)
queue = Queue("mail", connection=Redis(port=PORT, db=1))


def pack(number):
    time.sleep(0.01)
    with open("ran", "a") as ran:
        ran.write(f"{number}\\n")


@celery.task(name="shop.send")
def send(number):
    pack(number)
'''
LIBRARIES = {
    "celery": (
        "celery -A shop:celery worker -c 1 --without-mingle --without-gossip",
        "shop.send.delay",
        60,
    ),
    "rq": (
        "rq.cli worker mail --quiet --url redis://127.0.0.1:{}/1",
        "partial(shop.queue.enqueue, shop.pack)",
        4,
    ),
}
"""Name to what runs the tasks, what puts one into the queue, and how many there are in all."""


@pytest.mark.parametrize("whose", ["children", "parent", "all"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_killed_process_of_a_worker_had_not_sent_is_counted(house, kit, broker, library, whose):
    command, call, runs = LIBRARIES[library]
    house.serve()
    settings = {"BROKER_PORT": str(broker)}
    (house.folder / "shop.py").write_text(RUNS)
    ran = house.folder / "ran"
    ran.touch()

    def publish(numbers):
        program = f"from functools import partial; import shop; [{call}(n) for n in {numbers}]"
        done = house.start(
            "publish", [sys.executable, "-c", program], PYTHONPATH=str(house.folder), **settings
        )
        assert done.wait(60) == 0

    def lines():
        return len(ran.read_text().splitlines())

    publish("range(1)")
    running = worker(house, "jobs", [sys.executable, "-m", *command.format(broker).split()], **settings)
    kit.wait(lambda: house.stored("jobs") == 1, "the first run")
    collector = house.pids()["collector"]
    os.kill(collector, signal.SIGSTOP)
    try:
        publish(f"range(1, {runs})")
        kit.wait(lambda: lines() > runs // 3, "some runs", 120, 0.01)
        # The one that runs the tasks: Celery's goes on, RQ's waits for the collector before it ends.
        time.sleep(0.1)
        children = kit.children(running.pid)
        for victim in {"children": children, "parent": [running.pid], "all": [running.pid, *children]}[whose]:
            os.kill(victim, signal.SIGKILL)
    finally:
        os.kill(collector, signal.SIGCONT)
    found = {}

    def all_is_accounted_for():
        state = house.api("/api/status")["collector"] or {}
        found.update(state.get("lost_before_accept", {}).get("jobs", {}))
        found["accepted"] = state.get("accepted", {}).get("jobs", 0)
        # A new child does what is left; without a parent nobody does, and one that is left alone may end in
        # good order and tell all.
        is_over = lines() >= runs - 1 if whose == "children" else not any(map(kit.alive, children))
        # The one that was killed may have been in the midst of a run.
        is_told = whose == "parent" or "ended" in found
        return is_over and is_told and lines() - 1 <= found.get("ended", 0) + found["accepted"] <= lines()

    kit.wait(all_is_accounted_for, "every run to be accounted for", 120, 0.1, lambda: (found, lines()))
    if whose == "children":
        running.terminate()
        assert running.wait(30) == 0
