"""The command group: names in a table, each command imported when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from fanlight import config
from fanlight.cli import LIGHT
from fanlight.cli.failures import UsageError
from fanlight.pipeline.extras import server_command
from fanlight.registry import suggestion

if TYPE_CHECKING:
    import click

COMMANDS: dict[str, tuple[str, str]] = {
    "compare": ("fanlight.cli.kept.compare", "Show two times or releases side by side, and what got slower."),
    "completion": ("fanlight.cli.completion", "Print a script that completes commands in your shell."),
    "config": ("fanlight.cli.config", "Say what is set, and who set it."),
    "demo": ("fanlight.cli.demo", "Run a sample shop under load and show what Fanlight sees."),
    "describe": ("fanlight.cli.logs.describe", "Say which properties the events of a log file have."),
    "doctor": ("fanlight.cli.doctor", "Check the installation and send a real trace end to end."),
    "endpoints": ("fanlight.cli.endpoints", "List endpoints, the most harmful first."),
    "formats": ("fanlight.cli.logs.formats", "List the formats of logs that are known."),
    "import": ("fanlight.cli.logs.import_", "Keep log files beside the traces, each line once."),
    "init": ("fanlight.cli.init", "Write a commented fanlight.toml into this directory."),
    "open": ("fanlight.cli.open", "Open the page in a browser, let in by a one-time link."),
    "parse": ("fanlight.cli.logs.parse", "Write every line of a log file as an event."),
    "query": ("fanlight.cli.logs.query", "Ask log files as they are, or what Fanlight keeps."),
    "run": ("fanlight.cli.run", "Run a program with the agent in it."),
    "serve": ("fanlight.cli.serve", "Run collector and server in the foreground."),
    "setup-server": ("fanlight.cli.setup_server", "Install the server in an environment of its own."),
    "status": ("fanlight.cli.status", "Say what runs and whether every request is accounted for."),
    "stop": ("fanlight.cli.stop", "Stop the Fanlight of a data directory."),
    "telemetry": ("fanlight.cli.telemetry", "Print what web servers' workers and queues are at."),
    "time-gaps": ("fanlight.cli.logs.time_gaps", "List where a log file is silent."),
    "top": ("fanlight.cli.top", "Show workers, queues and endpoints as they go."),
    "trace": ("fanlight.cli.kept.trace", "Show one request, span by span."),
}
"""Name to module and purpose. Every module has `command()`, or is light and has `main(arguments)`."""

OPTIONS = ("--help", "--version", "-vv")

USAGE = """\
Fanlight shows why a Python service is slow.

  fanlight run gunicorn shop:app     run a program with the agent in it
  fanlight open                      look at it in the browser
  fanlight endpoints                 or here
  fanlight query error app.log       ask a log file, as it is

Usage: fanlight COMMAND [OPTION]...

Commands:
{commands}

Options:
  -h, --help     this text, or that of a command: fanlight COMMAND --help
  --version      the version
  -vv            tracebacks (also FANLIGHT_DEBUG=1)

Exit codes: 0 done, 1 failed, 2 usage, 3 nothing answers, 4 settings, 5 store, 6 permission.
"""


def main(arguments: list[str]) -> int:
    """Run the command that the arguments name; answer its exit code."""
    words = arguments[1:] if arguments[:1] in (["-v"], ["-vv"]) else arguments
    first, rest = (words[0], words[1:]) if words else ("--help", [])
    if first == "help" and rest:
        first, rest = rest[0], ["--help"]
    if first in ("-h", "--help", "help"):
        listing = "\n".join(f"  {name:<14} {about}" for name, (_, about) in COMMANDS.items())
        sys.stdout.write(USAGE.format(commands=listing))
        return 0
    if first not in COMMANDS:
        raise unknown(first)
    module = COMMANDS[first][0]
    if first in LIGHT:
        return int(import_module(module).main(rest))
    if find_spec("click") is None:
        hand_over(arguments)
    return invoke(import_module(module).command, first, rest)


def unknown(name: str) -> UsageError:
    """Answer the error for a word that is no command."""
    if name.startswith("-"):
        return UsageError(
            f"unknown option {name!r}{suggestion(name, list(OPTIONS))}\n"
            "  a command's own options stand behind it: fanlight COMMAND --help"
        )
    return UsageError(f"unknown command {name!r}{suggestion(name, list(COMMANDS))}")


def hand_over(arguments: list[str]) -> None:
    """Become the same command in the environment that `setup-server` made.

    Raises:
        MissingExtraError: there is none; holds the command that makes one.
    """
    settings = config.load({})
    here = {name: value for name, value in os.environ.items() if name != "FANLIGHT_DATA"}
    command = server_command(settings["data"], config.data_directory(here))
    os.execv(command[0], [*command, *arguments])  # noqa: S606 - our own program


def invoke(command: click.Command, name: str, arguments: list[str]) -> int:
    """Run one click command; its usage errors become ours, with the nearest name."""
    import click

    try:
        # Not by its `main`, which makes an ordinary failure of a reader that has enough.
        with command.make_context(f"fanlight {name}", list(arguments)) as context:
            code = command.invoke(context)
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.NoSuchOption as error:
        known = [option for part in command.params for option in part.opts if option.startswith("--")]
        near = suggestion(error.option_name, [*known, "--help"])
        raise UsageError(f"{name}: unknown option {error.option_name!r}{near}") from None
    except click.UsageError as error:
        raise UsageError(f"{name}: {error.format_message()}\n  fanlight {name} --help") from None
    sys.stdout.flush()
    return code if isinstance(code, int) else 0
