"""The files that pages load: a fixed list, read once, addressed by their hash; no path is joined."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
NAMES = (
    *("brush.js", "explore.js", "fanlight.css", "fanlight.js", "fanlight.svg"),
    *("live.js", "pages.css", "query.js", "theme.js"),
)


class Asset(NamedTuple):
    """A file as it is served."""

    name: str
    href: str
    media_type: str
    body: bytes


@cache
def assets() -> dict[str, Asset]:
    """Answer the files by their address; whatever is not in here does not exist."""
    out = {}
    for name in NAMES:
        body = (files("fanlight.web") / "static" / name).read_bytes()
        stem, _, kind = name.rpartition(".")
        href = f"/static/{stem}-{hashlib.sha256(body).hexdigest()[:16]}.{kind}"
        out[href] = Asset(name, href, TYPES[kind], body)
    return out


def hrefs() -> dict[str, str]:
    """Answer the addresses: `css`, `js`, `svg` of every page, and of a page's own script by its name."""
    found = {}
    for asset in assets().values():
        stem, _, kind = asset.name.rpartition(".")
        found[kind if stem == "fanlight" else stem] = asset.href
    return found
