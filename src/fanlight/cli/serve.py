"""`fanlight serve`: collector and server in the foreground, supervised."""

from __future__ import annotations

import sys
from typing import Any

import click

from fanlight.cli import options
from fanlight.cli.role import own_command
from fanlight.cli.terminal import write, write_json
from fanlight.web.names import origins


@options.command("serve")
@options.data
@options.as_json
@click.option(
    "--socket",
    metavar="PATH",
    help="Unix socket of the collector.  [FANLIGHT_SOCKET, else DIR/run/collector.sock]",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Where the page listens; port 0 takes a free one.  [FANLIGHT_LISTEN, else 127.0.0.1:7700]",
)
@click.option(
    "--store", metavar="URL", help="duckdb:DIR or memory:.  [FANLIGHT_STORE, else duckdb:DIR/store]"
)
@click.option(
    "--insecure-listen",
    is_flag=True,
    help="Allow a --listen address that other machines reach, unencrypted.",
)
@click.option(
    "--host-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A further name that browsers reach the page by; may be repeated.  [FANLIGHT_WEB__HOST_NAMES]",
)
@click.option(
    "--report-token-file",
    "report_token_file",
    metavar="PATH",
    help="File with the token of POST /v1/report, made if missing.  [else DIR/run/report.token]",
)
def command(
    *,
    as_json: bool,
    insecure_listen: bool,
    names: tuple[str, ...],
    report_token_file: str | None,
    **flags: str | None,
) -> int:
    """Run collector and server in the foreground.

    \b
      fanlight serve
      fanlight serve --data ./telemetry --listen 127.0.0.1:0
      fanlight serve --store memory:
      fanlight serve --listen 127.0.0.1:0 --json > where.json
      fanlight serve --host-name https://fanlight.example.com

    Both are started again when they die. Ctrl-C or SIGTERM stops them, within five seconds. The
    document of --json says where they are, as soon as that is known.
    """  # noqa: D301 - click's mark for lines that stay as they are
    from fanlight.log import LOG
    from fanlight.pipeline.outlets import wants_streams
    from fanlight.pipeline.serve import serve
    from fanlight.pipeline.start import own_streams
    from fanlight.pipeline.tokens import report_token

    if names:
        flags["web.host_names"] = ",".join(names)
    flags["report.token_file"] = report_token_file
    settings = options.settings(**flags)
    LOG.begin("fanlight", settings["log_level"], settings["log"], stamped=True)
    # Before anything is started: the server that would refuse it is a child.
    origins(settings["web.host_names"], "0")
    if report_token_file:
        report_token(settings["report.token_file"])
    streams = own_streams() if settings["telemetry.targets"] and wants_streams(settings) else {}
    return serve(
        settings, own_command(), tell if as_json else begun, insecure=insecure_listen, streams=streams
    )


def begun(state: dict[str, Any]) -> None:
    """Say where things are, once the addresses are taken."""
    write(f"Fanlight: http://{state['listen']} (fanlight open)", sys.stderr)
    write(f"  agents connect to {state['socket']}", sys.stderr)
    write(f"  data goes to {state['store']}", sys.stderr)


def tell(state: dict[str, Any]) -> None:
    """Say the same to a program, which may be waiting at a pipe."""
    places = ("version", "listen", "socket", "store")
    write_json({name: state[name] for name in places} | {"pid": state["pids"]["supervisor"]})
    sys.stdout.flush()
