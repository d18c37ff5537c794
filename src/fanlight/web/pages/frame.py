"""What all pages share: the time range's links, the service's names, tiers and findings in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fanlight.web import wording
from fanlight.web.pages.graphs import compared
from fanlight.web.parameters import LAST, PRESETS, TIMES, UNITS, address, read_length

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked

TIERS = {
    "app": "Application",
    "view": "Templates",
    "db": "Database",
    "api": "Other services",
    "cache": "Cache",
    "job": "Jobs",
    "noise": "Garbage collection",
    "other": "Other",
}
MEANINGS = {"noise.gc": "Garbage collection", "agent.pruned": "Parts that were not kept"}
"""What parts without a title are called."""
REFRESH_S = 10
"""How often a page that was asked to be live looks again, in seconds."""


class Link(NamedTuple):
    """A link and whether it is where we are."""

    label: str
    href: str
    here: bool


class Finding(NamedTuple):
    """A finding in words: how often, the sentence, and where in the code."""

    times: str
    sentence: str
    title: str
    description: str
    location: str
    severe: bool


def presets(asked: Asked) -> list[Link]:
    """Answer the links of the time range bar."""
    last = asked.get("last") or ("" if "from" in asked.given or "to" in asked.given else LAST)
    return [Link(each, asked.link(last=each, from_=None, to=None), each == last) for each in PRESETS]


def neighbours(asked: Asked) -> tuple[str, str]:
    """Answer the addresses of the time before and the time after, as long as this one."""
    length = asked.to_ns - asked.from_ns
    earlier, later = (
        asked.link(
            last=None,
            live=None,
            from_=wording.rfc3339(max(asked.from_ns + shift, 0)),
            to=wording.rfc3339(asked.to_ns + shift),
        )
        for shift in (-length, length)
    )
    return earlier, later


def when(asked: Asked) -> str:
    """Answer the time range as words: `in the last 15 minutes`."""
    last = asked.get("last")
    if not last and ("from" in asked.given or "to" in asked.given):
        return "in this time"
    last = last or LAST
    number, unit = int(last[:-1]), last[-1]
    name = {"s": "second", "m": "minute", "h": "hour", "d": "day"}[unit]
    return f"in the last {name}" if number == 1 else f"in the last {number} {name}s"


def live_link(asked: Asked) -> str:
    """Answer the address that turns live on, as much time up to now as is shown, or off."""
    if asked.get("live") == "on":
        return asked.link(live=None)
    if not ("from" in asked.given or "to" in asked.given):
        return asked.link(live="on")
    length_s = max(round((asked.to_ns - asked.from_ns) / UNITS["s"]), 1)
    fits = [last for last in PRESETS if read_length(last) == length_s * UNITS["s"]]
    return asked.link(live="on", from_=None, to=None, last=fits[0] if fits else f"{length_s}s")


def frame(asked: Asked, page: str) -> dict[str, Any]:
    """Answer what the common parts of the templates need.

    Args:
        asked: the request.
        page: the navigation entry that is lit.
    """
    earlier, later = neighbours(asked)
    return {
        "page": page,
        "asked": asked,
        "presets": presets(asked),
        "absolute": "from" in asked.given or "to" in asked.given,
        "earlier": earlier,
        "later": later if asked.to_ns < asked.now_ns - UNITS["s"] else None,
        "from_time": wording.rfc3339(asked.from_ns),
        "to_time": wording.rfc3339(asked.to_ns),
        "when": when(asked),
        "home": address("/", asked.carried()),
        "all_home": address("/", asked.times()),
        "explore_home": address("/explore", asked.carried()),
        "servers_home": address("/servers", asked.carried()),
        "compare_home": compared(asked),
        "status_home": address("/status", asked.carried()),
        "times": asked.times(),
        "kept": {name: value for name, value in asked.given.items() if name not in (*TIMES, "live")},
        "box": "",
        "live": asked.get("live") == "on",
        "live_link": live_link(asked),
        "refresh_s": REFRESH_S if asked.get("live") == "on" else None,
    }


def tier(category: str) -> str:
    """Answer the first part of a category when it is one of the tiers, else `other`."""
    first = category.partition(".")[0]
    return first if first in TIERS else "other"


def span_name(category: str, title: str) -> str:
    """Answer what a span is called: its title, or what its category means."""
    return title or MEANINGS.get(category, category)


def segment_words(segment: str) -> str:
    """Answer a segment as a person reads it; no content type has no name."""
    return segment or "no body"


def finding(found: Mapping[str, Any]) -> Finding:
    """Answer a repeated statement in words with its evidence."""
    times, most = found["repeats_mean"], found["repeats_max"]
    up_to = f" (up to {wording.count(most)})" if most > times else ""
    share = wording.share(found["share"])
    where = {"100%": "every request", ">99.9%": "nearly every request"}.get(share, f"{share} of the requests")
    sentence = (
        f"runs {wording.count(times)} times{up_to} in {where} "
        f"and takes {wording.duration(found['total'])} of each of them."
    )
    return Finding(
        times=wording.count(times),
        sentence=sentence,
        title=found["title"] or "The same statement",
        description=found["description"],
        location=found["location"],
        severe=found["severe"],
    )
