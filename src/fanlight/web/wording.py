"""What people read: durations, counts, shares, sizes, times, lines of a log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MS = 1_000_000
SECOND = 1_000_000_000
TIMES = "\N{MULTIPLICATION SIGN}"

# Line breaks and tabs are layout; other control characters, and what turns the direction of writing,
# are shown as their numbers, so that a name cannot pretend to be another.
MARKS = {code: f"\\x{code:02x}" for code in (*range(32), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}
TURNS = (0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0xFEFF)
MARKS |= {code: f"\u27e8U+{code:04X}\u27e9" for code in (*TURNS, *range(0xD800, 0xE000))}


CROWDED = "more than its share of the store"


def duration(ns: float) -> str:
    """Answer a duration with three significant digits at most: `640 µs`, `182 ms`, `2.41 s`."""
    if ns < 1_000:
        return f"{ns:.0f} ns" if ns > 0 else "0"
    if ns < MS:
        return f"{short(ns / 1_000)} µs"
    if ns < SECOND:
        return f"{short(ns / MS)} ms"
    if ns < 60 * SECOND:
        return f"{ns / SECOND:.2f} s" if ns < 10 * SECOND else f"{ns / SECOND:.1f} s"
    seconds = round(ns / SECOND)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def level(ns: float) -> str:
    """Answer a round duration beside an axis, without digits that say nothing: `1.5 s`, `20 s`."""
    number_of, _, unit = duration(ns).partition(" ")
    return f"{number_of.rstrip('0').rstrip('.') if '.' in number_of else number_of} {unit}".strip()


def annotation(key: str, value: object) -> str:
    """Answer the value of an annotation; those of queue and CPU are durations."""
    if key.startswith(("queue.", "cpu.")) and value.__class__ is int:
        return duration(value)
    return str(value)


def short(value: float) -> str:
    """Answer a number below 1,000 without digits that mean nothing: `4.2`, `42`, `0.5`."""
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"


def count(number: float) -> str:
    """Answer a whole number with separators: exact, because every request is counted."""
    return f"{number:,.0f}"


def rate(per_minute: float) -> str:
    """Answer requests per minute."""
    if per_minute >= 100:
        return f"{per_minute:,.0f}"
    if per_minute >= 1:
        return short(per_minute)
    return f"{per_minute:.2f}" if per_minute else "0"


def share(part: float) -> str:
    """Answer a share (0..1) in percent; what is there never reads as 0."""
    percent = part * 100
    if percent <= 0:
        return "0%"
    if percent < 0.1:
        return "<0.1%"
    if percent > 99.9 and percent < 100:
        return ">99.9%"
    return f"{short(percent)}%" if percent < 10 else f"{percent:.0f}%"


def shares(parts: Sequence[float]) -> list[str]:
    """Answer shares (0..1, together 1) in whole percent that add up to 100 as they are read.

    What is there and gets none of them reads `<1%`, beside the 100.
    """
    percents = [part * 100 for part in parts]
    told = [int(percent) for percent in percents]
    by_rest = sorted(range(len(told)), key=lambda place: told[place] - percents[place])
    for place in by_rest[: max(round(sum(percents)) - sum(told), 0)]:
        told[place] += 1
    return [f"{whole}%" if whole or not part else "<1%" for whole, part in zip(told, parts, strict=True)]


def rank(part: float) -> str:
    """Answer the share (0..1) of a kind that took less; nothing is slower than itself, so never all."""
    percent = part * 100
    return "<1%" if percent < 1 else ">99%" if percent > 99 else f"{percent:.0f}%"


def number(value: float) -> str:
    """Answer a score: `0.4`, `12`, `1,204`."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 0.05:
        return short(value)
    return "<0.1" if value > 0 else "0"


def size(byte_count: float) -> str:
    """Answer a size in binary units."""
    amount = float(byte_count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{short(amount)} {unit}" if amount < 1000 else f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{short(amount)} GiB"


def plural(number_of: float, one: str, many: str = "") -> str:
    """Answer `1 request`, `1,204 requests`."""
    return f"{count(number_of)} {one if number_of == 1 else many or one + 's'}"


def rfc3339(time_ns: int) -> str:
    """Answer a time in UTC with milliseconds, as the JSON answers write it."""
    seconds, rest = divmod(time_ns, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // MS:03d}Z"


def clock(text: str) -> str:
    """Answer the time of day of an RFC 3339 UTC time, `14:05:31`; the text itself when it is none."""
    return text[11:19] if len(text) > 19 and text[10] == "T" else text


def day_and_clock(text: str) -> str:
    """Answer `2026-01-31 14:05:31 UTC` of an RFC 3339 UTC time."""
    return f"{text[:10]} {text[11:19]} UTC" if len(text) > 19 and text[10] == "T" else text


def visible(value: object) -> object:
    """Answer what a template prints with control and direction characters made visible.

    The fast path is one call in C: nearly everything is printable.
    """
    if type(value) is not str or value.isprintable():
        return value
    return value.translate(MARKS)


def logged(span: Mapping[str, Any]) -> str:
    """Answer what a line of the application's log says, `WARNING: message`; "" for any other span."""
    tier, _, level = str(span["category"]).partition(".")
    message = (span["annotations"] or {}).get("message")
    return f"{level.upper()}: {message}" if tier == "log" and isinstance(message, str) else ""
