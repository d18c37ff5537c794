"""Fanlight about itself: is everything accounted for, and what does it cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import wording
from fanlight.web.copying import panels
from fanlight.web.pages.frame import frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked

REASONS = {
    "queue_full": "the application's queue was full",
    "spool_full": "the spool was full",
    "queue_bytes": "the application's queue was full of large traces",
    "ended": "not sent yet when its process ended",
    "cut_off": "still being answered when its process ended",
    "undelivered": "given up when the application stopped Fanlight",
    "refused": "in a batch that the collector, or a report that the server, could not read",
    "damaged": "part of the spool or the store could not be read and was set aside",
    "stale": "not taken by the server for a day",
    "fault": "a fault of Fanlight's own in the application",
}


WHOSE = {
    "application": "In the background of",
    "collector": "Collector",
    "server": "Server, pages included",
}
TOLD_FROM = 30
"""Requests from which a mean says something: before, it is what starting took."""
PANELS = ("account", "lost", "cost", "targets", "processes", "disk", "clients")


def view(answers: Any, asked: Asked, socket: str | None = None) -> dict[str, Any]:
    """Answer the template's context."""
    found = answers.status()
    collector = found["collector"]
    # Who comes over the socket, and who reports without a collector.
    parts = [part for part in (collector, found.get("reports")) if part]
    accounts = [account(name, each) for name, each in sorted(found["services"].items())]
    context = frame(asked, "status")
    told = dict.fromkeys(PANELS, "fanlight status")
    context |= {
        "panels": panels(asked, "/api/status", told, socket),
        "version": found["version"],
        "accounts": accounts,
        "balanced": all(each["balanced"] for each in accounts),
        "processes": [process(each) for each in found["processes"]],
        "spool": spool(found["spool"]),
        "store": store(found["store"]),
        "crowded": crowded(found["store"].get("shares", {})),
        "trouble": found["store"]["trouble"],
        "costs": [cost(each) for each in found.get("cost", ())],
        "targets": [target(each) for each in (collector or {}).get("targets") or ()],
        "clients": [client(each) for part in parts for each in part["clients"]],
        "has_releases": any(each.get("release") for part in parts for each in part["clients"]),
        "losses": [each for part in parts for each in losses(part["lost_before_accept"])],
        "ignored": [each for part in parts for each in unwanted(part.get("ignored", {}))],
        "collector": bool(collector),
        "uptime": wording.duration(collector["uptime_s"] * 1e9) if collector else "",
    }
    return context


def account(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one service's line: accepted = stored + in spool + dropped."""
    dropped = found["dropped"]
    return {
        "service": name,
        "accepted": wording.count(found["accepted"]),
        "stored": wording.count(found["stored"]),
        "in_spool": wording.count(found["in_spool"]),
        "dropped": wording.count(sum(dropped.values())),
        "reasons": [(REASONS.get(why, why), wording.count(many)) for why, many in sorted(dropped.items())],
        "balanced": found["balanced"],
    }


def cost(found: Mapping[str, Any]) -> dict[str, str]:
    """Answer what a part of Fanlight took, in all and for each request; "" of too few to say that."""
    is_told = found["requests"] >= TOLD_FROM
    return {
        "who": WHOSE.get(found["who"], found["who"]),
        "service": found["service"],
        "each": wording.duration(found["cpu"] / found["requests"]) if is_told else "",
        "cpu": wording.duration(found["cpu"]),
        "requests": wording.count(found["requests"]),
    }


def target(found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer how publishing to a target goes."""
    return {
        "name": found["target"],
        "state": found["state"],
        "error": found["error"] or "",
        "is_bad": bool(found["error"]),
        **{name: wording.count(found[name]) for name in ("delivered", "waiting", "errors", "dropped")},
    }


def process(found: Mapping[str, Any]) -> dict[str, str]:
    """Answer a process of ours."""
    return {
        "role": found["role"],
        "pid": str(found["pid"] or ""),
        "memory": wording.size(found["rss_bytes"]) if found["rss_bytes"] else "unknown",
    }


def spool(found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer how full the spool is."""
    held = found["bytes"]
    most = found["max_bytes"]
    part = held / most if most else 0
    return {
        "bytes": wording.size(held),
        "max": wording.size(most) if most else None,
        "share": wording.share(part),
        "width": round(min(part, 1) * 1000, 1),
        "segments": wording.plural(found["segments"], "segment"),
        "full": part >= 0.9,
        # The collector tells it; what lies there without one is not in trouble.
        "trouble": found.get("trouble"),
    }


def store(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Answer what the store holds and how far behind it is."""
    late = found["lag_s"]
    return [
        ("Where", found["url"]),
        ("Size", wording.size(found["bytes"])),
        ("Days", wording.count(len(found["days"]))),
        ("Behind the spool", wording.duration(late * 1e9) if late >= 1 else "up to date"),
    ]


def crowded(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Answer the services some of whose traces the store had no room for."""
    return [
        {
            "service": service,
            "left_out": wording.count(share["left_out"]),
            "size": wording.size(share["bytes"]),
            "why": wording.CROWDED,
        }
        for service, share in sorted(found.items())
        if share["left_out"]
    ]


def client(found: Mapping[str, Any]) -> dict[str, str]:
    """Answer a connected application process."""
    dropped = sum(found["dropped"].values())
    return {
        "service": found["service"],
        "host": found["host"] + clock(found.get("clock_off_s", 0)),
        "pid": str(found["pid"]),
        "release": found.get("release") or "",
        "instruments": instruments(found["instruments"]),
        "dropped": wording.count(dropped),
    }


def clock(off_s: int) -> str:
    """Answer what to say about a clock that is off; what it says is corrected when it comes."""
    return f" (clock {abs(off_s)} s {'behind' if off_s > 0 else 'ahead'})" if off_s else ""


def instruments(found: list[str]) -> str:
    """Answer what is hooked and what could not be; what is merely not imported is no news."""
    told = []
    for each in found:
        name, _, state = each.partition("=")
        word, _, rest = state.partition(" ")
        if word in ("", "active"):
            told.append(f"{name} {rest}".strip())
        elif state != "inactive: not imported":
            told.append(f"{name} ({state})")
    return ", ".join(told) or "none"


def unwanted(found: Mapping[str, int]) -> list[dict[str, str]]:
    """Answer what is counted and not reported, because `ignore` says so."""
    return [{"service": service, "count": wording.count(many)} for service, many in sorted(found.items())]


def losses(found: Mapping[str, Mapping[str, int]]) -> list[dict[str, str]]:
    """Answer what applications dropped before anything was accepted."""
    return [
        {"service": service, "why": REASONS.get(why, why), "count": wording.count(many)}
        for service, reasons in sorted(found.items())
        for why, many in sorted(reasons.items())
    ]
