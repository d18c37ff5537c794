"""Takes all that a start put into the libraries of this process out again, and puts it back."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import fanlight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS = str(Path(fanlight.__file__).parent)
NAME = fanlight.__name__
MISSING = object()


class Swap:
    """The hooks in this process: what stood in their places before `start`, and what does after.

    Args:
        start: puts them in; what it hooks must have been imported.
        unit: one request, to tell whether anything of ours runs in it.

    Raises:
        SystemExit: something of ours runs with the hooks out, or nothing with them in.
    """

    def __init__(self, start: Callable[[], object], unit: Callable[[], object]) -> None:
        before, collected = [(owner, dict(vars(owner))) for owner in owners()], list(gc.callbacks)
        start()
        self.places = [
            (owner, name, known.get(name, MISSING), value)
            for owner, known in before
            for name, value in list(vars(owner).items())
            if known.get(name, MISSING) is not value and is_ours(value)
        ]
        self.collected = (collected, list(gc.callbacks))
        for inside in (False, True):
            self.put(inside=inside)
            unit()
            if (calls(unit) > 0) != inside:
                raise SystemExit(f"with hooks {'in' if inside else 'out'}, {calls(unit)} calls of ours")

    def put(self, *, inside: bool) -> None:
        """Put the hooks in, or take them out; a second call does nothing."""
        for owner, name, before, after in self.places:
            value = after if inside else before
            if value is not MISSING:
                # The class's own attributes: `getattr` would bind them.
                if vars(owner).get(name) is not value:
                    setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)
        gc.callbacks[:] = self.collected[inside]


def owners() -> Iterator[Any]:
    """Yield every module and every class in one, each once, but ours."""
    seen: set[int] = set()
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or module.__name__.partition(".")[0] == NAME:
            continue
        for owner in (module, *(each for each in vars(module).values() if isinstance(each, type))):
            if id(owner) not in seen and str(owner.__dict__.get("__module__", "")).partition(".")[0] != NAME:
                seen.add(id(owner))
                yield owner


def is_ours(value: object) -> bool:
    """Answer whether a value is a function of ours, or an object of a class of ours."""
    if isinstance(value, FunctionType):
        return value.__code__.co_filename.startswith(OURS)
    return type(value).__module__.partition(".")[0] == NAME


def calls(unit: Callable[[], object]) -> int:
    """Answer how many functions of ours run for one unit, in whichever of the threads that it starts."""
    counted = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal counted
        counted += event == "call" and frame.f_code.co_filename.startswith(OURS)

    threading.setprofile(count)
    sys.setprofile(count)
    try:
        unit()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    return counted
