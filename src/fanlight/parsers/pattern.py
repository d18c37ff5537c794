"""Formats that are data: a regular expression, the shape of its time, the types of its groups."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.parsers.fields import fields_of
from fanlight.parsers.grouped import PatternFormat
from fanlight.parsers.stamps import reading, shaped

if TYPE_CHECKING:
    from fanlight.parsers.stamps import Stamps


def formats(description: dict[str, Any], stamps: Stamps) -> PatternFormat:
    """Answer the format of a description: `pattern`, `time`, `fields`, and `heads` of several lines.

    Raises:
        ConfigError: the pattern or a field of it is wrong.
    """
    name = description["name"]
    stamp = reading(stamps, description["time"]) if "time" in description else None
    heads = description.get("heads")
    return PatternFormat(
        name,
        shaped(description["pattern"]),
        fields_of(description),
        stamp,
        title=description.get("title", name),
        heads=re.compile(heads.encode()) if heads else None,
    )
