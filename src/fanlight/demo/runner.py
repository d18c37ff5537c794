"""Starts the shop and its payments service under gunicorn, sends the load, compares the counts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

from fanlight.demo import load
from fanlight.demo.verdict import count, verdict
from fanlight.errors import ConfigError, FanlightError

if TYPE_CHECKING:
    from collections.abc import Iterator

ARRIVAL_S = 20.0
"""How long the last counts may take until the list shows them; 5 s is the promise."""

GRACE_S = 15.0

IMPATIENCE_S = 1.0
"""Ctrl-C pressed again this soon is the same wish to stop; later it means without the table."""

PAGE = 7700
"""Port of the page where somebody looks at it; a timed run takes any, to disturb nobody."""

WORKERS = {"shop": 2, "payments": 1}


def run(for_s: float | None, as_json: bool, data: str | None) -> int:
    """Run the whole demo; see `fanlight.demo.main`."""
    previous = signal.signal(signal.SIGTERM, interrupt)
    work = tempfile.mkdtemp(prefix="fanlight-demo-")
    try:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, work, ignore_errors=True)
            return Demo(work, data or os.path.join(work, "data"), stack).play(for_s, as_json)
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)


def interrupt(*_: object) -> None:
    """Treat a polite kill as Ctrl-C, so that everything started is stopped."""
    raise KeyboardInterrupt


class Demo:
    """One run: the processes it started are stopped when its stack unwinds, last started first."""

    def __init__(self, work: str, data: str, stack: ExitStack) -> None:
        self.work = work
        self.data = data
        self.stack = stack
        self.listen = "127.0.0.1:0"
        self.began_s = time.monotonic()
        self.processes: list[subprocess.Popen[bytes]] = []

    def play(self, for_s: float | None, as_json: bool) -> int:
        """Start, load, stop, wait for the counts, show; answer the exit code."""
        if for_s is None and is_free(PAGE):
            self.listen = f"127.0.0.1:{PAGE}"
        self.begin()
        payments = self.service("payments")
        port = self.service("shop", SHOP_PAYMENTS=f"127.0.0.1:{payments}", SHOP_DATABASE=self.database())
        tally = load.probe(port)
        if not tally.sent:
            raise FanlightError(
                f"the shop does not answer ({', '.join(tally.surprises)})\n{tail(self.work, 'shop.log')}"
            )
        stop = Event()
        # From before the greeting names Ctrl-C until the table that it promises is printed.
        with stopping_on_signals(stop):
            self.greet(port, for_s)
            more = self.send(port, for_s, stop)
            tally.sent.update(more.sent)
            tally.surprises.update(more.surprises)
            self.stop_services()
            return self.show(dict(sorted(tally.sent.items())), tally, as_json)

    def show(self, sent: dict[str, int], tally: load.Tally, as_json: bool) -> int:
        """Print what arrived beside what was sent; answer the exit code."""
        rows = self.arrived(sent)
        faults = [*verdict(sent, rows), *(f"{n} times {what}" for what, n in tally.surprises.items())]
        if as_json:
            print(json.dumps({"sent": sent, "endpoints": rows}, indent=2))
        else:
            print(self.fanlight("endpoints", *self.window()).stdout, end="")
            print(f"\n{sum(sent.values()):,} requests sent, {sum(count(rows).values()):,} counted")
        for fault in faults:
            print(f"fanlight demo: {fault}", file=sys.stderr)
        return 1 if faults else 0

    def begin(self) -> None:
        """Make sure that the counts begin at zero, and that Fanlight is stopped if we start it."""
        if self.fanlight("status", "--json").returncode:
            self.stack.callback(self.fanlight, "stop")
        if os.path.isdir(self.data) and os.listdir(self.data) and count(self.endpoints()):
            raise ConfigError(
                f"{self.data} already holds requests of a service 'shop', and the demo compares counts from "
                "zero; give --data another directory, or none for a temporary one"
            )

    def service(self, name: str, **settings: str) -> int:
        """Start `fanlight run gunicorn` with one of our two applications; answer its port."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        number = listener.fileno()
        port: int = listener.getsockname()[1]
        # The listening socket is handed over, so no other program can take the port in between
        # and the first request simply waits until a worker is up.
        gunicorn = [
            *(sys.executable, "-m", "gunicorn", f"--bind=fd://{number}", f"--workers={WORKERS[name]}"),
            *("--config=python:fanlight.demo.serving", f"fanlight.demo.{name}:app"),
        ]
        with open(os.path.join(self.work, f"{name}.log"), "wb") as log, listener:
            process = subprocess.Popen(  # noqa: S603 our own command
                [*COMMAND, "run", "--data", self.data, "--", *gunicorn],
                cwd=self.work,
                env=environment(FANLIGHT_SERVICE=name, FANLIGHT_LISTEN=self.listen, **settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(number,),
                start_new_session=True,
            )
        self.stack.callback(end, process)
        self.processes.append(process)
        return port

    def database(self) -> str:
        """Write the shop's database; answer its path."""
        from fanlight.demo.database import create

        path = os.path.join(self.work, "shop.db")
        create(path)
        return path

    def send(self, port: int, for_s: float | None, stop: Event) -> load.Tally:
        """Send the load for `for_s` seconds or until `stop` is set."""
        if for_s is not None:
            timer = Timer(for_s, stop.set)
            timer.daemon = True
            timer.start()
        return load.drive(port, stop)

    def stop_services(self) -> None:
        """Stop both services politely, so that their last traces are sent."""
        for process in reversed(self.processes):
            end(process)

    def arrived(self, sent: dict[str, int]) -> list[dict[str, Any]]:
        """Answer the endpoint list once it shows every request, or as it is after 20 s."""
        deadline = time.monotonic() + ARRIVAL_S
        while True:
            rows = self.endpoints()
            if not verdict(sent, rows) or time.monotonic() > deadline:
                return rows
            time.sleep(0.3)

    def endpoints(self) -> list[dict[str, Any]]:
        """Answer what `fanlight endpoints --json` prints."""
        asked = self.fanlight("endpoints", "--json", *self.window())
        if asked.returncode:
            # The log goes with a temporary directory, so what it says has to be shown now.
            told = tail(self.data, "run", "fanlight.log")
            raise FanlightError(f"`fanlight endpoints --json` failed: {asked.stderr.strip()}\n{told}")
        rows: list[dict[str, Any]] = json.loads(asked.stdout)
        return rows

    def window(self) -> tuple[str, str]:
        """Answer the option that makes a list reach back to the first request."""
        return "--last", f"{int(time.monotonic() - self.began_s + 300) // 3600 + 1}h"

    def fanlight(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of our own commands on the demo's data directory."""
        return subprocess.run(  # noqa: S603 our own command
            [*COMMAND, *arguments, "--data", self.data],
            cwd=self.work,
            env=environment(COLUMNS=str(shutil.get_terminal_size().columns), FANLIGHT_LISTEN=self.listen),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def greet(self, port: int, for_s: float | None) -> None:
        """Say where the shop and its picture are."""
        asked = self.fanlight("open", "--print")
        if asked.returncode:
            raise FanlightError(
                f"Fanlight does not answer: {asked.stderr.strip()}\n{tail(self.work, 'shop.log')}"
            )
        until = "until Ctrl-C" if for_s is None else f"for {for_s:g} s"
        print(f"Shop      http://127.0.0.1:{port}/", file=sys.stderr)
        print(f"Fanlight  {asked.stdout.strip()}", file=sys.stderr)
        print(f"Load      {load.RATE_PER_S:g} requests a second {until}", file=sys.stderr, flush=True)


COMMAND = (sys.executable, "-P", "-m", "fanlight")


def environment(**settings: str) -> dict[str, str]:
    """Answer our environment without Fanlight's own settings, plus `settings`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FANLIGHT_")}
    return {**kept, **settings}


def tail(*path: str) -> str:
    """Answer the end of a log, nothing when there is none."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]
    except OSError:
        return ""


def is_free(port: int) -> bool:
    """Answer whether nobody listens on a loopback port now."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@contextmanager
def stopping_on_signals(stop: Event) -> Iterator[None]:
    """Let Ctrl-C and a polite kill end the load rather than the demo; a later one ends the demo."""
    told_s = 0.0

    def tell(*_: object) -> None:
        nonlocal told_s
        if not told_s:
            # First the time: a second signal may arrive inside `set`, which holds a lock.
            told_s = time.monotonic()
            stop.set()
        elif time.monotonic() - told_s > IMPATIENCE_S:
            interrupt()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a service and what it started: politely, then by force."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
