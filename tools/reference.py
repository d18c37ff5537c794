"""Write the reference pages that the code already contains: commands, settings, names, extensions.

`python tools/reference.py` writes docs/reference/{api,cli,extensions,names,settings,targets}.md anew;
`--check` writes nothing and exits with 1 when a page is not what would be written.
`--matrix` also measures every framework on every server, for docs/reference/servers.md: minutes.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import tidy_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.config.options import Option

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; change it there. -->\n"
WIDTH = "100"


def cli() -> str:
    """Answer the page of commands: each one's own help, word for word."""
    from fanlight.cli.commands import COMMANDS

    parts = ["# Commands\n", NOTE, block(help_of()), EXIT_CODES]
    for name in COMMANDS:
        parts += [f"## fanlight {name}\n", block(help_of(name))]
    return "\n".join(parts)


EXIT_CODES = """\
`fanlight run` ends with the exit code of the program it runs.

Data goes to stdout, everything else to stderr. `--json` prints one document, whose shapes are on the
page about [JSON](json.md).
"""


def help_of(*command: str) -> str:
    """Answer what a command says about itself on a terminal of 100 columns."""
    from fanlight.cli import main

    os.environ["COLUMNS"] = WIDTH
    said = StringIO()
    with redirect_stdout(said):
        main([*command, "--help"])
    return said.getvalue()


def block(text: str) -> str:
    """Answer text as it is, for a page."""
    return "```text\n" + "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n```\n"


def settings() -> str:
    """Answer the page of keys, with their variables, defaults, and who may set them."""
    from fanlight import config

    rows = [
        f"| `{name}` | `{config.variable(name)}` | {shown(key.default)} | {config.READERS[key.kind][1]} "
        f"| {'yes' if key.project else 'when trusted'} | {key.about} |"
        for name, key in config.KEYS.items()
    ]
    head = "| key | variable | default | reads as | a project's file may set it | what it is |"
    table = "\n".join([head, "|---|---|---|---|---|---|", *rows, ""])
    return f"# Settings\n\n{NOTE}\n{SETTINGS}\n{table}\n{VARIABLES}"


SETTINGS = """\
A value comes from the first of these that has it, and knows where it came from:

1. the command line, `--data DIR`
2. the environment, `FANLIGHT_DATA`; a dot in a key is two underscores
3. the project's file: `fanlight.toml`, or `[tool.fanlight]` in `pyproject.toml`, nearest upward to the
   repository's root
4. your own file, `$XDG_CONFIG_HOME/fanlight/fanlight.toml`, else `~/.config/fanlight/fanlight.toml`
5. the machine's, `/etc/fanlight/fanlight.toml`
6. the default

A section `[env.NAME]` of a file holds what differs where `FANLIGHT_ENV=NAME`. An unknown key or
variable is an error that names the nearest one. A project's file came with a repository, so it may
set only what the table says, until you trust its directory in `trust`.
"""

VARIABLES = """\
Besides: `FANLIGHT_ENV` chooses the section, `FANLIGHT_DEBUG` shows tracebacks, `FANLIGHT_KEEP_ENV`
names variables (joined with commas) that the background processes keep of the environment they were
started from; otherwise theirs is built of a few harmless ones. Names that begin with
`FANLIGHT_INTERNAL_` are how our own processes talk to each other.
"""


def shown(default: object) -> str:
    """Answer a default as it would be written."""
    return f"`{default}`" if default not in (None, "") else ""


def api() -> str:
    """Answer the page of public names: how each is called and what its docstring says."""
    import fanlight

    parts = ["# Public names\n", NOTE, "Everything that may be relied on is `fanlight.NAME`.\n"]
    for name in sorted(fanlight.__all__):
        if name.startswith("__"):
            continue
        value = getattr(fanlight, name)
        parts += [
            f"## {name}\n",
            block(f"fanlight.{name}{signature(value)}"),
            prose(inspect.getdoc(value) or ""),
        ]
    return "\n".join(parts)


def signature(value: object) -> str:
    """Answer a call's parameters without their types, which the docstring says in words."""
    whole = inspect.signature(value)  # type: ignore[arg-type]  # what is public can be called
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in whole.parameters.values()]
    return str(inspect.Signature(bare))


SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:")


def prose(text: str) -> str:
    """Answer a Google docstring as Markdown: its sections as lists."""
    lines: list[str] = []
    section = False
    for line in text.splitlines():
        if line in SECTIONS:
            section = True
            lines += [f"**{line.rstrip(':')}**", ""]
        elif section and line.startswith("    ") and not line.startswith("     "):
            name, colon, rest = line.strip().partition(": ")
            lines.append(f"* `{name}`: {rest}" if colon and " " not in name else f"* {line.strip()}")
        elif section and line.startswith("     "):
            lines[-1] += f" {line.strip()}"
        else:
            section = section and not line
            lines.append(line)
    return "\n".join(lines).rstrip() + "\n"


def extensions() -> str:
    """Answer the page of extensions: every plural room's table with each file's purpose."""
    parts = ["# What is traced, and where it is kept\n", NOTE]
    for room in tidy_tree.PLURAL:
        path = ROOT / tidy_tree.SOURCE / room / "__init__.py"
        if not path.exists():
            continue
        tree = ast.parse(path.read_text())
        parts.append(f"## {room}\n\n{purpose(tree)}\n")
        for table in tidy_tree.tables_of(tree, room) or [{}]:
            parts.append("| name | what it does |\n|---|---|")
            for name, where in sorted(table.items()):
                module = import_module(where.partition(":")[0])
                parts.append(f"| `{name}` | {purpose(ast.parse(inspect.getsource(module)))} |")
            parts.append("")
    return "\n".join(parts)


def purpose(tree: ast.Module) -> str:
    """Answer the first line of a module's docstring."""
    return (ast.get_docstring(tree) or "").splitlines()[0]


def names() -> str:
    """Answer the page of what properties are called."""
    from fanlight.event.names import NAMES

    parts = ["# Names of properties\n", NOTE, NAMING]
    parts.append("| name | type | unit | meaning | also spelled | OpenTelemetry |\n|---|---|---|---|---|---|")
    for name, known in NAMES.items():
        spellings = ", ".join(f"`{each}`" for each in known.aliases)
        otel = f"`{known.otel}`" if known.otel else ""
        parts.append(
            f"| `{name}` | {known.type} | {known.unit or ''} | {known.meaning} | {spellings} | {otel} |"
        )
    return "\n".join([*parts, ""])


NAMING = """\
What an event's properties are called, whatever it was read from. A property may have any other name;
[what an event is](../explanation/event.md) says more. Spellings count in any case, with `_` for `-`.
"""


RECEIVERS = """\
## What it was tried with

Tests start the receivers themselves, each as Debian 12 or npm brings it, and read the values back:

| receiver | takes | tried |
|---|---|---|
| Prometheus 2.42 | target `prometheus`, scraped; the page, by `promtool check metrics` | values, units |
| VictoriaMetrics 1.79 | target `http`, formatter `prometheus`, to `/api/v1/import/prometheus` | values |
| collectd 5.12 | target `statsd` | gauges, counts, times; it refuses what has tags |
| npm's statsd 0.9.0 | targets `statsd` and `dogstatsd` | gauges, times, tags; no line is refused |
| netdata 1.37 | targets `statsd` and `dogstatsd` | gauges |

Besides, the bytes of DogStatsD are compared with those of the official `datadog` client, and the parsers of
`prometheus_client` read the page. Untested: Datadog's own agent, Vector, Telegraf and statsd_exporter, which
Debian 12 does not have; CloudWatch and L2met themselves, for which the classic lines are compared byte for
byte. Receivers of OTLP alone, such as rotel and OpenTelemetry's collector, take none of these forms.
"""


def targets() -> str:
    """Answer the page of targets: what an entry may say, and the options of each part."""
    from fanlight import formatters, transforms
    from fanlight import targets as room
    from fanlight.pipeline.outlets import COMMON

    parts = ["# Targets\n", NOTE, PUBLISHING, options_of(COMMON)]
    for name in room.TABLE:
        found = room.part(name)
        habits = found.HABITS
        others = ", no other formatter" if habits.only else ""
        goes = f"Goes with transform `{habits.transform}` and formatter `{habits.formatter}`{others}."
        rows = " It is also given a row for each worker." if habits.per_worker else ""
        rows += f" Labels: `{' '.join(habits.labels)}`." if habits.labels else ""
        parts += [f"## {name}\n", f"{purpose_of(found)} {goes}{rows}\n", options_of(found.OPTIONS)]
    parts.append(f"## Callables\n\n{CALLABLES}")
    for name in transforms.TABLE:
        parts += [f"## Transform {name}\n", f"{purpose_of(transforms.part(name))}\n"]
        parts.append(options_of(transforms.part(name).OPTIONS))
    for name in formatters.SNAPSHOTS:
        parts += [f"## Formatter {name}\n", f"{purpose_of(formatters.snapshot_part(name))}\n"]
        parts.append(options_of(formatters.snapshot_part(name).OPTIONS))
    parts.append(RECEIVERS)
    return "\n".join(part for part in parts if part)


def purpose_of(part: type) -> str:
    """Answer the purpose of the module that a part is in."""
    return purpose(ast.parse(inspect.getsource(sys.modules[part.__module__])))


def options_of(options: Mapping[str, Option]) -> str:
    """Answer a table of options, nothing when there are none."""
    from fanlight.config.options import KINDS

    rows = []
    for name, option in options.items():
        expected = " or ".join(f"`{each}`" for each in option.choices) or KINDS[option.kind][1]
        if option.kind == "names" and option.choices:
            expected = f"a list of {expected}"
        # As TOML would have it.
        default = f"`{json.dumps(option.default)}`" if option.default not in ("", (), {}) else ""
        rows.append(f"| `{name}` | {expected} | {default} | {option.about} |")
    return (
        "\n".join(["| option | reads as | default | what it is |", "|---|---|---|---|", *rows, ""])
        if rows
        else ""
    )


PUBLISHING = """\
Each `[[telemetry.targets]]` of a settings file is one target: its `type`, what stands before it, and
the options of all of these side by side. [How to publish](../howto/publish-telemetry.md) has examples.
A name that is none is an error when Fanlight starts.
"""

CALLABLES = """\
A `type` such as `shop.metrics:publish` is imported by the collector, and called with each message: a
snapshot (`time_ns`, `labels`, `values`) unless a formatter makes a text of it. It has to be installed
where `fanlight[server]` is. What it raises is counted.
"""

PAGES = {
    "api.md": api,
    "cli.md": cli,
    "extensions.md": extensions,
    "names.md": names,
    "settings.md": settings,
    "targets.md": targets,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` compare them; answer the exit status."""
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in arguments:
            path.write_text(text)
    print(
        f"{'stale' if '--check' in arguments else 'written'}: {', '.join(stale)}" if stale else "up to date"
    )
    if "--matrix" in arguments:
        import matrix

        return matrix.main([])
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
