"""`fanlight run CMD`: become CMD, with the agent in it and a Fanlight to receive what it sends.

FAST PATH: stands in front of somebody's application. Options by hand, no library, one file lock
and one file read when a Fanlight already runs; then exec, so status and signals are CMD's own.
"""

from __future__ import annotations

import os
import sys

from fanlight import config
from fanlight.errors import FanlightError, MissingExtraError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

USAGE = "fanlight run [--data DIR] [--socket PATH] [--service NAME] [--] CMD [ARGUMENT]..."
HELP = f"""\
Run a program with Fanlight's agent in it.

  fanlight run gunicorn shop:app
  fanlight run --service checkout -- uvicorn --reload shop:app
  fanlight run python manage.py runserver
  fanlight run -m shop

Usage: {USAGE}

  --data DIR      where Fanlight keeps its data         [FANLIGHT_DATA, else ~/.local/share/fanlight]
  --socket PATH   unix socket of the collector          [FANLIGHT_SOCKET, else DIR/run/collector.sock]
  --service NAME  name that the program reports under   [FANLIGHT_SERVICE, else the program's]
  -h, --help      this text

Starts collector and server in the background when none runs for DIR; they leave a minute after the
last program and the last open page. Everything behind CMD is CMD's own, and so is the exit code;
127 means that there is no such program, 126 that it cannot be executed.
"""

OPTIONS = ("data", "service", "socket")
PASSED = (
    *("data", "service", "sample", "log", "log_level", "ignore", "release", "strategy"),
    *("report.token_file", "report.ca_file", "report.plain_hosts"),
)
"""Keys that the agent goes by,"""
PASSED_ALONE = (
    *("telemetry.enabled", "telemetry.frequency_s", "telemetry.initial_delay_s", "telemetry.sockets"),
    "telemetry.targets",
)
"""and where no collector does in its place."""
NOT_FOUND = 127
NOT_EXECUTABLE = 126


def main(arguments: list[str]) -> int:
    """Replace this process with CMD; answers only when that is impossible."""
    if sys.stderr is None:  # closed by whoever started us
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 as long as the process
    flags, command = read(arguments)
    if command is None:
        sys.stdout.write(HELP)
        return 0
    program, code = find(command[0], os.environ.get("PATH", os.defpath))
    if code:
        sys.stderr.write(f"fanlight: {program}\n")
        return code
    try:
        if runs_tests(command):
            return become(program, command, dict(os.environ))
        settings = config.load(flags)
        environment = inject(settings, receive(settings))
        expect(settings["data"], command[0], environment)
        return become(program, command, environment)
    except (FanlightError, OSError) as error:
        # Whatever keeps us from receiving, the program runs: a full disk, or a mistyped variable on
        # the machine that serves, is our problem, not its.
        tell(excuse(error))
        return become(program, command, dict(os.environ))


def excuse(error: Exception) -> str:
    """Answer why the program runs without us; about a mistyped setting in one line among its own."""
    from fanlight.cli.failures import message
    from fanlight.errors import ConfigError

    text = message(error)
    if isinstance(error, ConfigError):
        return " ".join(map(str.strip, text.splitlines())) + "; running without Fanlight"
    return f"{text}\n  (running without Fanlight)"


def read(arguments: list[str]) -> tuple[dict[str, str], list[str] | None]:
    """Answer our own options and CMD with its arguments, None when help is wanted.

    The first word that is no option of ours is CMD: nothing behind it is looked at.
    """
    flags: dict[str, str] = {}
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if word in ("-h", "--help"):
            return flags, None
        if word == "-m":
            return flags, [sys.executable, *arguments[position:]]
        if word == "--" or not word.startswith("-") or word == "-":
            position += word == "--"
            break
        name, equals, value = word.partition("=")
        if name.removeprefix("--") not in OPTIONS:
            raise unknown(name)
        if not equals:
            position += 1
            if position >= len(arguments):
                raise usage(f"{name} wants a value")
            value = arguments[position]
        flags[name[2:]] = value
        position += 1
    if position >= len(arguments):
        raise usage("there is no program to run")
    return flags, arguments[position:]


def runs_tests(command: list[str]) -> bool:
    """Answer whether CMD is a test runner: tests are not measured, and their output is compared."""
    from fanlight.agent.injection import is_test_run

    return is_test_run(command)


def usage(what: str) -> FanlightError:
    """Answer the error for a command line that cannot be read."""
    from fanlight.cli.failures import UsageError

    return UsageError(f"run: {what}\n  usage: {USAGE}")


def unknown(name: str) -> FanlightError:
    """Answer the error for an option that is none of ours."""
    from fanlight.registry import suggestion

    known = [f"--{option}" for option in (*OPTIONS, "help")]
    return usage(f"unknown option {name!r}{suggestion(name, known)}")


def find(program: str, path: str) -> tuple[str, int]:
    """Answer the file to execute and 0, or a sentence and the exit code that a shell would give.

    Looked for before anything is started: a misspelt program must not leave a Fanlight behind.
    """
    places = [program] if "/" in program else [os.path.join(part, program) for part in path.split(":")]
    found = next((place for place in places if os.path.isfile(place) and os.access(place, os.X_OK)), None)
    if found:
        return found, 0
    there = next((place for place in places if os.path.exists(place)), None)
    if there:
        what = "is a directory" if os.path.isdir(there) else "is not executable; chmod +x it"
        return f"cannot run {there!r}: it {what}", NOT_EXECUTABLE
    where = "there is no such file" if "/" in program else "it is not in PATH"
    return f"cannot run {program!r}: {where}", NOT_FOUND


def receive(settings: config.Settings) -> dict[str, str]:
    """Answer the variable that names a collector, which is started if need be.

    Raises:
        FanlightError: there is none to be had; says why.
    """
    if settings["dsn"] or settings["strategy"] == "embedded":
        # The program aggregates by itself, or somebody else's collector does: nothing is started here.
        if settings["telemetry.targets"]:
            check_targets(settings)
        return {"FANLIGHT_DSN": settings["dsn"]} if settings["dsn"] else {}
    from fanlight.pipeline.directory import prepare
    from fanlight.pipeline.programs import enrol, leave
    from fanlight.pipeline.start import ensure_running

    prepare(settings["data"])
    # Noted before anything is looked at: what runs does not leave while this note is there.
    enrol(settings["data"])
    try:
        # Handed over only on demand: whoever reads the program's pipe waits until all have closed it.
        state = ensure_running(settings, hand_streams=writes_streams(settings))
    except MissingExtraError:
        leave(settings["data"])
        found = elsewhere(settings, os.environ)
        if found is None:
            raise
        return {"FANLIGHT_SOCKET": found}
    if not state["background"]:
        leave(settings["data"])
    socket: str = state["socket"]
    if settings.is_set("socket") and socket != settings["socket"]:
        tell(f"a Fanlight already runs for {settings['data']}; its collector listens on {socket}")
    greet(settings["data"], state)
    return {"FANLIGHT_SOCKET": socket}


def writes_streams(settings: config.Settings) -> bool:
    """Answer whether a target wants to write to our stdout or stderr; the targets are checked by the way.

    Raises:
        ConfigError: one of them cannot be used.
    """
    if not settings["telemetry.targets"]:
        return False
    from fanlight.pipeline.outlets import chains, wants_streams

    chains(settings, {}, elsewhere=True)
    return wants_streams(settings)


def check_targets(settings: config.Settings) -> None:
    """Check the targets of a program that reports elsewhere; by itself it only calls what it can import.

    Raises:
        ConfigError: one of them cannot be used.
    """
    from fanlight.pipeline.outlets import chains, check_calls

    if settings["dsn"].startswith("unix:"):
        chains(settings, {}, elsewhere=True)
    else:
        check_calls(settings)


def elsewhere(settings: config.Settings, environ: Mapping[str, str]) -> str | None:
    """Answer the socket of a collector that somebody else runs: ours, the user's, the machine's."""
    import socket

    folders = [environ.get("XDG_RUNTIME_DIR", ""), "/run"]
    places = [os.path.join(folder, "fanlight", "collector.sock") for folder in folders if folder]
    for place in (settings["socket"], *places):
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(place)
        except OSError:
            continue
        return str(place)
    return None


def greet(data: str, state: Mapping[str, object]) -> None:
    """Say where to look. The one-time link is for a person's eyes: a log file only gets the address."""
    address = f"http://{state['listen']}"
    if sys.stderr.isatty():
        from fanlight.cli.client import Client

        try:
            address = Client(data).post("/api/link", {"for": "run"})["url"]
        except FanlightError as error:
            tell(str(error))
    if is_heard():
        sys.stderr.write(f"Fanlight: {address}\n")


def tell(text: str) -> None:
    """Say something that does not keep the program from running."""
    from fanlight.cli.failures import say

    if is_heard():
        say(text)


def is_heard() -> bool:
    """Answer whether stderr takes a few lines at once: a pipe that nobody empties delays no program."""
    from fanlight.log import takes

    try:
        return takes(sys.stderr.fileno())
    except (OSError, ValueError):
        # No descriptor, or none that can be asked: the write itself will tell.
        return True


def inject(settings: config.Settings, receiver: dict[str, str]) -> dict[str, str]:
    """Answer the variables with which CMD's Python loads the agent.

    What a file or an option sets for the agent is passed on: the agent itself reads no files.
    """
    from fanlight.agent.injection import SITECUSTOMIZE, environment, prepare
    from fanlight.pipeline.directory import prepare as private
    from fanlight.pipeline.directory import run_file

    try:
        private(settings["data"])
        directory = prepare(run_file(settings["data"], ""))
    except OSError:
        # Read-only containers report elsewhere; there the program's own environment has the agent.
        directory = os.path.dirname(SITECUSTOMIZE)
    names = PASSED if "FANLIGHT_SOCKET" in receiver else (*PASSED, *PASSED_ALONE)
    passed = {config.variable(name): str(settings[name]) for name in names if settings.is_set(name)}
    return environment(os.environ, directory, {**passed, **receiver})


def expect(data: str, program: str, environment: dict[str, str]) -> None:
    """Let somebody tell when no Python of the program has loaded the agent after a while."""
    from fanlight.agent.injection import UNSEEN
    from fanlight.pipeline import unseen

    path = unseen.expect(data)
    if path is not None:
        environment[UNSEEN] = path
        unseen.watch(path, program)


def become(program: str, command: list[str], environment: dict[str, str]) -> int:
    """Replace this process; answer 126 when the system refuses."""
    import signal

    sys.stdout.flush()
    sys.stderr.flush()
    # Python ignores these, and what is ignored stays ignored in the program: give them back.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, command, environment)  # noqa: S606 - what the user asked to run
    except OSError as error:
        sys.stderr.write(f"fanlight: cannot run {program!r}: {error.strerror}\n")
        return NOT_EXECUTABLE
