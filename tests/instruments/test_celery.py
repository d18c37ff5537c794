"""Celery: a run is a trace under the task's name, an eager one a span, and a message is a call."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from celery import Celery, signals
from celery.contrib.testing.worker import start_worker
from celery.exceptions import Ignore

from fanlight import normalizers
from fanlight.recording.blocks import endpoint
from fanlight.recording.recorder import SWITCH, begin, finish
from fanlight.recording.traceparent import known, read

app = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
app.conf.update(
    broker_transport_options={"polling_interval": 0.02},
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=False,
)


@app.task(name="shop.add")
def add(one: int, other: int) -> int:
    return one + other


@app.task(name="shop.fail")
def fail() -> None:
    raise ValueError("password=hunter2")


@app.task(name="shop.again", bind=True, max_retries=1, default_retry_delay=0)
def again(self: Any) -> str:
    if self.request.retries == 0:
        raise self.retry(exc=OSError("busy"))
    return "done"


@app.task(name="shop.skip")
def skip() -> None:
    raise Ignore


@app.task(name="shop.named")
def named() -> None:
    endpoint("shop.named by itself")


@app.task(name="shop.outer")
def outer() -> None:
    add.apply((1, 2))


@pytest.fixture(scope="module")
def worker() -> Any:
    """Run a worker on a thread of this process, whose logging it sets up as its own."""
    level, handlers = logging.root.level, list(logging.root.handlers)
    over = threading.Event()

    def wake() -> None:
        while not over.wait(0.05):
            add.delay(0, 0)

    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL") as started:
        yield started
        # It looks whether it should end when something comes, else after two seconds.
        threading.Thread(target=wake, daemon=True).start()
    over.set()
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


class Runs:
    """The runs that have ended in the worker, waited for."""

    def __init__(self, seen: Any) -> None:
        self.seen = seen
        self.changed = threading.Condition()
        SWITCH.sink = self.push

    def push(self, trace: Any) -> None:
        with self.changed:
            self.seen.append(trace)
            self.changed.notify_all()

    def wait(self, count: int) -> list[Any]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= count, 60), self.seen.endpoints()
        return list(self.seen)


@pytest.fixture
def runs(seen: Any, worker: Any) -> Runs:
    return Runs(seen)


def titles(seen: Any) -> list[str]:
    """Answer the titles of what was published."""
    return [normalizers.normalize(*leaf)[1] for leaf in seen.leaves("job.enqueue")]


def test_a_run_is_listed_under_the_tasks_name(runs: Runs) -> None:
    add.delay(1, 2)
    (run,) = runs.wait(1)
    assert (run.endpoint, run.title, run.category) == ("shop.add", "shop.add", "app.job")
    assert (run.error, run.segment, run.notes) == (None, "", {"queue": "celery"})


def test_a_failed_run_is_an_error_by_type_and_message(runs: Runs) -> None:
    fail.delay()
    (run,) = runs.wait(1)
    assert run.error == ("ValueError", "password=hunter2"), "the background takes the secret out"


def test_a_run_that_is_tried_again_is_no_error_but_counted_by_itself(runs: Runs) -> None:
    again.delay()
    first, second = runs.wait(2)
    assert (first.endpoint, first.segment, first.error) == ("shop.again", "retry", None)
    assert first.notes == {"queue": "celery", "retry": "OSError"}
    assert (second.endpoint, second.segment, second.notes["retries"]) == ("shop.again", "", 1)


def test_a_run_that_is_given_up_says_so(runs: Runs) -> None:
    skip.delay()
    (run,) = runs.wait(1)
    assert (run.endpoint, run.segment, run.error) == ("shop.skip", "ignored", None)


def test_a_task_may_name_itself(runs: Runs) -> None:
    named.delay()
    (run,) = runs.wait(1)
    assert run.endpoint == "shop.named by itself"


def test_a_task_within_a_task_is_a_span_of_it(runs: Runs) -> None:
    outer.delay()
    (run,) = runs.wait(1)
    assert run.endpoint == "shop.outer"
    ((name, _),) = runs.seen.handled()
    assert name == "app.job"


def test_a_run_keeps_the_id_of_the_request_that_published_it(runs: Runs) -> None:
    request = begin("app.test", "t", "GET /")
    add.delay(1, 2)
    (run,) = runs.wait(1)
    finish(request)
    assert known(run) == known(request) != 0


def test_what_a_request_publishes_is_a_call_by_the_tasks_name(seen: Any) -> None:
    request = begin("app.test", "t", "GET /")
    add.apply_async((1, 2), queue="unread")
    app.send_task("shop.elsewhere", (1,), queue="unread")
    finish(request)
    assert titles(seen) == ["Enqueue shop.add", "Enqueue shop.elsewhere"]
    assert seen.endpoints() == [("GET /", 0)]


def test_a_broker_that_is_away_is_a_failed_call(seen: Any) -> None:
    away = Celery("away", broker="redis://127.0.0.1:1/0", set_as_current=False)
    # Else the transport tries again by itself, for six seconds.
    away.conf.update(task_publish_retry=False, broker_transport_options={"max_retries": 0})
    request = begin("app.test", "t", "GET /")
    with pytest.raises(Exception, match=r"refused|Connection"):
        away.send_task("shop.add")
    finish(request)
    ((_, payload),) = seen.leaves("job.enqueue")
    assert payload == ("shop.add", "OperationalError")


def test_an_eager_run_is_a_span_of_the_request_and_leaves_its_name_alone(seen: Any) -> None:
    request = begin("app.test", "t", "GET /")
    assert add.apply((1, 2)).get() == 3
    assert fail.apply().failed()
    assert again.apply().get() == "done"
    finish(request)
    assert seen.endpoints() == [("GET /", 0)]
    ((events, _, _),) = request.records
    opened = [event[2] for event in events if isinstance(event, tuple) and len(event) == 6]
    closed = [event for event in events if isinstance(event, tuple) and len(event) == 2]
    assert opened == ["shop.add", "shop.fail", "shop.again", "shop.again"]
    assert len(closed) == 4
    assert {"error": "ValueError"} in events


def test_an_eager_run_outside_of_a_trace_is_one(seen: Any) -> None:
    assert add.apply((1, 2)).get() == 3
    assert seen.endpoints() == [("shop.add", 0)]


def test_an_applications_own_traceparent_stays(seen: Any) -> None:
    sent: list[Any] = []

    def published(headers: Any = None, **_: Any) -> None:
        sent.append(headers.get("traceparent"))

    signals.after_task_publish.connect(published)
    own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    add.apply_async((1, 2), queue="unread")
    request = begin("app.test", "t", "GET /")
    add.apply_async((1, 2), queue="unread", headers={"traceparent": own})
    add.apply_async((1, 2), queue="unread")
    finish(request)
    signals.after_task_publish.disconnect(published)
    outside, kept, drawn = sent
    assert (outside, kept) == (None, own)
    assert read(drawn) == known(request)


def test_a_worker_s_process_hands_over_before_it_ends(monkeypatch: Any) -> None:
    """Its pool lets it live for a second more today, which is why none loses a run without this either."""
    given: list[float] = []
    monkeypatch.setattr(SWITCH, "flush", given.append)
    signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    assert given == [1.0]
    monkeypatch.setattr(SWITCH, "flush", None)
    signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)


def test_nothing_is_kept_of_a_run_that_is_over(runs: Runs) -> None:
    from fanlight.instruments import celery

    add.delay(1, 2)
    runs.wait(1)
    holders = [
        receiver.__self__
        for _, receiver in signals.task_postrun.receivers
        if getattr(receiver, "__self__", None).__class__ is celery.Runs
    ]
    assert [holder.open for holder in holders] == [{}]
