"""Late imports: whoever waits for a module is told, and the import is that of any module."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

import pytest

from fanlight.recording.arrival import Arrivals, does_as
from fanlight.recording.recorder import SWITCH

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def arrivals(tmp_path: Any, monkeypatch: Any) -> Iterator[Arrivals]:
    (tmp_path / "late_module.py").write_text("READY = True\n")
    (tmp_path / "late_broken.py").write_text("raise RuntimeError('broken')\n")
    (tmp_path / "late_package").mkdir()
    (tmp_path / "late_package" / "__init__.py").write_text("from late_package import inner\nDONE = 1\n")
    (tmp_path / "late_package" / "inner.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    found = Arrivals()
    yield found
    if found in sys.meta_path:
        sys.meta_path.remove(found)
    for name in [name for name in sys.modules if name.startswith("late_")]:
        del sys.modules[name]


def test_the_hook_comes_right_after_the_import(arrivals: Arrivals) -> None:
    told: list[Any] = []
    arrivals.expect("late_module", lambda module: told.append(module.READY))
    assert told == []
    module = importlib.import_module("late_module")
    assert told == [True]
    assert type(module.__loader__) is SourceFileLoader
    assert module.__spec__.loader is module.__loader__
    assert "exec_module" not in vars(module.__loader__)
    importlib.reload(module)
    assert told == [True]


def test_a_module_that_is_there_is_hooked_at_once(arrivals: Arrivals) -> None:
    importlib.import_module("late_module")
    told: list[Any] = []
    arrivals.expect("late_module", told.append)
    assert told == [sys.modules["late_module"]]
    assert arrivals not in sys.meta_path


def test_a_package_is_hooked_when_all_of_it_has_run(arrivals: Arrivals) -> None:
    told: list[Any] = []
    arrivals.expect("late_package", lambda module: told.append(module.DONE))
    arrivals.expect("late_package.inner", lambda module: told.append(module.__name__))
    importlib.import_module("late_package")
    assert told == ["late_package.inner", 1]


def test_a_module_that_is_only_half_there_is_hooked_when_it_is_done(arrivals: Arrivals) -> None:
    """The start stands in the middle of the module that it waits for."""
    told: list[Any] = []
    sys.modules["late_start"] = sys.modules[__name__]
    sys.late_expect = lambda: arrivals.expect("late_package", told.append)  # type: ignore[attr-defined]
    path = importlib.util.find_spec("late_package").submodule_search_locations[0]
    with open(f"{path}/inner.py", "w") as file:
        file.write("import sys\nsys.late_expect()\n")
    importlib.import_module("late_package")
    del sys.late_expect  # type: ignore[attr-defined]
    # It was being imported already, so nobody sees its end; it is told when it is imported anew.
    assert told == []
    importlib.reload(sys.modules["late_package"])
    assert told == [sys.modules["late_package"]]


def test_a_module_that_fails_fails_as_ever_and_may_come_again(arrivals: Arrivals, tmp_path: Any) -> None:
    told: list[Any] = []
    arrivals.expect("late_broken", told.append)
    with pytest.raises(RuntimeError, match="broken"):
        importlib.import_module("late_broken")
    (tmp_path / "late_broken.py").write_text("FINE = 1\n# longer than before\n")
    importlib.invalidate_caches()
    importlib.import_module("late_broken")
    assert len(told) == 1


def test_a_module_that_nobody_has_is_missing_as_ever(arrivals: Arrivals) -> None:
    arrivals.expect("late_nowhere", lambda module: None)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("late_nowhere")


def test_a_hook_that_fails_breaks_no_import_and_no_other_hook(arrivals: Arrivals) -> None:
    def failing(module: Any) -> None:
        raise TypeError(f"{module.__name__} cannot be hooked")

    told: list[Any] = []
    faults = SWITCH.faults
    arrivals.expect("late_module", failing)
    arrivals.expect("late_module", told.append)
    module = importlib.import_module("late_module")
    arrivals.expect("late_module", failing)
    assert told == [module]
    assert SWITCH.faults == faults + 2
    SWITCH.faults = faults


def test_a_finder_of_the_old_kind_does_not_hide_that_a_module_is_missing(
    arrivals: Arrivals, monkeypatch: Any
) -> None:
    class Old:
        """What some vendored libraries still put there."""

        def find_module(self, name: str, path: Any = None) -> None:
            return None

    arrivals.expect("late_missing", lambda module: None)
    # Not imported: the import system itself warns of such a finder.
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Old()])
    assert arrivals.find_spec("late_missing") is None


def told(scope: Any) -> None:
    """Tell something."""
    scope["kind"] = 1
    raise ValueError("no such kind")


def told_otherwise(scope: Any) -> None:
    """Say it."""
    scope["kind"] = 1
    raise ValueError("not this one")


def another_word(scope: Any) -> None:
    """Tell something."""
    scope["sort"] = 1
    raise ValueError("no such kind")


def another_kind(scope: Any) -> None:
    """Tell something."""
    scope["kind"] = True
    raise ValueError("no such kind")


def another_step(kind: Any) -> None:
    """Tell something."""
    kind["kind"] = 1
    raise ValueError("no such kind")


def test_what_takes_the_same_steps_does_the_same_whatever_it_tells_people() -> None:
    assert does_as(told, told)
    assert does_as(told_otherwise, told)


@pytest.mark.parametrize("function", [another_word, another_kind, another_step, print, None, Arrivals()])
def test_what_takes_another_step_does_something_else(function: Any) -> None:
    assert not does_as(function, told)


def test_the_same_names_in_another_order_are_something_else() -> None:
    def one(self: Any, left: Any, right: Any) -> None:
        self.left = left
        self.right = right

    def crossed(self: Any, left: Any, right: Any) -> None:
        self.left = right
        self.right = left

    assert does_as(one, one)
    assert not does_as(crossed, one)


def test_what_is_called_later_is_looked_at_too() -> None:
    def one(self: Any, key: Any) -> Any:
        return self.call(lambda done: self.left(key, done))

    def alike(self: Any, key: Any) -> Any:
        return self.call(lambda done: self.left(key, done))

    def crossed(self: Any, key: Any) -> Any:
        return self.call(lambda done: self.left(done, key))

    def renamed(self: Any, key: Any) -> Any:
        return self.call(lambda done: self.right(key, done))

    assert does_as(alike, one)
    assert not does_as(crossed, one)
    assert not does_as(renamed, one)
