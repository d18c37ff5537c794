"""What stands for slow modules of the standard library behaves as theirs."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys
import typing

import pytest

from fanlight.event import light

if typing.TYPE_CHECKING:
    from pathlib import Path


class Ours(light.NamedTuple):
    """As a type checker does not see it."""

    name: str
    size: int = 3
    unit: str | None = None


class Theirs(typing.NamedTuple):
    """The library's."""

    name: str
    size: int = 3
    unit: str | None = None


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", 1), {}), (("a", 1, "s"), {}), ((), {"name": "a"}), (("a",), {"unit": "s"})],
)
def test_a_named_tuple_is_made_as_the_librarys(values: tuple[typing.Any, ...], named: dict[str, str]) -> None:
    ours, theirs = Ours(*values, **named), Theirs(*values, **named)  # type: ignore[arg-type]
    assert tuple(ours) == tuple(theirs)
    assert (ours.name, ours.size, ours.unit) == (theirs.name, theirs.size, theirs.unit)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert ours == theirs
    assert hash(ours) == hash(theirs)
    assert ours._replace(size=9) == theirs._replace(size=9)
    assert isinstance(ours._replace(size=9), Ours)
    assert copy.copy(ours) == ours
    assert pickle.loads(pickle.dumps(ours)) == ours
    assert (Ours._fields, Ours._field_defaults) == (Theirs._fields, Theirs._field_defaults)


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", 1, "s", 2), {}), (("a",), {"name": "b"}), (("a",), {"x": 1})]
)
def test_a_named_tuple_refuses_what_the_librarys_refuses(
    values: tuple[typing.Any, ...], named: dict[str, typing.Any]
) -> None:
    for each in (Ours, Theirs):
        with pytest.raises(TypeError):
            each(*values, **named)


def test_a_named_tuple_never_changes() -> None:
    with pytest.raises(AttributeError):
        Ours("a").name = "b"  # type: ignore[misc]


def test_dates_are_those_of_everybody() -> None:
    for name in ("date", "datetime", "timedelta", "timezone", "tzinfo", "UTC"):
        assert getattr(light, name) is getattr(dt, name)


def test_a_search_of_an_access_log_loads_no_slow_module(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text('10.0.0.1 - - [31/Dec/2025:23:59:59 +0000] "GET /a HTTP/1.1" 503 1 "-" "curl"\n' * 9)
    code = (
        "from fanlight.cli import answered; answered(['query', 'status:5xx', sys.argv[1]]);"
        " slow = {'typing', 'datetime', 'contextlib', 'dataclasses', 'inspect', 'tomllib'};"
        " print(sorted(slow & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path[1:]!r}; {code}", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines()[9:] == ["[]"]
