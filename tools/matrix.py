"""Write docs/reference/servers.md: what comes of every framework on every server, as measured here.

`make docs ARGS=--matrix`, or `python tools/matrix.py`; takes minutes. Arguments choose servers by a
part of their name, and then the page is printed instead of written.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_servers import SERVERS
from matrix_serving import measure
from matrix_sites import SITES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matrix_serving import Outcome

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "servers.md"
ASKED = 50
STATEMENTS = 45
PACKAGES = (
    *("cheroot", "django", "fastapi", "flask", "gevent", "granian", "gunicorn", "hypercorn", "pyramid"),
    *("starlette", "uvicorn", "uvicorn-worker", "uwsgi", "waitress", "werkzeug"),
)

HEAD = """\
# Servers and frameworks

<!-- Written by `make docs ARGS=--matrix` from measurements; nothing here is written by hand. -->

Each cell is one run of `fanlight run SERVER` with an application of that framework, asked {asked}
requests by eight clients at once, {routed} for a route that executes a statement and {lost} that meet
no route. The same requests without Fanlight say what the responses must be.

* **traced**: every request was counted once, under its route (no route: `<unmatched>`), the statement
  stood under it, and every response was the same to the byte, apart from `Date`.
* **counted**: likewise, but there is no framework that could name a route: all are `<unmatched>` until
  [`fanlight.endpoint`](api.md) names them.
* **-**: the server does not speak what the application does.
* Anything else says what was different.
"""

TAIL = """
Half of the requests came over connections of their own, half over kept ones. Each server was sent
SIGTERM right behind its last response, and its last requests had to arrive, but for these:
{abrupt}.
It ends a worker that is not quite done without its exit handlers, and the parts of what was recorded in
the last quarter of a second go with it, so the run waited for it; a collector counts those requests from
[the trail](../explanation/concurrency.md) that they leave. waitress, cheroot,
Werkzeug and wsgiref leave that signal to the system; with Fanlight they send what waits before it ends
them. hypercorn's parent ends all workers as soon as one has left; with Fanlight it gives the others half
a second to leave by themselves.

Not traced: granian's own interface RSGI; Sanic's own server and Trac's `tracd`, whose requests nobody counts;
WebSockets; under uWSGI a bare callable in a second interpreter (several `--mount`), one that no module
keeps, and with `--lazy-apps` one that neither `--module` nor `--wsgi-file` names. A framework's own hook
counts there, and [`fanlight.wsgi`](api.md) does in code. Not tried: mod_wsgi.

Traced, with nothing told of how busy they are, and [tried by hand](libraries.md): Daphne, aiohttp's server,
Tornado's and gevent's (`pywsgi`), gunicorn's workers with aiohttp or Tornado, hypercorn's trio worker.

Measured with {versions}.
"""


def told(outcome: Outcome, has_routes: bool) -> str:
    """Answer a cell: how it went, or every difference."""
    if outcome.is_right(STATEMENTS):
        return "traced" if has_routes else "counted"
    differences = []
    if outcome.counted != outcome.asked:
        differences.append(f"{outcome.counted} of {outcome.asked} counted")
    if outcome.named != outcome.asked:
        differences.append(f"{outcome.named} of {outcome.asked} named")
    if outcome.nested != STATEMENTS:
        differences.append(f"{outcome.nested} of {STATEMENTS} statements")
    if not outcome.same:
        differences.append("responses differ")
    return ", ".join(differences)


def cell(server: str, site: str) -> str:
    """Answer what comes of a framework on a server."""
    if SERVERS[server].interface not in SITES[site].interfaces:
        return "-"
    with tempfile.TemporaryDirectory(prefix="fanlight-", ignore_cleanup_errors=True) as folder:
        try:
            outcome = measure(SERVERS[server], SITES[site], Path(folder), ASKED)
        except (RuntimeError, OSError) as error:
            return f"does not run: {type(error).__name__}"
    return told(outcome, bool(SITES[site].endpoint))


def rows(servers: Iterable[str]) -> list[str]:
    """Answer the table's lines; each is told on stderr as it comes."""
    lines = [f"| | {' | '.join(SITES)} |", "|---|" + "---|" * len(SITES)]
    for server in servers:
        lines.append(f"| {server} | {' | '.join(cell(server, site) for site in SITES)} |")
        sys.stderr.write(lines[-1] + "\n")
    return lines


def page(servers: Iterable[str]) -> str:
    """Answer the page."""
    python = ".".join(map(str, sys.version_info[:3]))
    versions = ", ".join([f"Python {python}", *(f"{name} {version(name)}" for name in PACKAGES)])
    abrupt = ", ".join(name for name, server in SERVERS.items() if server.is_abrupt)
    head = HEAD.format(asked=ASKED, routed=STATEMENTS, lost=ASKED - STATEMENTS)
    return "\n".join([head, *rows(servers)]) + "\n" + TAIL.format(abrupt=abrupt, versions=versions)


def main(wanted: list[str]) -> int:
    """Measure and write the page, or print it for some servers; answer 1 when a cell is not right."""
    chosen = [name for name in SERVERS if not wanted or any(part in name for part in wanted)]
    text = page(chosen)
    if wanted:
        print(text)
    else:
        PAGE.write_text(text)
    cells = [
        part.strip() for line in text.splitlines() if line.startswith("| ") for part in line.split("|")[2:-1]
    ]
    return int(not {*cells} <= {"traced", "counted", "-", *SITES})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
