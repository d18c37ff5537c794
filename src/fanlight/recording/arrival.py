"""Calls somebody once a module is there: now if it has been imported, else right after its import."""

from __future__ import annotations

import sys

from fanlight.recording.recorder import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Hook = Callable[[ModuleType], object]

STEPS = (
    *("co_code", "co_names", "co_varnames", "co_argcount", "co_kwonlyargcount", "co_freevars", "co_cellvars"),
    "co_exceptiontable",
)
"""What of a function's code says what it does, beside the constants in it."""


class Arrivals:
    """A finder on `sys.meta_path` that finds nothing itself and sees what others find.

    The module's own loader does the loading; its `exec_module` is stood in for during that one
    call, so that loader, spec and module are those of an untouched import.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, list[Hook]] = {}

    def expect(self, name: str, hook: Hook) -> None:
        """Call the hook with the module of that name when it is there."""
        module = sys.modules.get(name)
        if module is not None and not is_loading(module):
            tell(hook, module)
            return
        self.waiting.setdefault(name, []).append(hook)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer the spec that the other finders answer, if somebody waits for this module."""
        # A fast path: every import of the application comes by here.
        if name not in self.waiting:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            # As the import system does: one of the old kind has no such method.
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                self.watch(spec)
                return spec
        return None

    def watch(self, spec: ModuleSpec) -> None:
        """Stand in for the loader's `exec_module` once."""
        loader = spec.loader
        execute = getattr(loader, "exec_module", None)
        # A loader that is a class, as of built-in modules, serves them all: it stays as it is.
        if execute is None or isinstance(loader, type):
            return

        def execute_and_tell(module: ModuleType) -> None:
            if module.__name__ == spec.name:
                loader.__dict__.pop("exec_module", None)
            execute(module)
            for hook in self.waiting.pop(module.__name__, ()):
                tell(hook, module)

        try:
            loader.exec_module = execute_and_tell  # type: ignore[union-attr,method-assign]  # on the one instance
        except (AttributeError, TypeError):
            # A loader that takes no attribute: whoever waits keeps waiting, and is reported so.
            return


def tell(hook: Hook, module: ModuleType) -> None:
    """Tell somebody that a module is there; what goes wrong with it stays from whoever imports it."""
    try:
        hook(module)
    except Exception:
        # A library may have any shape, and the application's import is none of our business.
        SWITCH.faults += 1


def is_loading(module: ModuleType) -> bool:
    """Answer whether a module stands in `sys.modules` but is still being executed."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def does_as(function: Any, known: Any) -> bool:
    """Answer whether a function of a module that is there does, step by step, what one that is known does.

    The same bytecode is not enough: a word in it may be another one. What it tells people may be.
    """
    return function.__class__ is known.__class__ and steps(function.__code__) == steps(known.__code__)


def steps(code: Any) -> Any:
    """Answer what a code does, to be compared: all but its sentences, lines and own name."""
    return [*(getattr(code, name) for name in STEPS), [meant(each) for each in code.co_consts]]


def meant(constant: Any) -> Any:
    """Answer a constant with its class, as 1 is True; of a sentence its class alone, of a code its steps."""
    kind = constant.__class__
    if kind is str and " " in constant:
        return kind
    return (kind, steps(constant) if hasattr(constant, "co_consts") else constant)


ARRIVALS = Arrivals()
