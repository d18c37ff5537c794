"""Fanlight about itself: is everything accounted for, and what does it cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import wording
from fanlight.web.pages.frame import frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanlight.web.parameters import Asked

REASONS = {
    "queue_full": "the application's queue was full",
    "spool_full": "the spool was full",
    "queue_bytes": "the application's queue was full of large traces",
    "undelivered": "given up when the application stopped Fanlight",
    "refused": "in a batch that the collector could not read",
    "damaged": "part of the spool or the store could not be read and was set aside",
    "fault": "a fault of Fanlight's own in the application",
}


def view(answers: Any, asked: Asked) -> dict[str, Any]:
    """Answer the template's context."""
    found = answers.status()
    collector = found.get("collector") or {}
    accounts = [account(name, each) for name, each in sorted((found.get("services") or {}).items())]
    context = frame(asked, "status")
    context |= {
        "version": found.get("version", ""),
        "accounts": accounts,
        "balanced": all(each["balanced"] for each in accounts),
        "processes": [process(each) for each in found.get("processes") or []],
        "spool": spool(found.get("spool") or {}),
        "store": store(found.get("store") or {}),
        "trouble": (found.get("store") or {}).get("trouble"),
        "clients": [client(each) for each in collector.get("clients") or []],
        "losses": losses(collector.get("lost_before_accept") or {}),
        "collector": bool(collector),
        "uptime": wording.duration(collector.get("uptime_s", 0) * 1e9) if collector else "",
    }
    return context


def account(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one service's line: accepted = stored + in spool + dropped."""
    dropped = found.get("dropped") or {}
    return {
        "service": name,
        "accepted": wording.count(found.get("accepted", 0)),
        "stored": wording.count(found.get("stored", 0)),
        "in_spool": wording.count(found.get("in_spool", 0)),
        "dropped": wording.count(sum(dropped.values())),
        "reasons": [(REASONS.get(why, why), wording.count(many)) for why, many in sorted(dropped.items())],
        "balanced": bool(found.get("balanced")),
    }


def process(found: Mapping[str, Any]) -> dict[str, str]:
    """Answer a process of ours."""
    return {
        "role": found.get("role", ""),
        "pid": str(found.get("pid") or ""),
        "memory": wording.size(found["rss_bytes"]) if found.get("rss_bytes") else "unknown",
    }


def spool(found: Mapping[str, Any]) -> dict[str, Any]:
    """Answer how full the spool is."""
    held = found.get("bytes", 0)
    most = found.get("max_bytes") or 0
    part = held / most if most else 0
    return {
        "bytes": wording.size(held),
        "max": wording.size(most) if most else None,
        "share": wording.share(part),
        "width": round(min(part, 1) * 1000, 1),
        "segments": wording.plural(found.get("segments", 0), "segment"),
        "full": part >= 0.9,
        "trouble": found.get("trouble"),
    }


def store(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Answer what the store holds and how far behind it is."""
    out = []
    if "url" in found:
        out.append(("Where", str(found["url"])))
    if found.get("bytes") is not None:
        out.append(("Size", wording.size(found["bytes"])))
    if found.get("days") is not None:
        days = found["days"]
        out.append(("Days", wording.count(len(days))))
    if found.get("lag_s") is not None:
        late = found["lag_s"]
        out.append(("Behind the spool", wording.duration(late * 1e9) if late >= 1 else "up to date"))
    return out


def client(found: Mapping[str, Any]) -> dict[str, str]:
    """Answer a connected application process."""
    dropped = sum((found.get("dropped") or {}).values())
    return {
        "service": found.get("service", ""),
        "host": found.get("host", ""),
        "pid": str(found.get("pid", "")),
        "instruments": instruments(found.get("instruments") or []),
        "dropped": wording.count(dropped),
    }


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


def losses(found: Mapping[str, Mapping[str, int]]) -> list[dict[str, str]]:
    """Answer what applications dropped before anything was accepted."""
    return [
        {"service": service, "why": REASONS.get(why, why), "count": wording.count(many)}
        for service, reasons in sorted(found.items())
        for why, many in sorted(reasons.items())
    ]
