"""Run a server with or without Fanlight in it, ask it, and see what comes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, RemoteDisconnected
from typing import TYPE_CHECKING, NamedTuple

from matrix_receiver import Receiver
from matrix_servers import SERVE
from matrix_sites import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matrix_servers import Server
    from matrix_sites import Site

START_S = 60.0
ANSWER_S = 60.0
ARRIVE_S = 60.0
"""How long traces may take that are still to come."""
LAST_S = 10.0
"""How long what was sent at the exit may still be read by us."""
COMPARED = 500
"""Requests, the first ones, that are also asked without Fanlight."""
ASKERS = 8
"""Clients that ask at the same time."""


class Serving:
    """A server that runs.

    Args:
        process: its first process.
        port: where it takes connections.
        log: what it says.
    """

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self.is_ending = False

    def ask(self, path: str, method: str = "GET") -> bytes:
        """Answer every byte of a response but those that the moment decides."""
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_S) as connection:
            connection.sendall(request.encode())
            parts = []
            while part := connection.recv(1 << 16):
                parts.append(part)
        head, separator, body = b"".join(parts).partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
        return b"\r\n".join(lines) + separator + body

    def ask_on(self, connection: HTTPConnection, path: str) -> bytes:
        """Answer a response over a connection that stays open if the server lets it."""
        try:
            connection.request("GET", path)
            response = connection.getresponse()
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The server closed it behind its last response, without a word.
            connection.close()
            connection.request("GET", path)
            response = connection.getresponse()
        lines = [f"HTTP/{response.version / 10} {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.getheaders() if name.lower() != "date"]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + response.read()

    def ask_many(self, paths: Sequence[str]) -> list[bytes]:
        """Answer the responses to many requests, several asked at the same time, in order.

        Every second one comes over a connection of its own, the others over one that is kept.
        """
        answers = [b""] * len(paths)
        places = iter(range(len(paths)))
        lock = threading.Lock()

        def work() -> None:
            kept = HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
            while True:
                with lock:
                    place = next(places, None)
                if place is None:
                    break
                path = paths[place]
                answers[place] = self.ask(path) if place % 2 else self.ask_on(kept, path)
            kept.close()

        askers = [threading.Thread(target=work) for _ in range(min(ASKERS, len(paths)))]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        return answers

    def end(self) -> None:
        """Tell the server to leave, as an operator does, once."""
        if not self.is_ending:
            self.is_ending = True
            self.process.terminate()

    def stop(self) -> None:
        """End the server and wait for it; what does not leave is killed."""
        self.end()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Whatever it started is in its process group.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def injected(command: Sequence[str], data: Path, socket_path: str) -> tuple[list[str], dict[str, str]]:
    """Answer the command under `fanlight run`, and the variables that name its collector."""
    run = [sys.executable, "-P", "-m", "fanlight", "run", "--data", str(data), "--", *command]
    return run, {"FANLIGHT_DSN": f"unix://{socket_path}"}


@contextmanager
def serving(
    command: Sequence[str], folder: Path, receiver: Receiver | None, environ: Mapping[str, str] | None = None
) -> Iterator[Serving]:
    """Run a server in a folder until the block is left, with Fanlight when there is a receiver.

    Args:
        command: `PORT` in it becomes a free port.
        folder: where it runs; also holds its log and Fanlight's data.
        receiver: gets the traces.
        environ: further variables.
    """
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    words = [word.replace("PORT", str(port)) for word in command]
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(environ or {})}
    if receiver is not None:
        words, more = injected(words, folder / "data", receiver.path)
        variables.update(more)
    log = folder / f"log.{port}"
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=variables,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    running = Serving(process, port, log)
    try:
        deadline = time.monotonic() + START_S
        while not listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{words} does not serve: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield running
    finally:
        running.stop()


def listens(port: int) -> bool:
    """Answer whether somebody takes connections at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return False
    return True


class Outcome(NamedTuple):
    """What a case came to.

    Attributes:
        asked: requests, of which `counted` arrived as traces.
        named: how many of them under the right endpoint.
        nested: how many with exactly the one statement under their root.
        same: whether the first `COMPARED` responses were, byte for byte, those of a run without Fanlight.
        log: what the server said.
        pid: of its first process.
        connected: the processes that connected to the collector.
    """

    asked: int
    counted: int
    named: int
    nested: int
    same: bool = False
    log: str = ""
    pid: int = 0
    connected: frozenset[int] = frozenset()

    def is_right(self, statements: int) -> bool:
        """Answer whether each request counts once, under its name, with its statement, unchanged."""
        told = (self.counted, self.named, self.nested, self.same)
        return told == (self.asked, self.asked, statements, True)


STATEMENT = ("db.sql.query", ())


def measure(
    server: Server,
    site: Site,
    folder: Path,
    requests: int = 50,
    environ: Mapping[str, str] | None = None,
) -> Outcome:
    """Answer what comes of so many requests, one in ten of which meets no route.

    Args:
        server: how it is started.
        site: what it serves.
        folder: where it runs.
        requests: how many; the server is ended right behind the last one if it ends in good order.
        environ: further variables.
    """
    paths = [f"/orders/{number}" if number % 10 else f"/secret/{number}" for number in range(requests)]
    write(site, folder)
    (folder / "serve.py").write_text(SERVE)
    environ = {"SITE_INTERFACE": server.interface, **(environ or {})}
    receiver = Receiver(folder / "c.sock")
    try:
        with serving(server.command, folder, None, environ) as plain:
            expected = plain.ask_many(paths[:COMPARED])
            # It takes its time to leave; meanwhile the other one starts.
            plain.end()
            with serving(server.command, folder, receiver, environ) as traced:
                answers = traced.ask_many(paths)
                if server.is_abrupt:
                    receiver.wait(lambda: len(receiver.traces) >= requests, ARRIVE_S)
        receiver.wait(lambda: len(receiver.traces) >= requests, LAST_S)
        # After the end of the server nothing more comes: now too many would have been seen.
        found = judged(paths, receiver, site.endpoint)
        connected = frozenset(hello["pid"] for hello in receiver.hellos)
        return found._replace(
            same=answers[:COMPARED] == expected,
            log=traced.log.read_text(),
            pid=traced.process.pid,
            connected=connected,
        )
    finally:
        receiver.close()


def judged(paths: list[str], receiver: Receiver, endpoint: str | None) -> Outcome:
    """Answer what the traces say."""
    orders = sum(path.startswith("/orders") for path in paths)
    right = {endpoint or "<unmatched>": orders}
    right["<unmatched>"] = right.get("<unmatched>", 0) + len(paths) - orders
    found: dict[str, int] = {}
    for trace in receiver.traces:
        found[trace.endpoint] = found.get(trace.endpoint, 0) + 1
    return Outcome(
        asked=len(paths),
        counted=len(receiver.traces),
        named=sum(min(count, right.get(name, 0)) for name, count in found.items()),
        nested=sum(STATEMENT in trace.shape[1] for trace in receiver.traces),
    )
