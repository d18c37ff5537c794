"""Names become parts, and a wrong name teaches the right one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fanlight import errors, registry

SOURCE = Path(errors.__file__).parent.parent
TABLE = {"config": "fanlight.errors:ConfigError", "wire": "fanlight.errors:WireError"}


def test_a_name_of_the_table_is_imported_when_asked_for() -> None:
    assert registry.load("wire", TABLE, "targets") is errors.WireError


def test_an_unknown_name_is_an_error_with_the_nearest_one_and_all_of_them() -> None:
    with pytest.raises(errors.ConfigError) as raised:
        registry.load("wires", TABLE, "targets")
    assert str(raised.value) == "unknown target 'wires'; did you mean 'wire'? known: config, wire"


def test_a_name_that_resembles_nothing_lists_what_is_known() -> None:
    with pytest.raises(errors.ConfigError, match=r"unknown store 'zzz'; known: config, wire"):
        registry.load("zzz", TABLE, "stores")


def test_a_known_name_is_answered_as_it_is() -> None:
    assert registry.known_or_error("json", ["csv", "json"], "format") == "json"


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a distribution that brings a target by entry point and another called like ours."""
    installed = tmp_path / "third_party-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(
        "[fanlight.targets]\nwire = third_party:Imposter\nkafka = third_party:Kafka\n"
    )
    (tmp_path / "third_party.py").write_text("class Kafka: ...\nclass Imposter: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "third_party", raising=False)


@pytest.mark.usefixtures("third_party")
def test_an_entry_point_is_consulted_for_a_name_that_the_table_lacks() -> None:
    part = registry.load("kafka", TABLE, "targets")
    assert isinstance(part, type)
    assert part.__name__ == "Kafka"


@pytest.mark.usefixtures("third_party")
def test_no_entry_point_takes_the_place_of_a_built_in_part() -> None:
    assert registry.load("wire", TABLE, "targets") is errors.WireError


def test_asking_for_a_built_in_part_scans_no_installed_distribution() -> None:
    """The scan costs the application's start tens of milliseconds, so a hit must not pay for it."""
    program = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); from fanlight import registry;"
        "registry.load('a', {'a': 'fanlight.errors:WireError'}, 'targets');"
        "sys.exit('importlib.metadata' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-I", "-S", "-c", program], check=False).returncode == 0
