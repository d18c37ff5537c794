"""aiohttp's client: one leaf a request, and nothing of the address but the host."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from fanlight.instruments.aiohttp import target
from fanlight.recording.recorder import begin, finish


def test_a_session_is_seen_without_path_query_and_password(host: str, calls: Any) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.get(
                f"http://u:hunter2@{host}/hunter2", params={"token": "hunter2"}
            ) as response:
                assert await response.text() == "ok"
            async with session.post(f"http://{host}/missing", headers={"x": "hunter2"}) as response:
                assert response.status == 404

    assert calls(lambda: asyncio.run(main())) == [("GET", host, 200, ""), ("POST", host, 404, "")]


def test_requests_at_once_and_a_sessions_own_address_are_seen(host: str, calls: Any) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession(f"http://{host}/") as session:
            both = await asyncio.gather(session.get("/hunter2"), session.get("b?hunter2=1"))
            assert [await each.text() for each in both] == ["ok", "ok"]

    assert calls(lambda: asyncio.run(main())) == [("GET", host, 200, "")] * 2


def test_a_refused_connection_is_recorded_and_raised(calls: Any) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"

        async def main() -> None:
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientConnectorError):
                    await session.get(f"http://{address}/hunter2")

        assert calls(lambda: asyncio.run(main())) == [("GET", address, 0, "ClientConnectorError")]


def test_a_cancelled_request_is_recorded(calls: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        async def main() -> None:
            async with aiohttp.ClientSession() as session:
                task = asyncio.create_task(session.get(f"http://{address}/"))
                peer, _ = await asyncio.to_thread(silent.accept)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                peer.close()

        assert calls(lambda: asyncio.run(main())) == [("GET", address, 0, "CancelledError")]


def test_a_request_that_outlives_its_trace_is_recorded_nowhere(host: str, seen: Any) -> None:
    async def main() -> None:
        opened = begin("app.test", "t", "e")
        async with aiohttp.ClientSession() as session:
            task = asyncio.create_task(session.get(f"http://{host}/"))
            await asyncio.sleep(0)
            finish(opened)
            assert await (await task).text() == "ok"

    asyncio.run(main())
    assert seen.leaves("http.request") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example:443/a", "shop.example"),
        ("https://shop.example:80?a", "shop.example:80"),
        ("http://u:p@[::1]:8080/", "[::1]:8080"),
        ("http://[::1]/", "[::1]"),
        ("http://u:hunter2/x@shop.example/", ""),
        ("/path", ""),
        ("hunter2", ""),
    ],
)
def test_an_address_yields_its_host_and_port(url: str, expected: str) -> None:
    assert target(SimpleNamespace(), url) == expected


def test_outside_of_a_trace_nothing_is_recorded(host: str, seen: Any) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}/") as response:
            assert await response.text() == "ok"

    asyncio.run(main())
    assert not seen
