"""What every test gets: a home of its own, no settings from outside, no silent skip."""

from __future__ import annotations

import compileall
import os
import signal
import sys
import tomllib
from contextlib import suppress
from itertools import count
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

EXCEPTIONS = Path(__file__).parent / "exceptions.toml"
SOURCE = Path(__file__).parents[1] / "src" / "fanlight"

# Cores are shared with other work, so a slow example proves nothing.
hypothesis.settings.register_profile("house", deadline=None)
# The same examples each time: what `make test` says of a tree, it says of it again.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")

FOLDERS = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")


def pytest_configure(config: pytest.Config) -> None:
    """Shut out the developer's own settings and data before a module of ours looks for them."""
    for name in [name for name in os.environ if name.startswith("FANLIGHT_")]:
        if not name.startswith("FANLIGHT_TEST_"):
            del os.environ[name]
    os.environ.pop("XDG_RUNTIME_DIR", None)
    # Where bytecode may not be written, each of the thousand processes that tests start would compile us.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(SOURCE, quiet=1)
    # Whoever starts us in the background of a shell, or by nohup, has them ignored; what tests start
    # would inherit that.
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    # For fixtures that live longer than a test; a test itself gets a home of its own below.
    folder = mkdtemp(prefix="fanlight-tests-")
    config.add_cleanup(lambda: rmtree(folder, ignore_errors=True))
    os.environ.update(dict.fromkeys(FOLDERS, folder))


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Answer folders that are not there yet, which pytest would look for among all that are, each time."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in count())


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test, and every process it starts, a home directory that nobody else uses."""
    folder = next(homes)
    folder.mkdir(mode=0o700)
    for name in ("HOME", *FOLDERS):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def calls() -> Callable[[Callable[[], object]], int]:
    """Answer a function that counts the calls, of Python and of C, that another one makes in this thread.

    Unlike its time they are the same on every machine.
    """

    def counted(function: Callable[[], object]) -> int:
        number = -2  # the function's own, and the one that ends the counting

        def told(_frame: object, event: str, _argument: object) -> None:
            nonlocal number
            number += event in ("call", "c_call")

        sys.setprofile(told)
        try:
            function()
        finally:
            sys.setprofile(None)
        return number

    return counted


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """Answer the end of a pipe that nobody empties and that takes no more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


def skip_is_listed(nodeid: str) -> bool:
    """Answer whether the one list of exceptions lets this test, or its file, be skipped."""
    listed = tomllib.loads(EXCEPTIONS.read_text()).get("skips", {})
    return not {nodeid, nodeid.partition("[")[0], nodeid.partition("::")[0]}.isdisjoint(listed)


def fail_unlisted_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Under continuous integration a test that did not run did not pass."""
    if os.environ.get("CI") != "true" or report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    if not skip_is_listed(report.nodeid):
        report.outcome = "failed"
        report.longrepr = f"{report.longrepr}: a skip that tests/exceptions.toml does not list, with CI=true"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the skip of one test."""
    report = yield
    fail_unlisted_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge the skip of a whole file."""
    report = yield
    fail_unlisted_skip(report)
    return report
