"""A trace's id goes along with requests to other services, whichever library makes them."""

from __future__ import annotations

import asyncio
import http.client
import urllib.request
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3

from fanlight.recording.recorder import SWITCH, begin, finish
from fanlight.recording.traceparent import known, read

OWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def by_http_client(url: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=120)
    for _ in range(2):
        connection.request("POST", "/", headers=headers)
        assert connection.getresponse().read() == b"ok"
    connection.close()


def by_urllib(url: str, headers: dict[str, str]) -> None:
    for _ in range(2):
        urllib.request.urlopen(urllib.request.Request(url, headers=headers)).close()


def by_urllib3(url: str, headers: dict[str, str]) -> None:
    with urllib3.PoolManager() as pool:
        for _ in range(2):
            assert pool.request("GET", url, headers=headers).data == b"ok"


def by_requests(url: str, headers: dict[str, str]) -> None:
    with requests.Session() as session:
        for _ in range(2):
            response = session.get(url, headers=headers)
            assert dict(response.request.headers).get("traceparent") == headers.get("traceparent")


def by_httpx(url: str, headers: dict[str, str]) -> None:
    with httpx.Client(headers=headers) as client:
        request = client.build_request("POST", url, content=b"")
        for each in (request, client.build_request("GET", url)):
            response = client.send(each)
            assert response.text == "ok"
            assert response.request is each
            assert each.headers.get("traceparent") == headers.get("traceparent")


def by_httpx_asynchronously(url: str, headers: dict[str, str]) -> None:
    async def main() -> None:
        async with httpx.AsyncClient(headers=headers) as client:
            for _ in range(2):
                assert (await client.get(url)).text == "ok"

    asyncio.run(main())


def by_aiohttp(url: str, headers: dict[str, str]) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            assert await response.text() == "ok"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            assert await response.text() == "ok"

    asyncio.run(main())


CLIENTS = (
    *(by_http_client, by_urllib, by_urllib3, by_requests),
    *(by_httpx, by_httpx_asynchronously, by_aiohttp),
)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__)
def client(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_each_request_of_a_trace_carries_its_id_once(host: str, heard: Any, seen: Any, client: Any) -> None:
    opened = begin("app.test", "t", "e")
    client(f"http://{host}/", {})
    finish(opened)
    assert [len(headers) for headers in heard] == [1, 1]
    (first,), (second,) = heard
    assert read(first) == read(second) == known(opened) != 0
    assert first != second


def test_what_the_application_sends_itself_stays(host: str, heard: Any, seen: Any, client: Any) -> None:
    opened = begin("app.test", "t", "e")
    client(f"http://{host}/", {"traceparent": OWN})
    finish(opened)
    assert heard == [[OWN], [OWN]]


def test_outside_of_a_trace_nothing_is_sent(host: str, heard: Any, seen: Any, client: Any) -> None:
    client(f"http://{host}/", {})
    assert heard == [[], []]


def test_a_trace_whose_spans_are_not_recorded_is_told_too(
    host: str, heard: Any, seen: Any, client: Any
) -> None:
    SWITCH.sample = 0.0
    opened = begin("app.test", "t", "e")
    client(f"http://{host}/", {})
    finish(opened)
    assert [(read(header), header[-3:]) for (header,) in heard] == [(known(opened), "-00")] * 2
    assert seen.leaves() == []
