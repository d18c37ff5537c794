"""A server's boundary: the traced application in place of the one that the server was made with."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def tracing(initialise: Any, attribute: str, traced: Callable[[Any], Any]) -> Any:
    """Answer the `__init__` of a server that calls the traced application.

    Args:
        initialise: the server's own.
        attribute: where it leaves the application.
        traced: answers the application with every request traced.
    """

    def initialise_traced(self: Any, *args: Any, **options: Any) -> None:
        initialise(self, *args, **options)
        app = getattr(self, attribute, None)
        if app is not None:
            setattr(self, attribute, traced(app))

    return initialise_traced
