"""Format strings of Python's `logging`, `%(asctime)s %(levelname)s …` or with braces, as formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fanlight.errors import ConfigError
from fanlight.event import types
from fanlight.parsers.elements import LEVELS, LONG, STAMP, Element, Layout, padded
from fanlight.parsers.stamps import EPOCHS, reading

if TYPE_CHECKING:
    from fanlight.parsers.grouped import PatternFormat
    from fanlight.parsers.stamps import Stamps

NUMBER = rb"\d{1,18}"
WORD = rb"[^\s]{0,300}?"
ATTRIBUTES: dict[str, Element] = {
    "asctime": Element("time", STAMP, types.TIMESTAMP),
    "created": Element("time", EPOCHS, types.TIMESTAMP),
    "exc_info": Element("", LONG),
    "filename": Element("file"),
    "funcName": Element("function"),
    "levelname": Element("level", LEVELS),
    "levelno": Element("level-number", NUMBER, types.INT),
    "lineno": Element("source-line", NUMBER, types.INT),
    "message": Element("message", LONG),
    "module": Element("module", WORD),
    "msecs": Element("", rb"[\d.]{1,20}"),
    "name": Element("logger"),
    "pathname": Element("file"),
    "process": Element("pid", NUMBER, types.INT),
    "processName": Element("process"),
    "relativeCreated": Element("since-start", rb"\d{1,18}(?:\.\d{1,12})?", types.DURATION, "ms"),
    "taskName": Element("task"),
    "thread": Element("thread-id", NUMBER, types.INT),
    "threadName": Element("thread"),
}
"""What a record has; an attribute that is not here is one of the application's own, and text."""
ELEMENT = re.compile(
    r"%(?:\((?P<name>\w+)\)(?P<width>[-#0 +]*\d*)(?:\.\d+)?[a-zA-Z]|%)"
    r"|\{(?P<braced>\w+)(?:![a-z])?(?::(?P<align>[<>^]?)[^}]*)?\}"
)


def formats(description: dict[str, Any], stamps: Stamps) -> PatternFormat:
    """Answer the format of a description: `format` is the string, `time` the shape of `asctime`.

    Raises:
        ConfigError: there is no attribute in the string.
    """
    name, text = description["name"], description["format"]
    parts: list[str | Element] = []
    end = 0
    for found in ELEMENT.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        attribute = found["name"] or found["braced"]
        if attribute is None:
            parts.append("%")
            continue
        width = found["width"] or {"<": "-1", ">": "1", "^": "1"}.get(found["align"] or "", "")
        parts.append(padded(ATTRIBUTES.get(attribute, Element(attribute)), width.strip("# +")))
    parts.append(text[end:])
    if not any(isinstance(part, Element) for part in parts):
        raise ConfigError(f"format {name}: {text!r} has no attribute, such as %(levelname)s or {{levelname}}")
    parts = [part for part in parts if part != ""]
    for at in range(len(parts) - 2):
        # `%(asctime)s.%(msecs)03d` is one time.
        if parts[at] == ATTRIBUTES["asctime"] and parts[at + 1] in (".", ","):
            if parts[at + 2] == ATTRIBUTES["msecs"]._replace(before=rb" *"):
                del parts[at + 1 : at + 3]
            break
    stamp = reading(stamps, description.get("time", "any"))
    return Layout(parts).format(name, description.get("title", text), stamp)
