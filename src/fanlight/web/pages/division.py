"""Where the time of a request, or of many, went: one bar in parts, and the parts in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTS = {
    "queue": ("queue", "Waiting"),
    "application": ("app", "Application"),
    "sql": ("db", "SQL"),
    "http": ("api", "HTTP"),
    "cache": ("cache", "Cache"),
    "template": ("view", "Templates"),
    "gc": ("noise", "Garbage collection"),
    "other": ("other", "Other"),
}
"""Part of the time to the colour that it is drawn in, and to what it is called."""
NAMED = 3
"""Parts that a cell has room for."""


def division(split: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Answer the parts that took any time, in their order, with their places on a grid of 1000."""
    out = []
    x = 0.0
    taken = [each for each in split if each["time"]]
    for each, share in zip(taken, wording.shares([each["share"] for each in taken]), strict=True):
        colour, label = PARTS[each["part"]]
        width = each["share"] * 1000
        out.append(
            {
                "tier": colour,
                "label": label,
                "share": share,
                "time": wording.duration(each["time"]),
                "x": round(x, 1),
                "width": round(max(width - 2, 0.5), 1),
            }
        )
        x += width
    return out


def words(shares: Mapping[str, float]) -> str:
    """Answer the largest parts in words, such as `SQL 62%, waiting 30%`."""
    largest = sorted(shares.items(), key=lambda item: -item[1])[:NAMED]
    told = [f"{PARTS[name][1]} {wording.share(share)}" for name, share in largest if share >= 0.005]
    return ", ".join(told)


def waited(queue: Mapping[str, int]) -> str:
    """Answer what is known of how long a request waited, "" when nothing is."""
    told = []
    if "time" in queue:
        told.append(f"{how_long(queue['time'])} by the kernel")
    if "proxy" in queue:
        told.append(f"{how_long(queue['proxy'])} since the proxy")
    return ", ".join(told)


def how_long(waited_ns: int) -> str:
    """Answer a wait in words; that there was none is known too."""
    return wording.duration(waited_ns) if waited_ns else "no wait"
