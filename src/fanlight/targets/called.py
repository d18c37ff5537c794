"""Any callable: a name that the collector can import gets each message."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.errors import ConfigError
from fanlight.targets.habits import Habits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fanlight.config.options import Option
    from fanlight.targets import Place, Target


class Called:
    """Calls; what the callable answers is ignored.

    Args:
        call: takes one message: a snapshot unless a formatter makes a text of it.
    """

    OPTIONS: ClassVar[dict[str, Option]] = {}
    HABITS: ClassVar[Habits] = Habits()
    call: ClassVar[Callable[[Any], object]]

    def __init__(self, options: Mapping[str, Any], place: Place) -> None:
        pass

    def send(self, messages: Sequence[Any]) -> None:
        """Call once for each message."""
        for message in messages:
            type(self).call(message)

    def close(self) -> None:
        """Let the callable alone: it is not ours."""


def called(name: str) -> type[Target]:
    """Answer a target that calls what a name stands for.

    Args:
        name: `package.module:callable`, or with a dot before the callable.

    Raises:
        ConfigError: it cannot be imported, or is none that can be called.
    """
    module, _, attribute = name.rpartition(":" if ":" in name else ".")
    try:
        found: Any = import_module(module)
        for each in attribute.split("."):
            found = getattr(found, each)
    except Exception as error:
        # Importing runs somebody's code, which may raise anything.
        raise ConfigError(
            f"target {name!r} cannot be imported where the collector runs: {type(error).__name__}: {error}\n"
            "  expected package.module:callable, installed in the environment of fanlight[server]"
        ) from error
    if not callable(found):
        raise ConfigError(f"target {name!r} is no callable but a {type(found).__name__}")
    return type("Called", (Called,), {"call": staticmethod(found)})
