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
from fanlight.recording.traceparent import identity, known, outgoing

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


GIVEN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


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


def test_a_job_keeps_the_id_of_the_request_that_enqueued_it(redis: Any, seen: Any) -> None:
    """However it came into the queue: at once, among many, later, or behind another one."""
    request = begin("app.test", "t", "GET /")
    queue = Queue("mail", connection=redis)
    first = queue.enqueue(SHOP.add, 1, 2)
    queue.enqueue(SHOP.add, 1, 2, depends_on=first)
    queue.enqueue_many([Queue.prepare_data(SHOP.add, (1, 2))])
    queue.enqueue_job(Job.create(SHOP.add, (1, 2), connection=redis))
    later = queue.enqueue_at(datetime.now(UTC) + timedelta(hours=1), SHOP.add, 1, 2)
    ident = identity(request)
    finish(request)
    queue.enqueue(SHOP.add, 1, 2)
    queue.enqueue_job(Job.fetch(later.id, connection=redis))
    burst(redis)
    runs = [known(run) for run in seen if run is not request]
    assert sorted(runs) == [0, *[ident] * 5]


def test_a_job_that_enqueues_another_hands_the_id_on(redis: Any, seen: Any) -> None:
    job = Queue("mail", connection=redis).enqueue(SHOP.add, 1, 2, meta={"traceparent": GIVEN})
    assert job.get_meta() == {"traceparent": GIVEN}
    SHOP.next = lambda: Queue("mail", connection=redis).enqueue(SHOP.add, 1, 2).id  # type: ignore[attr-defined]
    Queue("mail", connection=redis).enqueue("fanlight_jobs.next", meta={"traceparent": GIVEN})
    burst(redis)
    assert [f"{known(run):032x}" for run in seen] == [GIVEN[3:35]] * 3


def test_what_an_application_says_about_its_jobs_stays_its_own(redis: Any, seen: Any) -> None:
    shared = {"tenant": "shop"}
    request = begin("app.test", "t", "GET /")
    queue = Queue("mail", connection=redis)
    job = queue.enqueue(SHOP.add, 1, 2, meta=shared)
    header = outgoing()
    finish(request)
    assert shared == {"tenant": "shop"}
    meta = Job.fetch(job.id, connection=redis).meta
    assert meta.pop("traceparent")[:35] == header[:35]
    assert meta == shared


@pytest.mark.parametrize("meta", [["none", "at all"], {"traceparent": 5}, {"traceparent": "none"}])
def test_a_mark_of_any_shape_harms_no_job(redis: Any, seen: Any, meta: Any) -> None:
    request = begin("app.test", "t", "GET /")
    job = Queue("mail", connection=redis).enqueue(SHOP.add, 1, 2, meta=meta)
    finish(request)
    assert Job.fetch(job.id, connection=redis).meta == meta
    burst(redis)
    assert [(run.endpoint, run.error) for run in seen if run is not request] == [("fanlight_jobs.add", None)]


def test_what_could_not_be_read_about_a_job_is_written_back_as_it_is(redis: Any, seen: Any) -> None:
    queue = Queue("mail", connection=redis)
    job = queue.enqueue(SHOP.add, 1, 2)
    redis.hset(job.key, "meta", b"of a later version")
    request = begin("app.test", "t", "GET /")
    queue.enqueue_job(Job.fetch(job.id, connection=redis))
    finish(request)
    assert redis.hget(job.key, "meta") == b"of a later version"


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
    # `seen` puts back what was there before it; monkeypatch, which ends later, would put back `seen`.
    SWITCH.sink = lambda trace: os.write(tells, trace.endpoint.encode() + b" ")
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
