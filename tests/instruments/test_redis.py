"""redis-py on a real Redis: one leaf a command or pipeline, by name; keys and values stay here."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from fanlight import normalizers
from fanlight.recording.bus import subscribe

SECRET = "hunter2"


@pytest.fixture
def commands(traced: Any) -> Any:
    """Answer a function that runs another inside a trace and answers the commands it sent."""

    def run(work: Any) -> list[Any]:
        seen = traced(work)
        leaves = seen.leaves()
        assert SECRET not in repr(leaves)
        assert all(SECRET not in repr(normalizers.normalize(*leaf)) for leaf in leaves)
        return [payload for _, payload in seen.leaves("redis.command")]

    return run


def test_commands_are_seen_by_name_alone(redis_port: int, commands: Any) -> None:
    def work() -> None:
        with redis.Redis(port=redis_port, password=SECRET) as client:
            assert client.set(SECRET, SECRET) is True
            assert client.get(SECRET) == SECRET.encode()
            client.auth(SECRET)
            assert client.execute_command(f"GET {SECRET}") == SECRET.encode()
            assert client.execute_command(b"get", SECRET) == SECRET.encode()
            client.config_get(SECRET)

    assert commands(work) == ["SET", "GET", "GET", "GET", "CONFIG"]


def test_a_pipeline_is_one_leaf(redis_port: int, commands: Any) -> None:
    def work() -> None:
        with redis.Redis(port=redis_port, password=SECRET) as client:
            for transaction in (True, False):
                with client.pipeline(transaction=transaction) as pipeline:
                    assert pipeline.set(SECRET, 1).incr(SECRET).execute() == [True, 2]
            with client.pipeline() as empty:
                assert empty.execute() == []

    assert commands(work) == [("PIPELINE", 2), ("PIPELINE", 2)]


def test_what_a_pipeline_sends_at_once_is_seen(redis_port: int, commands: Any) -> None:
    def work() -> None:
        with redis.Redis(port=redis_port, password=SECRET) as client, client.pipeline() as pipeline:
            pipeline.watch(SECRET)
            pipeline.get(SECRET)
            pipeline.multi()
            pipeline.set(SECRET, SECRET)
            assert pipeline.execute() == [True]

    assert commands(work) == ["WATCH", "GET", ("PIPELINE", 1)]


def test_a_script_in_a_pipeline_is_part_of_it(redis_port: int, commands: Any) -> None:
    def work() -> None:
        with redis.Redis(port=redis_port, password=SECRET) as client:
            script = client.register_script("return 7")
            with client.pipeline() as pipeline:
                script(client=pipeline)
                assert pipeline.execute() == [7]

    assert commands(work) == [("PIPELINE", 1)]


def test_errors_are_recorded_and_raised(redis_port: int, commands: Any) -> None:
    def work() -> None:
        with redis.Redis(port=redis_port, password=SECRET) as client:
            client.set("text", SECRET)
            with pytest.raises(redis.ResponseError, match="not an integer"):
                client.incrby("text")
            with client.pipeline() as pipeline, pytest.raises(redis.ResponseError):
                pipeline.incr("text").execute()
        with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nobody, pytest.raises(redis.ConnectionError):
            nobody.get(SECRET)

    assert commands(work) == [
        "SET",
        ("INCRBY", "ResponseError"),
        (("PIPELINE", 1), "ResponseError"),
        ("GET", "ConnectionError"),
    ]


def test_an_asynchronous_client_is_seen_in_every_task(redis_port: int, commands: Any) -> None:
    async def main() -> None:
        async with redis.asyncio.Redis(port=redis_port, password=SECRET) as client:
            assert await client.set(SECRET, "1") is True
            assert await asyncio.gather(client.get(SECRET), client.get(SECRET)) == [b"1", b"1"]
            async with client.pipeline() as pipeline:
                assert await pipeline.incr(SECRET).incr(SECRET).execute() == [2, 3]
            async with client.pipeline() as pipeline:
                await pipeline.watch(SECRET)
                pipeline.multi()
                assert await pipeline.get(SECRET).execute() == [b"3"]
            await client.set("text", SECRET)
            with pytest.raises(redis.ResponseError):
                await client.incrby("text")

    found = commands(lambda: asyncio.run(main()))
    assert sorted(map(str, found)) == sorted(
        map(
            str,
            [
                "SET",
                "GET",
                "GET",
                ("PIPELINE", 2),
                "WATCH",
                ("PIPELINE", 1),
                "SET",
                ("INCRBY", "ResponseError"),
            ],
        )
    )


def test_a_cancelled_command_is_recorded(redis_port: int, commands: Any) -> None:
    async def main() -> None:
        async with redis.asyncio.Redis(port=redis_port, password=SECRET) as client:
            await client.ping()  # else it may be the connecting that takes too long
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.blpop([SECRET + "-nothing"]), 0.2)

    assert commands(lambda: asyncio.run(main())) == ["PING", ("BLPOP", "CancelledError")]


def test_listeners_hear_the_same(redis_port: int, commands: Any) -> None:
    heard: list[Any] = []
    with subscribe("redis.command", lambda *what: heard.append(what[4])):

        def work() -> None:
            with redis.Redis(port=redis_port, password=SECRET) as client:
                client.set("text", SECRET)
                with pytest.raises(redis.ResponseError):
                    client.incrby("text")

        commands(work)
    assert heard == [{"command": "SET"}, {"command": "INCRBY", "error": "ResponseError"}]


def test_outside_of_a_trace_nothing_is_recorded(redis_port: int, seen: Any) -> None:
    with redis.Redis(port=redis_port, password=SECRET) as client:
        assert client.ping() is True
    assert not seen
