"""One trace: its waterfall, what its time went into, its exception, its log, and how busy the server was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.web import charts, queries, wording
from fanlight.web.copying import panels
from fanlight.web.folding import is_fault
from fanlight.web.pages.busy import strip
from fanlight.web.pages.division import division, waited
from fanlight.web.pages.frame import frame, segment_words
from fanlight.web.pages.waterfall import Axis, notes, waterfall
from fanlight.web.parameters import TIMES, address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fanlight.web.parameters import Asked

AROUND_NS = 30 * 60 * 1_000_000_000
"""How much time the link back to the endpoint shows on either side of the trace, in ns."""


def view(answers: Any, asked: Asked, trace_id: str, socket: str | None = None) -> dict[str, Any] | None:
    """Answer the template's context, or None when no such trace is kept."""
    found = answers.trace(trace_id)
    if not found:
        return None
    parts = [found, *found.get("also", ())]
    part = int(asked.get("part", "0"))
    if part >= len(parts):
        return None
    found = parts[part]
    spans = found["spans"]
    fold = asked.get("fold") != "off"
    axis = Axis(waited_ns(found), max(found["duration"], 1))
    rows = list(waterfall(found, axis, fold))
    context = frame(asked, "endpoints")
    root_notes = notes(spans[0]["annotations"]) if spans else []
    context |= {
        "id": found["id"],
        "box": queries.group(found["service"], found["endpoint"]),
        "endpoint": found["endpoint"],
        "service": found["service"],
        "segment": segment_words(found["segment"]),
        "time": found["time"],
        "duration": wording.duration(found["duration"]),
        "error": bool(found["error"]),
        "failures": failures(root_notes),
        "facts": facts(found, len(spans)),
        "parts": division(found["split"]),
        "rows": rows,
        "folded": any(row.times for row in rows),
        "kin": kin_words(found.get("kin")) if any(row.rank for row in rows) else "",
        "fold_link": asked.link(fold="off" if fold else None),
        "fold": fold,
        "whole": found["whole"],
        "lost": wording.plural(found["lost"], "span") if found["lost"] else None,
        "marks": charts.axis(axis.lead, axis.length),
        "busy": strip(found, axis, asked),
        "cpu": cpu_words(found.get("cpu"), [each["cause"] for each in found.get("gaps", ())]),
        "lines": [line(each) for each in found.get("log", ())],
        "more_lines": found["spans"][0]["annotations"].get("log.more") if spans else None,
        "endpoint_link": endpoint_link(found, asked),
        "also": [also(each, asked, place) for place, each in enumerate(parts) if place != part],
        "panels": panels(
            asked,
            f"/api/trace/{found['id']}",
            dict.fromkeys(("error", "facts", "spans", "busy", "log"), f"fanlight trace {found['id']}"),
            socket,
        ),
    }
    return context


def waited_ns(found: Mapping[str, Any]) -> int:
    """Answer how long a request waited before it began, 0 when nobody knows."""
    return int(found["queue"].get("time", found["queue"].get("proxy", 0)))


def failures(root_notes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Answer what failed: the exception's class with its message, and further annotations that tell of it."""
    known = {key: value for key, value in root_notes if is_fault(key)}
    kind, message = known.pop("error.type", ""), known.pop("error.message", "")
    first = [(kind or "Error", message)] if kind or message else []
    return first + list(known.items())


def cpu_words(cpu: Mapping[str, Any] | None, causes: Sequence[str]) -> str:
    """Answer what the CPU time of a request says of its own time."""
    if cpu is None and "loop" in causes:
        return "Its CPU time was not measured, but its server's event loop was late meanwhile."
    if cpu is None:
        return "Its CPU time was not measured, so nothing explains the gaps." if causes else ""
    # CPU time is read at a request's begin and end, and not in between.
    whole = " That is known of the whole request, not of each gap." if causes else ""
    ran = f"Its thread was on a CPU for {wording.duration(cpu['time'])}"
    if cpu["own"] and cpu["idle"] > max(cpu["own"] * 0.1, 500_000):
        return (
            f"{ran}. Of the {wording.duration(cpu['own'])} in the application's own code it was on none for "
            f"{wording.duration(cpu['idle'])} or more: it waited for a CPU, for the interpreter's lock or "
            f"another one, or it slept.{whole}"
        )
    return f"{ran}.{whole}"


def kin_words(kin: Mapping[str, Any] | None) -> str:
    """Answer what the parts of a trace are compared with."""
    if not kin:
        return ""
    whole = f"The request is compared with {wording.plural(kin['requests'], 'request')} of its endpoint"
    parts = f", its parts with those of {wording.count(kin['kept'])} kept ones" if kin["kept"] else ""
    return f"{whole} in the hour around it{parts}."


def line(each: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a line of the log."""
    sign = "−" if each["offset"] < 0 else "+"  # noqa: RUF001 - a real minus
    return {
        **each,
        "when": f"{sign}{wording.duration(abs(each['offset']))}",
        "is_bad": each["level"].lower() in ("error", "critical", "fatal"),
        "from_file": each["span"] is None,
    }


def also(found: Mapping[str, Any], asked: Asked, place: int) -> dict[str, str]:
    """Answer what the page says of another trace under the same id."""
    return {
        "endpoint": found["endpoint"],
        "service": found["service"],
        "time": found["time"],
        "duration": wording.duration(found["duration"]),
        "link": asked.link(part=str(place) if place else None),
    }


def facts(found: Mapping[str, Any], spans: int) -> list[tuple[str, str]]:
    """Answer what is known of the trace beside its spans."""
    out = [("Spans", wording.count(spans)), ("Host", found["host"] or "unknown")]
    out.append(("Process", str(found["pid"] or "unknown")))
    if told := waited(found["queue"]):
        out.append(("Waited before", told))
    if found["spans"] and (found["spans"][0]["annotations"] or {}).get("answered_by") == "middleware":
        out.append(("Answered by", "a middleware before the route was asked for; the view never ran"))
    if found["weight"] > 1:
        out.append(("Stands for", wording.plural(round(found["weight"]), "request")))
    return out


def endpoint_link(found: Mapping[str, Any], asked: Asked) -> str:
    """Answer the address of the trace's endpoint: in the time one came from, else around the trace."""
    query = {name: found[name] for name in ("service", "endpoint", "segment")}
    if any(name in asked.given for name in TIMES):
        return address("/endpoint", query | asked.times())
    from fanlight.web.parameters import read_time

    middle = read_time(found["time"]) or asked.now_ns
    query["from"] = wording.rfc3339(max(middle - AROUND_NS, 0))
    query["to"] = wording.rfc3339(middle + AROUND_NS)
    return address("/endpoint", query)
