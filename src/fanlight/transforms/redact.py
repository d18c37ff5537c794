"""Redact: labels that say too much about a machine, without what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.options import Option
from fanlight.recording.redaction import REDACTED, secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.wire.readings import Snapshot


class Redact:
    """Hides labels and values by name; those named like a secret in any case."""

    OPTIONS: ClassVar[dict[str, Option]] = {
        "redact": Option("names", ("host", "address", "master"), "labels and values that are hidden"),
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.hidden = frozenset(options["redact"])

    def __call__(self, snapshot: Snapshot) -> Snapshot:
        """Answer the snapshot; a hidden label reads `<redacted>`, a hidden value is left out.

        A number cannot say that it is hidden: any that stood in its place would be taken for it.
        """
        labels = {name: REDACTED if self.hides(name) else text for name, text in snapshot.labels.items()}
        values = {name: value for name, value in snapshot.values.items() if not self.hides(name)}
        return snapshot._replace(labels=labels, values=values)

    def hides(self, name: str) -> bool:
        """Answer whether what stands under a name stays here."""
        return name in self.hidden or secret(name)
