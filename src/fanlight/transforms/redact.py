"""Redact: labels that say too much about a machine, without what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fanlight.config.keys import METRICS
from fanlight.config.options import Option
from fanlight.recording.redaction import REDACTED, secret
from fanlight.registry import known_or_error
from fanlight.wire.quantities import LABELS, RESTARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.wire.readings import Snapshot


APPENDED = ("message", "name", "source")
"""By transforms that may stand before this one,"""
CHANGED = re.compile(r"^\w+#|-")
"""and what they make of names."""


class Redact:
    """Hides labels and values by name; those named like a secret in any case.

    Raises:
        ConfigError: a name that nothing has; whoever misspelt it would think it hidden.
    """

    OPTIONS: ClassVar[dict[str, Option]] = {
        "redact": Option("names", ("host", "master"), "labels and values that are hidden"),
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.hidden = frozenset(options["redact"])
        for each in options["redact"]:
            name = CHANGED.sub(lambda found: "." if found[0] == "-" else "", each)
            if not name.startswith(RESTARTS):
                known_or_error(name, [*LABELS, *METRICS, *APPENDED], "name in `redact` of transform 'redact'")

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
