"""Commands that lead to a server by detours: `fanlight run` reaches the processes that serve."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.instruments.servers.uwsgi import UNTOLD
from matrix_servers import BIN, Server, gunicorn, program, uvicorn, uwsgi
from matrix_serving import measure, serving
from matrix_sites import DJANGO, FRONTS, QUERY, SITES, Site

if TYPE_CHECKING:
    from pathlib import Path

needs_uwsgi = pytest.mark.skipif(not (BIN / "uwsgi").exists(), reason="uWSGI could not be built here")
ASKED = 50
STATEMENTS = 45

DETOURS = {
    "gunicorn --preload": Server("wsgi", gunicorn("--preload", "-w", "2")),
    "python -m gunicorn": Server("wsgi", (sys.executable, "-m", "gunicorn", *gunicorn("-w", "2")[1:])),
    "uvicorn --workers": Server("asgi", uvicorn("--workers", "2")),
    "uvicorn --reload": Server("asgi", uvicorn("--reload")),
    "granian --workers": Server(
        "asgi", program("granian", "--interface", "asgi", "--port", "PORT", "--workers", "2", "site_app:app")
    ),
    "hypercorn --workers": Server(
        "asgi", program("hypercorn", "-b", "127.0.0.1:PORT", "--workers", "2", "site_app:app")
    ),
}


@pytest.mark.parametrize("detour", DETOURS)
def test_the_processes_that_serve_are_reached_and_their_parent_never_connects(
    detour: str, folder: Path
) -> None:
    server = DETOURS[detour]
    found = measure(server, FRONTS[server.interface], folder, ASKED)
    assert found.is_right(STATEMENTS), found
    assert found.connected
    assert found.pid not in found.connected


MANAGED = Site(
    DJANGO
    + """
if __name__ == "__main__":
    import sys
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
""",
    ("wsgi",),
    SITES["Django"].endpoint,
)


@pytest.mark.parametrize(
    ("site", "command"),
    [
        (SITES["Flask"], program("flask", "--app", "site_app", "run", "--reload", "--port", "PORT")),
        (MANAGED, (sys.executable, "site_app.py", "runserver", "127.0.0.1:PORT")),
    ],
    ids=["flask", "django"],
)
def test_a_reloaders_first_process_never_connects(site: Site, command: tuple[str, ...], folder: Path) -> None:
    found = measure(Server("wsgi", command, is_abrupt=True), site, folder, ASKED)
    assert found.is_right(STATEMENTS), found
    assert len(found.connected) == 1
    assert found.pid not in found.connected


def test_a_shim_that_is_a_shell_script_is_passed_through(folder: Path) -> None:
    # As pyenv's: the program in PATH is a script, which starts another one that knows the version.
    shims = folder / "shims"
    shims.mkdir()
    for name, text in (
        ("gunicorn", 'exec pyenv exec "${0##*/}" "$@"'),
        ("pyenv", f'shift; program="$1"; shift; exec "{BIN}/$program" "$@"'),
    ):
        (shims / name).write_text(f"#!/bin/sh\nset -e\n{text}\n")
        (shims / name).chmod(0o755)
    server = Server("wsgi", ("gunicorn", *gunicorn()[1:]))
    environ = {"PATH": f"{shims}:{os.environ['PATH']}"}
    found = measure(server, FRONTS["wsgi"], folder, ASKED, environ)
    assert found.is_right(STATEMENTS), found


def test_a_sitecustomize_that_is_there_already_runs_too(folder: Path) -> None:
    own = folder / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os; os.environ['SITE_SEEN'] = str(os.getpid())\n")
    seen = "import os\nassert os.environ['SITE_SEEN'], 'the other one did not run'\n"
    site = FRONTS["wsgi"]._replace(source=seen + FRONTS["wsgi"].source)
    found = measure(Server("wsgi", gunicorn()), site, folder, ASKED, {"PYTHONPATH": str(own)})
    assert found.is_right(STATEMENTS), found


@needs_uwsgi
@pytest.mark.parametrize("option", ["--lazy-apps", "--thunder-lock"])
def test_uwsgi_is_traced_although_it_forks_and_loads_in_c(option: str, folder: Path) -> None:
    server = Server("wsgi", uwsgi("--module", "site_app:app", "--processes", "2", option), is_abrupt=True)
    found = measure(server, SITES["Flask"], folder, ASKED)
    assert found.is_right(STATEMENTS), found
    assert found.pid not in found.connected


@needs_uwsgi
def test_uwsgi_runs_site_code_twice_in_one_process_and_each_application_counts(
    folder: Path, receiver: Any
) -> None:
    (folder / "one.py").write_text(QUERY + SITES["Flask"].source + "\napplication = app\n")
    (folder / "two.py").write_text((folder / "one.py").read_text().replace("/orders/", "/bills/"))
    mounts = ("--mount", "/one=one.py", "--mount", "/two=two.py", "--manage-script-name")
    with serving(uwsgi(*mounts), folder, receiver) as running:
        paths = [f"/{place}/{number}" for place in ("one/orders", "two/bills") for number in range(25)]
        answers = running.ask_many(paths)
        # The second one's interpreter is not ended, so nothing is sent at the end.
        receiver.wait(lambda: len(receiver.traces) >= ASKED, 60)
    assert all(b" 200 OK" in answer.partition(b"\r\n")[0] for answer in answers), running.log.read_text()
    counted = dict.fromkeys(("GET /orders/<int:number>", "GET /bills/<int:number>"), 0)
    for trace in receiver.traces:
        counted[trace.endpoint] += 1
    assert set(counted.values()) == {25}, counted
    # Each interpreter says of itself what it goes without: only one of them may ever be asked anything.
    said = [line for hello in receiver.hellos for line in hello["instruments"] if line.startswith("uwsgi=")]
    assert said == [f"uwsgi=active without {UNTOLD}"] * 2
