"""What every instrument promises, run over the room's table."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fanlight import instruments
from fanlight.errors import ConfigError

TRIGGERS = list(instruments.TABLE)
EMBEDDED = str(Path(__file__).parent / "embedded")
"""Modules of the shape that a program gives them which embeds Python, and of what need not be installed."""


def instrument(trigger: str) -> Any:
    where, _, attribute = instruments.TABLE[trigger].partition(":")
    return getattr(import_module(where), attribute)


def installed(trigger: str) -> str:
    """Answer the version that pip installed, behind a space; "" for what Python brings along."""
    found = packages_distributions().get(trigger.partition(".")[0])
    return f" {version(found[0])}'" if found else ""


def python(code: str) -> str:
    """Answer what a fresh Python prints."""
    # Pyramid's import warns, whoever asks for it.
    # What is installed goes first.
    code = f"import sys; sys.path.append({EMBEDDED!r}); {code}"
    command = [sys.executable, "-W", "ignore:pkg_resources is deprecated:UserWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("shape", ["empty", "classes without methods"])
def test_a_library_of_another_shape_is_left_as_it_was(trigger: str, shape: str) -> None:
    module = ModuleType(trigger)
    if shape != "empty":
        names = (
            *("Flask", "Worker", "HTTPConnection", "Template", "Engine", "Starlette", "Config", "Cursor"),
            *(
                "Connection",
                "HTTPTransport",
                "AsyncHTTPTransport",
                "Redis",
                "AsyncCursor",
                "ClientSession",
                "Router",
            ),
            *("ASGIWrapper", "WSGIWrapper", "BaseWSGIServer", "Server", "BaseHandler"),
        )
        vars(module).update({name: type(name, (), {}) for name in names}, request=SimpleNamespace())
    before = {name: dict(vars(value)) for name, value in vars(module).items() if isinstance(value, type)}
    with pytest.raises(LookupError):
        instrument(trigger)(module)
    after = {name: dict(vars(value)) for name, value in vars(module).items() if isinstance(value, type)}
    assert after == before


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_reason_of_a_changed_library_is_told_and_its_import_succeeds(trigger: str) -> None:
    installed = instruments.Installed()
    installed.hook(ModuleType(trigger))
    [(name, state)] = installed.state.items()
    assert name == instruments.instrument(trigger)
    assert state.startswith("inactive: ")
    assert "Error" not in state


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_late_import_is_hooked_and_told_with_its_version(trigger: str) -> None:
    name = instruments.instrument(trigger)
    told = python(
        "from fanlight import instruments; import importlib; instruments.install();"
        f"before = instruments.report(); importlib.import_module({trigger!r});"
        f"print([line for line in before if line.startswith('{name}=')],"
        f" [line for line in instruments.report() if line.startswith('{name}=')])"
    )
    assert f"['{name}=inactive: not imported']" in told
    assert f"['{name}=active{installed(trigger)}" in told


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_an_earlier_import_is_hooked_at_once_and_installing_twice_is_installing_once(trigger: str) -> None:
    name = instruments.instrument(trigger)
    classes = (
        f"{{k: dict(vars(v)) for k, v in vars(sys.modules[{trigger!r}]).items() if isinstance(v, type)}}"
    )
    told = python(
        f"import importlib, sys; importlib.import_module({trigger!r});"
        f"from fanlight import instruments; instruments.install(['{name}']); first = {classes};"
        f"instruments.install(); instruments.install(); second = {classes};"
        f"print(first == second, [line for line in instruments.report() if line.startswith('{name}=')])"
    )
    assert told.startswith(f"True ['{name}=active")


def test_a_part_of_a_library_that_changed_shape_is_told_and_the_others_stay_active() -> None:
    told = python(
        "import sys, types; from fanlight import instruments; instruments.install(['django']);"
        "sys.modules['django.core.signals'] = types.ModuleType('django.core.signals');"
        "import django;"
        "print([line for line in instruments.report() if line.startswith('django=')])"
    )
    assert told.startswith("['django=active ")
    assert told.endswith(" without django.core.signals: no got_request_exception']")


def test_installing_imports_no_library_and_no_extension() -> None:
    told = python(
        "import sys; from fanlight import instruments; before = set(sys.modules); instruments.install();"
        "print(sorted(set(sys.modules) - before))"
    )
    assert told == "[]"


def test_reporting_brings_no_heavy_module() -> None:
    told = python(
        "import flask.app, sys; from fanlight import instruments; instruments.install();"
        "gone = sys.modules.pop('importlib.metadata', None); lines = instruments.report();"
        "print('importlib.metadata' in sys.modules, [line for line in lines if 'flask' in line])"
    )
    assert told.startswith("False ['flask=active 3.")


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'flask'"):
        instruments.install(["flusk"])


def test_what_was_not_asked_for_stays_inactive() -> None:
    told = python(
        "import flask.app, jinja2; from fanlight import instruments; instruments.install(['flask']);"
        "print([line for line in instruments.report() if 'jinja2' in line])"
    )
    assert told == "['jinja2=inactive: not asked for']"


@pytest.mark.parametrize("where", instruments.TABLE.values())
def test_every_file_offers_a_documented_patch(where: str) -> None:
    module, _, attribute = where.partition(":")
    assert attribute == "patch"
    assert "Raises:" in getattr(import_module(module), attribute).__doc__
