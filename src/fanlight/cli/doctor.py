"""`fanlight doctor`: looks at everything that has to be right, and sends a real trace end to end."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from fanlight import __version__, config
from fanlight.cli import options
from fanlight.cli.client import Client
from fanlight.cli.failures import message
from fanlight.cli.terminal import clean, write, write_json
from fanlight.errors import FanlightError
from fanlight.pipeline import directory, extras, listening, start
from fanlight.server.answers import TRIAL
from fanlight.web import wording

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from fanlight.config import Settings

ENDPOINT = "doctor"
ARRIVAL_S = 15.0
ROOM_BYTES = 256 << 20

PATIENT = f"""
import fanlight
fanlight.start({TRIAL!r})
with fanlight.trace({ENDPOINT!r}):
    with fanlight.span("app.doctor"):
        pass
fanlight.flush(5)
fanlight.stop(2)
"""
"""What an application does, in a process of its own."""
LACKS = " without "
"""In the line of an instrument that works, but for what follows."""


class Check(NamedTuple):
    """One thing looked at; `found` says what, or what is wrong and how to mend it."""

    name: str
    ok: bool
    found: str


@options.command("doctor")
@options.data
@options.as_json
def command(*, data: str | None, as_json: bool) -> int:
    """Check the installation and send a real trace end to end. Exit code 1 when something is wrong.

    \b
      fanlight doctor
      fanlight doctor --json

    Starts a Fanlight in the background when none runs. The trace is of the service fanlight-doctor,
    which is stored and counted like any other, and listed only where that service is asked for.
    """  # noqa: D301 - click's mark for lines that stay as they are
    settings = options.settings(data=data)
    checks = [attempt(name, look, settings) for name, look in LOOKS.items()]
    ok = all(check.ok for check in checks)
    if as_json:
        values = [{"key": key, "value": settings.plain(key), "origin": origin} for key, _, origin in settings]
        write_json({"ok": ok, "checks": [check._asdict() for check in checks], "settings": values})
        return 0 if ok else 1
    for check in checks:
        first, *more = check.found.splitlines() or [""]
        write(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<12} {clean(first)}")
        for line in more:
            write(f"{'':<19}{clean(line)}")
    write("")
    write("Everything is in order." if ok else "Something is wrong; the lines marked FAIL say what.")
    return 0 if ok else 1


def attempt(name: str, look: Callable[[Settings], str], settings: Settings) -> Check:
    """Answer what looking found; an error is what is wrong."""
    try:
        return Check(name, True, look(settings))
    except (FanlightError, OSError) as error:
        return Check(name, False, message(error))


def versions(_: Settings) -> str:
    """Say which versions run."""
    system = f"{platform.system()} {platform.release()}"
    return f"Fanlight {__version__}, Python {platform.python_version()}, {system}"


def chosen(settings: Settings) -> str:
    """Say which settings are not the default, and who made them so."""
    changed = [
        f"{key}={settings.shown(key)} ({origin})" for key, _, origin in settings if settings.is_set(key)
    ]
    return ", ".join(changed) or "all at their defaults"


def server_extra(settings: Settings) -> str:
    """Say which environment has the server."""
    return " ".join(extras.server_command(settings["data"], config.data_directory(os.environ))[:1])


def data_directory(settings: Settings) -> str:
    """Say that the data directory is private and can be written."""
    directory.prepare(settings["data"])
    return f"{settings['data']} (private, writable)"


def disk(settings: Settings) -> str:
    """Say that there is room."""
    found = os.statvfs(settings["data"])
    free = found.f_bavail * found.f_frsize
    if free < ROOM_BYTES:
        raise FanlightError(
            f"{wording.size(free)} free at {settings['data']}; at least {wording.size(ROOM_BYTES)} are wanted"
        )
    return f"{wording.size(free)} free"


def socket_path(settings: Settings) -> str:
    """Say that agents can find the socket."""
    listening.check_socket(settings["socket"])
    return str(settings["socket"])


def server(settings: Settings) -> str:
    """Say that the server answers, started if need be."""
    state = start.ensure_running(settings)
    status = Client(settings["data"]).get("/api/status")
    if status["version"] != __version__:
        raise FanlightError(
            f"the server runs version {status['version']}, this is {__version__}\n  restart it: fanlight stop"
        )
    return f"http://{state['listen']}"


def collector(settings: Settings) -> str:
    """Say that the collector answers and that nothing is unaccounted for."""
    deadline_s = time.monotonic() + ARRIVAL_S
    while True:
        status = Client(settings["data"]).get("/api/status")
        astray = [name for name, account in status["services"].items() if not account["balanced"]]
        if status["collector"] and not astray:
            connections = wording.plural(status["collector"]["connections"], "connection")
            return f"pid {status['collector']['pid']}, {connections}"
        if time.monotonic() > deadline_s:
            break
        time.sleep(0.2)
    if astray:
        raise FanlightError(f"requests of {', '.join(astray)} are unaccounted for; see fanlight status")
    raise FanlightError(
        f"it does not answer; its log: {directory.run_file(settings['data'], 'fanlight.log')}"
    )


def end_to_end(settings: Settings) -> str:
    """Send a trace from a process of its own and wait until the server shows it."""
    client = Client(settings["data"])
    state = directory.read_state(settings["data"]) or {}
    before = seen(client)
    began_s = time.monotonic()
    environment = {**os.environ, "FANLIGHT_SOCKET": state.get("socket", settings["socket"])}
    for name in ("FANLIGHT_DSN", "FANLIGHT_STRATEGY"):
        environment.pop(name, None)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-P", "-c", PATIENT],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if done.returncode:
        raise FanlightError(f"the sending process failed: {done.stderr.strip()[-300:]}")
    while seen(client) <= before:
        if time.monotonic() - began_s > ARRIVAL_S:
            raise FanlightError(
                f"a trace that was sent is not shown after {ARRIVAL_S:.0f} s\n"
                f"  log: {directory.run_file(settings['data'], 'fanlight.log')}"
            )
        time.sleep(0.1)
    return f"a trace arrived after {time.monotonic() - began_s:.1f} s"


def seen(client: Client) -> int:
    """Answer how many of our traces the server shows."""
    rows = client.get("/api/endpoints", {"service": TRIAL, "last": "1h"})
    return sum(row["count"] for row in rows)


def applications(settings: Settings) -> str:
    """Say what the applications that are connected go without, each with the reason."""
    status = Client(settings["data"]).get("/api/status")["collector"] or {}
    return shortcomings([each for each in status.get("clients", ()) if each["service"] != TRIAL])


def shortcomings(clients: Sequence[Mapping[str, Any]]) -> str:
    """Answer how many processes are connected, and in further lines what they go without.

    Args:
        clients: as the collector's status has them.
    """
    lacking = {
        f"{each['service']}: {line.replace('=active', '', 1)}"
        for each in clients
        for line in each["instruments"] or ()
        if LACKS in line
    }
    connected = f"{wording.plural(len(clients), 'process', 'processes')} connected"
    if not clients:
        # Whoever runs a server that nobody traces would take this for all in order.
        connected += "; one is from its first request on, if its server is traced: docs/reference/servers.md"
    return "\n".join([connected, *sorted(lacking)])


LOOKS: dict[str, Callable[[Settings], str]] = {
    "versions": versions,
    "settings": chosen,
    "server extra": server_extra,
    "data": data_directory,
    "disk": disk,
    "socket": socket_path,
    "server": server,
    "collector": collector,
    "end to end": end_to_end,
    "applications": applications,
}
"""In the order of the walk: when one fails, the first that failed is the reason."""
