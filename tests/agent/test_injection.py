"""The injected start: the application runs as without it, whatever Python it is."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.agent import injection
from fanlight.errors import ConfigError

TELL = (
    "import sys; ours = sys.modules.get('fanlight'); print(ours is not None, getattr(ours, '__path__', ''))"
)


@pytest.fixture
def inject(tmp_path: Path) -> str:
    return injection.prepare(tmp_path)


def run(inject: str, *words: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> Any:
    """Run this Python, injected, and answer what it wrote."""
    base = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **(environ or {})}
    return subprocess.run(
        [sys.executable, *words],
        env=injection.environment(base, inject, {"FANLIGHT_SOCKET": f"{inject}/no.sock"}),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd or Path(inject).parent,
        check=False,
    )


def sitecustomize() -> Any:
    """Answer the injected module; under another name it starts nothing."""
    spec = importlib.util.spec_from_file_location("injected_for_test", injection.SITECUSTOMIZE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_directory_holds_two_links_and_nothing_else(inject: str) -> None:
    assert sorted(os.listdir(inject)) == ["fanlight", "sitecustomize.py"]
    assert os.readlink(f"{inject}/fanlight") == injection.PACKAGE
    assert os.stat(inject).st_mode & 0o777 == 0o700


def test_preparing_again_brings_stale_links_up_to_date(tmp_path: Path, inject: str) -> None:
    os.unlink(f"{inject}/fanlight")
    os.symlink("/nowhere", f"{inject}/fanlight")
    assert injection.prepare(tmp_path) == inject
    assert os.readlink(f"{inject}/fanlight") == injection.PACKAGE


def test_what_a_killed_one_of_the_same_number_left_behind_is_replaced(tmp_path: Path, inject: str) -> None:
    os.unlink(f"{inject}/fanlight")
    os.symlink("/nowhere", f"{inject}/fanlight.{os.getpid()}")
    assert injection.prepare(tmp_path) == inject
    assert os.readlink(f"{inject}/fanlight") == injection.PACKAGE
    assert sorted(os.listdir(inject)) == ["fanlight", "sitecustomize.py"]


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_directory_that_others_can_write_is_refused(tmp_path: Path, inject: str, mode: int) -> None:
    os.chmod(inject, mode)
    with pytest.raises(ConfigError, match="writable by others"):
        injection.prepare(tmp_path)


def test_a_directory_of_another_user_is_refused(tmp_path: Path, inject: str, monkeypatch) -> None:
    whose = os.stat(inject).st_uid
    monkeypatch.setattr(os, "geteuid", lambda: whose + 1)
    with pytest.raises(ConfigError, match="another user's"):
        injection.prepare(tmp_path)


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "inject").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="is a link"):
        injection.prepare(tmp_path)


def test_a_path_that_cannot_stand_in_the_variable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    with pytest.raises(ConfigError, match="PYTHONPATH"):
        injection.prepare(tmp_path / "a:b")


def test_the_agent_is_there_before_the_program_and_its_path_is_as_without(inject: str) -> None:
    with_us = run(inject, "-c", f"{TELL}; print(sys.path)").stdout.splitlines()
    assert with_us[0] == f"True ['{injection.PACKAGE}']"
    assert inject not in with_us[1]


def test_the_programs_own_children_are_traced_too(inject: str) -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TELL!r}])"
    assert run(inject, "-c", child).stdout.startswith("True")


def test_our_own_children_get_variables_without_us(inject: str) -> None:
    environ = injection.environment({"PYTHONPATH": "/a", "X": "1"}, inject, {injection.UNSEEN: "/a/file"})
    assert injection.stripped(environ) == {"PYTHONPATH": "/a", "X": "1"}
    assert injection.stripped(injection.environment({}, inject)) == {}


@given(
    own=st.one_of(
        st.none(), st.lists(st.sampled_from(["", "/a", "b", "/run/inject"]), max_size=4).map(":".join)
    ),
)
def test_an_own_path_keeps_its_entries_and_gains_no_current_directory(own: str | None) -> None:
    base = {} if own is None else {"PYTHONPATH": own}
    result = injection.environment(base, "/run/inject")["PYTHONPATH"].split(":")
    assert result[0] == "/run/inject"
    assert result.count("/run/inject") == 1
    theirs = [entry for entry in (own or "").split(":") if entry != "/run/inject"]
    assert result[1:] == (theirs if own and theirs != [""] else [])


def test_settings_and_the_mark_are_handed_on() -> None:
    environ = injection.environment({"A": "b"}, "/d", {"FANLIGHT_SERVICE": "shop"})
    assert environ == {"A": "b", "PYTHONPATH": "/d", injection.MARK: "/d", "FANLIGHT_SERVICE": "shop"}


def test_a_sitecustomize_of_ones_own_runs_as_ever(inject: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys\nsys.own = __file__\n")
    told = run(
        inject,
        "-c",
        "import sys; print(sys.own, sys.modules['sitecustomize'].__file__)",
        environ={"PYTHONPATH": str(own)},
    )
    assert told.stdout.split() == [str(own / "sitecustomize.py")] * 2
    assert told.stderr == ""


def test_a_sitecustomize_that_fails_fails_as_ever(inject: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("raise RuntimeError('theirs')\n")
    told = run(inject, "-c", TELL, environ={"PYTHONPATH": str(own)})
    assert told.stdout.startswith("True")
    assert "theirs" in told.stderr
    assert told.returncode == 0


@pytest.mark.parametrize("words", [["-m", "pip", "--version"], ["-m", "compileall", "-q", "nowhere.py"]])
def test_tools_are_left_alone(words: list[str], inject: str) -> None:
    told = run(inject, "-X", "importtime", *words)
    assert " fanlight" not in told.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["python", "app.py"], True),
        (["python", "-m", "flask", "run"], True),
        (["python", "-X", "dev", "-W", "error", "/bin/gunicorn", "app"], True),
        (["python", "-c", "print()", "pytest"], True),
        (["python"], True),
        (["python", "/venv/bin/pytest", "tests"], False),
        (["python", "-Im", "x"], True),
        (["python", "-m", "pytest"], False),
        (["python", "-m", "unittest.main"], False),
        (["python", "-I", "/usr/bin/supervisord", "-n"], False),
        (["python", "-m", "fanlight", "serve"], False),
        (["python", "-c", "from multiprocessing.resource_tracker import main;main(5)"], False),
        (["python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()"], True),
        (["python", "-m"], True),
        (["python", "manage.py", "test", "shop"], False),
        (["python", "manage.py", "runserver"], True),
        (["python", "-m", "django", "test"], False),
        (["python", "/venv/bin/django-admin", "test"], False),
        (["python", "-m", "coverage", "run", "-m", "pytest"], False),
        (["python", "shop.py", "test"], True),
    ],
)
def test_programs_are_told_apart_by_their_command(words: list[str], wanted: bool) -> None:
    assert sitecustomize().is_wanted(words) is wanted


def test_whatever_is_wrong_with_us_the_program_runs(inject: str) -> None:
    os.unlink(f"{inject}/fanlight")
    os.mkdir(f"{inject}/fanlight")
    Path(f"{inject}/fanlight/__init__.py").write_text("raise OSError('gone')\n")
    told = run(inject, "-c", "print('runs')")
    assert (told.stdout, told.returncode) == ("runs\n", 0)
    assert told.stderr == "fanlight: the application is not traced: OSError: gone\n"


def test_a_long_reason_is_cut_to_what_a_pipe_takes_at_once(inject: str) -> None:
    os.unlink(f"{inject}/fanlight")
    os.mkdir(f"{inject}/fanlight")
    Path(f"{inject}/fanlight/__init__.py").write_text("raise OSError('long' * 1000)\n")
    told = run(inject, "-c", "print('runs')").stderr
    assert len(told) == 512
    assert told.endswith("\n")


def test_a_stderr_that_nobody_reads_holds_no_program_up(inject: str, full_pipe: int) -> None:
    os.unlink(f"{inject}/fanlight")
    os.mkdir(f"{inject}/fanlight")
    Path(f"{inject}/fanlight/__init__.py").write_text("raise OSError('gone')\n")
    told = subprocess.run(
        [sys.executable, "-c", "print('runs')"],
        env=injection.environment(dict(os.environ), inject, {"FANLIGHT_SOCKET": f"{inject}/no.sock"}),
        stdout=subprocess.PIPE,
        stderr=full_pipe,
        text=True,
        timeout=120,
        check=False,
    )
    assert (told.stdout, told.returncode) == ("runs\n", 0)


def test_a_directory_that_is_gone_leaves_the_program_as_it_was(inject: str) -> None:
    os.unlink(f"{inject}/sitecustomize.py")
    os.unlink(f"{inject}/fanlight")
    told = run(inject, "-c", "print('runs')")
    assert (told.stdout, told.stderr) == ("runs\n", "")


def test_parts_that_come_later_are_found_when_the_link_is_gone(inject: str) -> None:
    late = f"import os; os.unlink({inject + '/fanlight'!r}); import fanlight.normalizers.sql; print('found')"
    assert run(inject, "-c", late).stdout == "found\n"


@pytest.mark.parametrize(
    ("command", "tests"),
    [
        (["pytest", "-x"], True),
        (["/venv/bin/pytest"], True),
        (["python", "-m", "unittest"], True),
        (["/usr/bin/python3.12", "-W", "error", "-m", "pytest"], True),
        (["python", "manage.py", "test"], True),
        (["./manage.py", "test"], True),
        (["gunicorn", "pytest:app"], False),
        (["python", "-c", "print()", "pytest"], False),
        (["python"], False),
        (["test"], False),
    ],
)
def test_a_command_that_runs_tests_is_known_before_it_runs(command: list[str], tests: bool) -> None:
    assert injection.is_test_run(command) is tests


def test_the_first_python_takes_the_file_away_that_waits_for_it(inject: str, tmp_path: Path) -> None:
    (tmp_path / "unseen").write_text("")
    for words in (["-c", "pass"], ["-m", "pip", "--version"], ["-c", "pass"]):
        environ = injection.environment(os.environ, inject, {injection.UNSEEN: str(tmp_path / "unseen")})
        subprocess.run([sys.executable, *words], env=environ, stdout=subprocess.DEVNULL, check=True)
    assert not (tmp_path / "unseen").exists()
