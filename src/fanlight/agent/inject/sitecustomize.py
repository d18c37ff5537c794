# noqa: INP001 the directory is no package: it is found by PYTHONPATH
"""Starts the agent in every Python that `fanlight run` leads to, before the application's code.

The interpreter imports this by itself, from the directory that `fanlight run` put on PYTHONPATH.
Whatever goes wrong here, the program starts as it would have without. No syntax newer than 3.7:
older interpreters find it too, and are left alone.
"""

from __future__ import annotations

import os
import sys

TESTERS = (
    *("pytest", "py.test", "tox", "nox", "unittest", "coverage", "nose2", "trial", "behave"),
    *("_jb_pytest_runner", "_jb_unittest_runner"),
)
"""Programs, or modules after `-m`, that run tests."""

DJANGO = ("manage", "django-admin", "django")
"""Programs that run tests when their first argument says so."""

TOOLS = (
    # They start or install programs, or look at them, and serve none.
    *("supervisord", "circusd", "honcho", "watchmedo", "pip", "pip3", "pipx", "uv", "poetry", "hatch"),
    *("mypy", "ruff", "black", "ensurepip", "venv", "compileall", "py_compile", "fanlight"),
)
"""Programs, or modules after `-m`, that the agent leaves alone."""

UNSEEN = "FANLIGHT_INTERNAL_UNSEEN"
"""Variable with the path of a file that stands until a Python has come by here."""

TRACKERS = ("multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker")
"""Start of the processes that only watch over others' resources."""

WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")
"""Options of the interpreter whose value is a word of its own."""


def here() -> str:
    """Answer the directory that this file was found in."""
    return os.path.dirname(os.path.abspath(__file__))


def program(words: list[str]) -> list[str]:
    """Answer what an interpreter runs: a script's base name or a module's top name, and its arguments."""
    at = 1
    while at < len(words):
        word = words[at]
        if word in ("-c", "-") or not word:
            break
        if word == "-m":
            return [words[at + 1].partition(".")[0], *words[at + 2 :]] if at + 1 < len(words) else [""]
        if not word.startswith("-"):
            name = os.path.basename(word)
            return [name.partition(".py")[0] or name, *words[at + 1 :]]
        at += 2 if word in WITH_VALUE else 1
    return [""]


def is_testing(words: list[str]) -> bool:
    """Answer whether a program, with its arguments, runs tests."""
    return words[0] in TESTERS or (words[0] in DJANGO and words[1:2] == ["test"])


def is_wanted(words: list[str]) -> bool:
    """Answer whether this process may come to serve requests."""
    if any(tracker in word for word in words[:8] for tracker in TRACKERS):
        return False
    runs = program(words)
    return runs[0] not in TOOLS and not is_testing(runs)


def come_by() -> None:
    """Take the file away that says that no Python was seen yet."""
    path = os.environ.get(UNSEEN)
    if path:
        try:
            os.unlink(path)
        except OSError:
            # Another process of this program was here before.
            return


def announce_uwsgi() -> None:
    """Make uWSGI's module before uWSGI does, which then fills it in: it is how to hear of a worker.

    uWSGI forks, loads and calls from C: no import, no at-fork hook and no caller in Python tells.
    """
    if getattr(sys, "orig_argv", None) or "uwsgi" in sys.modules:
        return
    try:
        running = os.path.basename(os.readlink("/proc/self/exe"))
    except OSError:
        running = os.path.basename(sys.executable or "")
    if running.startswith("uwsgi"):
        module = type(sys)("uwsgi")
        module.post_fork_hook = bool  # type: ignore[attr-defined]  # called without arguments, ignored
        sys.modules["uwsgi"] = module


def chain() -> None:
    """Run the `sitecustomize` that this one stands before, as if it had been found itself."""
    ours = here()
    folders = [folder for folder in sys.path if os.path.abspath(folder or ".") != ours]
    for finder in sys.meta_path:
        # The finder of files takes the folders; the others know no module of this name.
        spec = finder.find_spec("sitecustomize", folders if finder.__module__.endswith("_external") else None)
        if spec is None or spec.loader is None or spec.origin == __file__:
            continue
        from importlib.util import module_from_spec

        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        # What it raises goes where it would have gone without us: the interpreter reports it.
        spec.loader.exec_module(module)
        return


def tell(line: str) -> None:
    """Write a line to stderr, unless that would hold the program up; our own log may be what is missing."""
    try:
        from select import select

        # A pipe that takes anything at once takes this much.
        if select([], [2], [], 0)[1]:
            os.write(2, line.encode("utf-8", "backslashreplace")[:511] + b"\n")
    except (ImportError, OSError, ValueError):
        # Nobody can be told.
        return


def start() -> None:
    """Start the agent, or say in one line why not."""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 any interpreter may come by here
            return
        come_by()
        if is_wanted(getattr(sys, "orig_argv", ["", *sys.argv[:1]])):
            import fanlight

            # The link may be gone when a part is imported later; the package is not.
            fanlight.__path__[:] = [os.path.realpath(folder) for folder in fanlight.__path__]
            announce_uwsgi()
            fanlight.start()
    except Exception as error:
        # The application must start whatever is wrong with us.
        tell(f"fanlight: the application is not traced: {type(error).__name__}: {error}")
    finally:
        # The application sees its own path; its children find us by PYTHONPATH.
        ours = here()
        sys.path[:] = [folder for folder in sys.path if folder != ours]


if __name__ == "sitecustomize":
    try:
        start()
    finally:
        chain()
