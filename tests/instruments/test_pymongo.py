"""PyMongo over its own protocol: commands with their collections; documents stay here."""

from __future__ import annotations

import asyncio
import socketserver
import struct
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import bson
import pymongo
import pytest
from pymongo.errors import AutoReconnect, OperationFailure
from pymongo.server_api import ServerApi

from fanlight import normalizers
from fanlight.instruments.pymongo import listener_class
from fanlight.recording.bus import subscribe

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2"
HELLO = {"ok": 1, "isWritablePrimary": True, "minWireVersion": 0, "maxWireVersion": 21, "helloOk": True}


class Answering(socketserver.StreamRequestHandler):
    """Answers a few commands as MongoDB does, which no distribution brings."""

    def handle(self) -> None:
        while header := self.rfile.read(16):
            length, number, _, _ = struct.unpack("<iiii", header)
            body = self.rfile.read(length - 16)
            size = struct.unpack_from("<i", body, 5)[0]
            command = bson.decode(body[5 : 5 + size])
            name = next(iter(command))
            if name == "distinct":
                return  # hangs up
            answer = struct.pack("<IB", 0, 0) + bson.encode(self.answer(name))
            self.wfile.write(struct.pack("<iiii", 16 + len(answer), 1, number, 2013) + answer)

    def answer(self, name: str) -> dict[str, Any]:
        if name == "hello":
            return HELLO
        if name == "find":
            return {"ok": 1, "cursor": {"id": 7, "ns": "shop.product", "firstBatch": [{"a": SECRET}]}}
        if name == "getMore":
            return {"ok": 1, "cursor": {"id": 0, "ns": "shop.product", "nextBatch": []}}
        if name == "drop":
            return {"ok": 0, "errmsg": SECRET, "code": 13, "codeName": "Unauthorized"}
        return {"ok": 1, "n": 1}


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def address() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"mongodb://127.0.0.1:{server.server_address[1]}/?directConnection=true&retryReads=false"
        server.shutdown()
        thread.join()


@pytest.fixture
def commands(traced: Any) -> Any:
    """Answer a function that runs another inside a trace and answers the commands it sent."""

    def run(work: Any) -> list[Any]:
        seen = traced(work)
        assert SECRET not in repr(seen.leaves())
        return [payload for _, payload in seen.leaves("mongo.command")]

    return run


def test_commands_are_seen_with_their_collection_alone(address: str, commands: Any, seen: Any) -> None:
    def work() -> None:
        with pymongo.MongoClient(address, server_api=ServerApi("1")) as client:
            products = client["shop"]["product"]
            products.insert_one({"a": SECRET})
            assert list(products.find({"a": SECRET})) == [{"a": SECRET}]
            client["shop"].command("ping", comment=SECRET)
            client["shop"].command({"usersInfo": SECRET})

    found = commands(work)
    assert [each for each in found if each[0] != "endSessions"] == [
        ("insert", "product", ""),
        ("find", "product", ""),
        ("getMore", "product", ""),
        ("ping", "", ""),
        ("usersInfo", "", ""),
    ]
    assert normalizers.normalize(*seen.leaves()[0]) == ("db.mongo.insert", "insert product", "", None)


def test_failures_are_recorded_and_raised(address: str, commands: Any) -> None:
    def work() -> None:
        with pymongo.MongoClient(address, server_api=ServerApi("1")) as client:
            with pytest.raises(OperationFailure, match=SECRET):
                client["shop"].command("drop", "product")
            with pytest.raises(AutoReconnect):
                client["shop"]["product"].distinct(SECRET)

    assert commands(work)[:2] == [
        ("drop", "product", "Unauthorized"),
        ("distinct", "product", "AutoReconnect"),
    ]


@pytest.mark.skipif(not hasattr(pymongo, "AsyncMongoClient"), reason="an older PyMongo")
def test_an_asynchronous_client_is_seen_in_every_task(address: str, commands: Any) -> None:
    async def main() -> None:
        async with pymongo.AsyncMongoClient(address, server_api=ServerApi("1")) as client:
            shop = client["shop"]
            await asyncio.gather(shop["a"].insert_one({"a": SECRET}), shop["b"].insert_one({"a": SECRET}))

    assert sorted(commands(lambda: asyncio.run(main())))[-2:] == [("insert", "a", ""), ("insert", "b", "")]


def test_listeners_hear_the_same(address: str, commands: Any) -> None:
    heard: list[Any] = []

    def work() -> None:
        with pymongo.MongoClient(address, server_api=ServerApi("1")) as client:
            client["shop"]["product"].insert_one({"a": SECRET})

    with subscribe("mongo.command", lambda *what: heard.append(what[4])):
        commands(work)
    assert heard[0] == {"command": "insert", "collection": "product", "error": ""}


def test_an_end_without_its_beginning_takes_no_other_commands_collection(commands: Any) -> None:
    recorder = listener_class(pymongo.monitoring.CommandListener)()

    def work() -> None:
        recorder.started(SimpleNamespace(request_id=1, command_name="find", command={"find": "product"}))
        for number in (2, 1):
            recorder.succeeded(SimpleNamespace(request_id=number, command_name="find", duration_micros=5))

    assert commands(work) == [("find", "product", "")]


def test_outside_of_a_trace_nothing_is_recorded(address: str, seen: Any) -> None:
    with pymongo.MongoClient(address, server_api=ServerApi("1")) as client:
        client["shop"]["product"].insert_one({"a": 1})
    assert not seen
