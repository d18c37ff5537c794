"""Transforms: a snapshot to what another system wants to read in it.

In comes a snapshot (time, labels, ordered values), out goes one whose names and values are changed;
the one that came in stays as it is, for others read it too. What is not known is not in it, and no
transform puts it there.

To add one: a file here with a class that meets `Transform`, and one line in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from fanlight.config.options import made
from fanlight.registry import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.config.options import Option
    from fanlight.wire.readings import Snapshot


class Transform(Protocol):
    """Made once for a target with its options, then given each snapshot in order."""

    OPTIONS: ClassVar[dict[str, Option]]

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """Answer the changed snapshot."""


TABLE: dict[str, str] = {
    "cloudwatch": "fanlight.transforms.cloudwatch:CloudWatch",
    "l2met": "fanlight.transforms.l2met:L2met",
    "passthrough": "fanlight.transforms.passthrough:Passthrough",
    "redact": "fanlight.transforms.redact:Redact",
}
"""Name, as users write it, to a class that is made with its options."""


def part(name: str) -> type[Transform]:
    """Answer the class of a transform.

    Raises:
        ConfigError: there is no such transform; says the nearest.
    """
    return cast("type[Transform]", load(name, TABLE, "transforms"))


def transform(name: str, given: Mapping[str, Any] | None = None) -> Transform:
    """Answer a new transform.

    Args:
        name: of the table, or of an entry point.
        given: its options; what is left out has its default.

    Raises:
        ConfigError: there is no such transform or option; says the nearest.
    """
    return cast("Transform", made(part(name), given, f"transform {name!r}"))
