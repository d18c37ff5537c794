"""What `fanlight run` puts before an application: a directory on PYTHONPATH, and a few variables.

The directory holds `sitecustomize.py` and a link to the `fanlight` package, nothing else: of
Fanlight's own environment the application sees no other library.
"""

from __future__ import annotations

import os
import stat

from fanlight.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARK = "FANLIGHT_INTERNAL_INJECT"
"""Variable that holds the injected directory in a process that `fanlight run` led to."""

UNSEEN = "FANLIGHT_INTERNAL_UNSEEN"
"""Variable with the path of a file that the first injected Python takes away."""

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SITECUSTOMIZE = os.path.join(PACKAGE, "agent", "inject", "sitecustomize.py")


def prepare(run_dir: str | os.PathLike[str]) -> str:
    """Make `inject/` in the run directory, or bring the one there up to date; answer its path.

    Args:
        run_dir: an existing directory of this user's, `D/run`.

    Raises:
        ConfigError: `inject` is a link or another user's, or its path can't stand in PYTHONPATH.
        OSError: it can't be written.
    """
    directory = os.path.join(os.path.abspath(os.fspath(run_dir)), "inject")
    if os.pathsep in directory:
        raise ConfigError(
            f"{directory!r} can't stand in PYTHONPATH because of the {os.pathsep!r} in it; "
            "choose another directory with --data"
        )
    # Whoever can write here runs code in the application, so it is refused rather than put right.
    os.makedirs(directory, mode=0o700, exist_ok=True)
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise ConfigError(
            f"{directory} is a link, another user's, or writable by others; "
            "remove it, or choose another directory with --data"
        )
    place_link(PACKAGE, os.path.join(directory, "fanlight"))
    place_link(SITECUSTOMIZE, os.path.join(directory, "sitecustomize.py"))
    return directory


def place_link(target: str, link: str) -> None:
    """Let a link point to its target, at once or not at all."""
    try:
        if os.readlink(link) == target:
            return
    except OSError:
        pass  # nothing there yet, or something that is no link: it is replaced
    fresh = f"{link}.{os.getpid()}"
    if os.path.lexists(fresh):
        os.unlink(fresh)
    os.symlink(target, fresh)
    os.replace(fresh, link)


def environment(
    base: Mapping[str, str], directory: str, settings: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Answer the variables for the application: its own, our directory first, and our settings.

    Args:
        base: the variables that the application would have had.
        directory: what `prepare` answered.
        settings: `FANLIGHT_…` variables to set, such as `FANLIGHT_SOCKET`.
    """
    result = stripped(base, directory)
    own = result.get("PYTHONPATH", "")
    # An empty entry means the current directory, so none may come about.
    result["PYTHONPATH"] = f"{directory}{os.pathsep}{own}" if own else directory
    result[MARK] = directory
    result.update(settings or {})
    return result


def stripped(environ: Mapping[str, str], directory: str | None = None) -> dict[str, str]:
    """Answer variables without our directory, for a child process of our own.

    Args:
        environ: as in a process that may have been injected.
        directory: ours; the one that `FANLIGHT_INTERNAL_INJECT` names when None.
    """
    result = dict(environ)
    ours = {directory, result.pop(MARK, None)} - {None}
    result.pop(UNSEEN, None)
    entries = result.get("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in entries if entry not in ours]
    if len(kept) < len(entries):
        if kept:
            result["PYTHONPATH"] = os.pathsep.join(kept)
        else:
            del result["PYTHONPATH"]
    return result


def is_test_run(command: Sequence[str]) -> bool:
    """Answer whether a command line runs tests, by the rule of the injected file itself."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    spec = spec_from_loader("injected", SourceFileLoader("injected", SITECUSTOMIZE))
    if spec is None or spec.loader is None:
        return False
    rule = module_from_spec(spec)
    spec.loader.exec_module(rule)
    # What is no interpreter is a script whose first line names one.
    is_python = os.path.basename(command[0]).startswith(("python", "pypy"))
    return bool(rule.is_testing(rule.program(command if is_python else ["python", *command])))
