"""Twelve kinds of planted secrets on every way out: wire, spool, store, page, log. None arrives."""

import http.server
import json
import os
import signal
import socket
import socketserver
import struct
import subprocess
import threading
from contextlib import ExitStack, suppress

import bson
import duckdb
import pytest

APPLICATION = '''
"""An application that handles secrets in all the ways that real ones do."""
import http.client
import logging
import os
import sqlite3

import httpx
import pymongo
import redis
from flask import Flask, request

import fanlight

app = Flask(__name__)
database = sqlite3.connect(":memory:", check_same_thread=False)
database.execute("CREATE TABLE account (name TEXT, password TEXT)")
OUTSIDE, REDIS, MONGO = (int(os.environ["PORTS"].split(",")[at]) for at in range(3))
STATEMENTS = (
    "SELECT * FROM account WHERE password = 'hunter2-single'",
    'SELECT * FROM account WHERE password = "hunter2-double"',
    "SELECT * FROM account WHERE password = $$hunter2-dollar$$",
    "SELECT * FROM account WHERE password = $tag$hunter2-tagged$tag$",
    "SELECT * FROM account /* hunter2-comment */ -- hunter2-line",
    "SELECT * FROM account WHERE password = 'hunter2-unclosed",
)


@app.route("/form", methods=["POST"])
def form():
    return request.form["password"][:0] + "taken"


@app.get("/sql")
def sql():
    for statement in STATEMENTS:
        try:
            database.execute(statement).fetchall()
        except sqlite3.Error:
            pass
    database.execute("SELECT * FROM account WHERE password = ?", ("hunter2-bound",)).fetchall()
    return "asked"


@app.get("/annotated")
def annotated():
    fanlight.annotate(plan="in-the-clear", api_key="hunter2-annotation")
    with fanlight.span("step", login={"password": "hunter2-nested"}):
        return "noted"


@app.get("/raised")
def raised():
    raise RuntimeError("cannot log in with password=hunter2-exception")


@app.get("/logged")
def logged():
    log = logging.getLogger("shop")
    log.warning("session in-the-log of eyJhbGciOiJIUzI1NiJ9.hunter2jwt-payload.hunter2jwt-signature expired")
    log.error("token=%s", "hunter2-log-argument")
    return "logged"


@app.get("/outside")
def outside():
    httpx.get(f"http://ada:hunter2-basic@127.0.0.1:{OUTSIDE}/hunter2-path?token=hunter2-outgoing")
    connection = http.client.HTTPConnection("127.0.0.1", OUTSIDE)
    connection.request("GET", "/hunter2-path?key=hunter2-key", headers={"X-Api-Key": "hunter2-header"})
    connection.getresponse().read()
    connection.close()
    return "fetched"


@app.get("/redis")
def cached():
    with redis.Redis(port=REDIS, password="hunter2-redis-login", protocol=2) as client:
        client.execute_command("AUTH", "hunter2-redis-auth")
        client.execute_command("SET", "hunter2-redis-key", "hunter2-redis-value")
    return "cached"


@app.get("/mongo")
def mongo():
    address = f"mongodb://127.0.0.1:{MONGO}/?directConnection=true"
    with pymongo.MongoClient(address) as client:
        client.shop.account.find_one({"password": "hunter2-mongo-filter"})
        client.shop.account.insert_one({"password": "hunter2-mongo-document"})
    return "found"
'''

PATHS = ("/sql", "/annotated", "/raised", "/logged", "/outside", "/redis", "/mongo")
VISIBLE = (
    "SELECT FROM account",
    "in-the-clear",
    "in-the-log",
    "db.redis.set",
    "db.mongo.find",
    "GET 127.0.0.1",
)


class Outside(http.server.BaseHTTPRequestHandler):
    """Somebody else's service."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Redis(socketserver.StreamRequestHandler):
    """Says OK to every command."""

    def handle(self):
        while line := self.rfile.readline():
            for _ in range(int(line[1:])):
                self.rfile.read(int(self.rfile.readline()[1:]) + 2)
            self.wfile.write(b"+OK\r\n")


class Mongo(socketserver.StreamRequestHandler):
    """Answers as a lonely MongoDB does."""

    def handle(self):
        while header := self.rfile.read(16):
            length, number, _, _ = struct.unpack("<iiii", header)
            body = self.rfile.read(length - 16)
            command = bson.decode(body[5 : 5 + struct.unpack_from("<i", body, 5)[0]])
            said = {"ok": 1, "isWritablePrimary": True, "minWireVersion": 0, "maxWireVersion": 21, "n": 1}
            if "find" in command:
                said["cursor"] = {"id": 0, "ns": "shop.account", "firstBatch": []}
            answer = struct.pack("<IB", 0, 0) + bson.encode(said)
            self.wfile.write(struct.pack("<iiii", 16 + len(answer), 1, number, 2013) + answer)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


class Relay:
    """Stands between agent and collector, and keeps every byte that the agent sent."""

    def __init__(self, path, target):
        self.target = str(target)
        self.seen = bytearray()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        self.ends, self.threads = [self.listener], []
        self.spawn(self.accept)

    def spawn(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def accept(self):
        while True:
            try:
                agent, _ = self.listener.accept()
                self.ends.append(agent)
                collector = socket.socket(socket.AF_UNIX)
                self.ends.append(collector)
                collector.connect(self.target)
            except OSError:
                return
            self.spawn(self.carry, agent, collector, self.seen)
            self.spawn(self.carry, collector, agent, bytearray())

    def end(self):
        """Leave nothing open: what is left to the garbage collector would fail another test."""
        for each in self.ends:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(30)
        for each in self.ends:
            each.close()

    def carry(self, source, target, kept):
        try:
            while data := source.recv(65536):
                kept += data
                target.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, target):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def ports():
    """The three services that the application uses, on loopback."""
    with ExitStack() as stack:
        found = []
        for handler in (Outside, Redis, Mongo):
            server = stack.enter_context(Server(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            found.append(str(server.server_address[1]))
        yield ",".join(found)


def planted(data):
    """Answer the secrets in some bytes or text."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes | bytearray) else data
    return sorted(
        {text[max(0, at - 40) : at + 40] for at in range(len(text)) if text.startswith("hunter2", at)}
    )


def visible(data):
    """Answer what of the harmless is there; without it, finding no secret would prove nothing."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes | bytearray) else data
    return [word for word in VISIBLE if word in text]


def ask_all(port, kit):
    """Send every secret once; answer how many requests that took."""
    headers = {
        "Authorization": "Bearer hunter2-authorization",
        "Cookie": "id=hunter2-cookie",
        "Referer": "http://127.0.0.1/?token=hunter2-referer",
        "User-Agent": "hunter2-agent",
    }
    for path in PATHS:
        status, text = kit.get(port, f"{path}?token=hunter2-query-string", headers)
        assert status == (500 if path == "/raised" else 200), (path, text)
    assert kit.get(port, "/hunter2-unmatched", headers)[0] == 404
    form = ["curl", "-s", "-d", "password=hunter2-form", f"http://127.0.0.1:{port}/form"]
    assert subprocess.run(form, capture_output=True, check=True).stdout == b"taken"
    return len(PATHS) + 2


def test_no_planted_secret_passes_wire_spool_store_page_or_log(house, kit, ports):
    house.serve(FANLIGHT_LOG_LEVEL="trace")
    relay = Relay(house.folder / "relay.sock", house.data / "run" / "collector.sock")
    server = house.pids()["server"]
    # With the server frozen the spool keeps what it has, in the plain.
    os.kill(server, signal.SIGSTOP)
    process, port = house.application(
        "vault",
        APPLICATION,
        workers=1,
        PORTS=ports,
        PLANTED="hunter2-environment",
        FANLIGHT_DSN=f"unix://{house.folder}/relay.sock",
        FANLIGHT_LOG=str(house.folder / "agent.log"),
        FANLIGHT_LOG_LEVEL="trace",
    )
    sent = ask_all(port, kit)
    kit.end(process)
    spool = b"".join(path.read_bytes() for path in (house.data / "spool").glob("*.seg"))
    os.kill(server, signal.SIGCONT)
    for data in (bytes(relay.seen), spool):
        assert visible(data) == list(VISIBLE)
        assert planted(data) == []

    kit.wait(lambda: house.stored("vault") == sent, "all requests")
    pages = pages_of(house)
    assert visible(pages) == list(VISIBLE)
    assert planted(pages) == []
    kit.end(house.served)
    relay.end()
    logs = [(house.folder / name).read_text() for name in ("agent.log", "serve.log")]
    assert "trace: GET /sql" in logs[0]
    assert [planted(text) for text in logs] == [[], []]
    rows = "".join(stored(path) for path in house.data.rglob("*.duckdb"))
    assert visible(rows) == list(VISIBLE)
    assert planted(rows) == []
    for path in house.data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert planted(path.read_bytes()) == [], path


def stored(path):
    """Answer every value of a store's file as text: the file itself is compressed."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
        ).fetchall()
        return "\n".join(
            str(connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall()) for schema, name in names
        )


def pages_of(house):
    """Answer all that the owner can look at, in one text."""
    listed = [row for row in json.loads(house.ask("endpoints", "--json")) if row["service"] == "vault"]
    return "\n".join(house.walk(listed))
