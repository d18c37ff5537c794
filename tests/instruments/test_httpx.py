"""httpx: one leaf a request, by either client, and nothing of the address but the host."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from fanlight.recording.recorder import SWITCH, begin, finish


def test_a_client_is_seen_without_path_query_and_password(host: str, calls: Any) -> None:
    def work() -> None:
        with httpx.Client(base_url=f"http://u:hunter2@{host}") as client:
            assert client.get("/hunter2", params={"token": "hunter2"}).text == "ok"
            assert client.post("/missing", headers={"x": "hunter2"}, content=b"").status_code == 404

    assert calls(work) == [("GET", host, 200, ""), ("POST", host, 404, "")]


def test_an_asynchronous_client_is_seen_in_every_task(host: str, calls: Any) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as client:
            both = await asyncio.gather(client.get(f"http://{host}/a"), client.post(f"http://{host}/b"))
            assert [each.text for each in both] == ["ok", "ok"]

    assert sorted(calls(lambda: asyncio.run(main()))) == [("GET", host, 200, ""), ("POST", host, 200, "")]


def test_a_streamed_response_ends_with_its_headers(host: str, calls: Any) -> None:
    def work() -> None:
        with httpx.stream("GET", f"http://{host}/") as response:
            assert response.read() == b"ok"

    assert calls(work) == [("GET", host, 200, "")]


def test_a_refused_connection_is_recorded_and_raised(calls: Any) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"

        async def later() -> None:
            async with httpx.AsyncClient() as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(f"http://{address}/")

        def work() -> None:
            with pytest.raises(httpx.ConnectError), httpx.Client() as client:
                client.get(f"http://{address}/hunter2")
            asyncio.run(later())

        assert calls(work) == [("GET", address, 0, "ConnectError")] * 2


def test_a_cancelled_request_is_recorded(calls: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"

        async def main() -> None:
            async with httpx.AsyncClient() as client:
                task = asyncio.create_task(client.get(f"http://{address}/"))
                peer, _ = await asyncio.to_thread(silent.accept)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                peer.close()

        assert calls(lambda: asyncio.run(main())) == [("GET", address, 0, "CancelledError")]


def test_a_transport_that_sends_nothing_is_no_call(calls: Any) -> None:
    def work() -> None:
        with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(204))) as client:
            assert client.get("http://nowhere.example/").status_code == 204

    assert calls(work) == []


def test_a_request_that_outlives_its_trace_is_recorded_nowhere(host: str, seen: Any) -> None:
    async def main() -> None:
        opened = begin("app.test", "t", "e")
        async with httpx.AsyncClient() as client:
            task = asyncio.create_task(client.get(f"http://{host}/"))
            await asyncio.sleep(0)
            finish(opened)
            assert (await task).text == "ok"

    asyncio.run(main())
    assert seen.leaves("http.request") == []


def test_outside_of_a_trace_nothing_is_recorded(host: str, seen: Any) -> None:
    assert httpx.get(f"http://{host}/").text == "ok"
    assert not seen


def test_a_request_of_a_class_of_its_own_leaves_as_it_is(host: str, calls: Any) -> None:
    class Request(httpx.Request):
        """Can't be given other headers once it is made."""

        @property
        def headers(self) -> httpx.Headers:  # type: ignore[override]
            return self._kept

        @headers.setter
        def headers(self, value: httpx.Headers) -> None:
            if not hasattr(self, "stream"):
                self._kept = value
                return
            raise TypeError("headers are set while the request is made")

    def work() -> None:
        with httpx.HTTPTransport() as transport:
            response = transport.handle_request(Request("GET", f"http://{host}/"))
            assert response.read() == b"ok"

    assert calls(work) == [("GET", host, 200, "")]
    SWITCH.faults -= 1
