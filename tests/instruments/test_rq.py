"""RQ: a job is a trace under its function's name, a synchronous one a span, enqueuing it a call."""

from __future__ import annotations

import os
import sys
import zlib
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.exceptions import DeserializationError
from rq.job import Job

from fanlight import normalizers
from fanlight.recording.recorder import SWITCH, begin, finish

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = ModuleType("fanlight_jobs")
exec(  # RQ imports what it runs
    """
class Basket:
    def pack(self):
        return "packed"

def add(one, other):
    return one + other

def fail():
    raise ValueError("password=hunter2")
""",
    vars(SHOP),
)
for each in (SHOP.Basket, SHOP.add, SHOP.fail):
    each.__module__ = SHOP.__name__
sys.modules[SHOP.__name__] = SHOP


@pytest.fixture
def redis(redis_port: int) -> Iterator[Redis[bytes]]:
    with Redis(port=redis_port, password="hunter2") as connection:
        connection.flushdb()
        yield connection


def burst(redis: Any, kind: Any = SimpleWorker) -> None:
    """Run what is in the queue."""
    kind([Queue("mail", connection=redis)], connection=redis).work(burst=True, logging_level="CRITICAL")


def enqueued(seen: Any) -> list[str]:
    return [normalizers.normalize(*leaf)[1] for leaf in seen.leaves("job.enqueue")]


def test_a_job_is_listed_under_its_functions_name(redis: Any, seen: Any) -> None:
    queue = Queue("mail", connection=redis)
    queue.enqueue(SHOP.add, 1, 2)
    queue.enqueue("fanlight_jobs.add", 1, 2)
    queue.enqueue(SHOP.Basket().pack)
    burst(redis)
    assert [run.endpoint for run in seen] == [*["fanlight_jobs.add"] * 2, "Basket.pack"]
    assert [run.title for run in seen] == [run.endpoint for run in seen]
    assert [(run.error, run.segment, run.notes) for run in seen] == [(None, "", {"queue": "mail"})] * 3


def test_a_failed_job_is_an_error(redis: Any, seen: Any) -> None:
    Queue("mail", connection=redis).enqueue(SHOP.fail)
    burst(redis)
    (run,) = seen
    assert (run.endpoint, run.error) == ("fanlight_jobs.fail", ("ValueError", "password=hunter2"))


def test_a_job_that_cannot_be_read_is_an_error_without_a_name(redis: Any, seen: Any) -> None:
    job = Queue("mail", connection=redis).enqueue(SHOP.add, 1, 2)
    redis.hset(job.key, "data", zlib.compress(b"garbage"))
    with pytest.raises(DeserializationError):
        Job.fetch(job.id, connection=redis).perform()
    (run,) = seen
    assert run.endpoint == "<unreadable job>"
    assert run.error[0].endswith("DeserializationError")


def test_what_a_request_enqueues_is_a_call_by_the_jobs_name(redis: Any, seen: Any) -> None:
    request = begin("app.test", "t", "GET /")
    queue = Queue("mail", connection=redis)
    queue.enqueue(SHOP.add, 1, 2)
    queue.enqueue_at(datetime.now(UTC) + timedelta(hours=1), SHOP.fail)
    queue.enqueue_many([Queue.prepare_data(SHOP.add, (1, 2)), Queue.prepare_data(SHOP.fail)])
    finish(request)
    assert enqueued(seen) == [
        *("Enqueue fanlight_jobs.add", "Enqueue fanlight_jobs.fail"),
        *("Enqueue fanlight_jobs.add", "Enqueue fanlight_jobs.fail"),
    ]
    assert seen.endpoints() == [("GET /", 0)]


def test_a_synchronous_job_is_a_span_of_the_request(redis: Any, seen: Any) -> None:
    request = begin("app.test", "t", "GET /")
    queue = Queue("mail", connection=redis, is_async=False)
    assert queue.enqueue(SHOP.add, 1, 2).return_value() == 3
    queue.enqueue(SHOP.fail)
    finish(request)
    assert seen.endpoints() == [("GET /", 0)]
    ((events, _, _),) = request.records
    assert [event[2] for event in events if isinstance(event, tuple) and len(event) == 6] == [
        *("fanlight_jobs.add", "fanlight_jobs.fail")
    ]
    assert {"error": "ValueError"} in events


def test_only_a_work_horse_hands_over_at_its_end(redis: Any, seen: Any, monkeypatch: Any) -> None:
    told, tells = os.pipe()
    monkeypatch.setattr(SWITCH, "flush", lambda _: os.write(tells, b"%d " % os.getpid()))
    monkeypatch.setattr(SWITCH, "sink", lambda trace: os.write(tells, trace.endpoint.encode() + b" "))
    queue = Queue("mail", connection=redis)
    queue.enqueue(SHOP.add, 1, 2)
    burst(redis)
    queue.enqueue(SHOP.add, 1, 2)
    queue.enqueue(SHOP.fail)
    burst(redis, Worker)
    os.close(tells)
    with os.fdopen(told) as lines:
        simple, first, horse, second, other = lines.read().split()
    assert [simple, first, second] == [*["fanlight_jobs.add"] * 2, "fanlight_jobs.fail"]
    assert len({int(horse), int(other), os.getpid()}) == 3


def test_without_a_trace_nothing_is_recorded(redis: Any, seen: Any) -> None:
    Queue("mail", connection=redis).enqueue(SHOP.add, 1, 2)
    assert not seen
    SWITCH.sink = None
    burst(redis)
    assert not seen
