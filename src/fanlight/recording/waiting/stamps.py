"""How long a request waited, as its annotations say it (background): by the kernel, and by a proxy's stamp.

`t=1700000000.123` (nginx), `t=1700000000123456` (Apache), `1700000000123` (Heroku and others), in
seconds, milliseconds, microseconds or nanoseconds as the size of the number tells, and the time in
AWS's `Root=1-6553f100-…`. Of several the earliest holds: each proxy appends its own. Reading never
raises.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.recording.recorder import Trace

TIME, PROXY, SKEW = "queue.time", "queue.time.proxy", "queue.clock-skew"
"""Annotations of the root: what the kernel says, what a proxy's stamp says, how much it lay ahead."""

S_NS = 1_000_000_000
YEAR_2000_S = 946_684_800
UNITS = (1, 1_000, 1_000_000, S_NS)
"""How many of ns, us, ms, s there are in one unit, from the largest numbers to the smallest."""
LONGEST_NS = 6 * 3_600 * S_NS
"""Nobody waits longer: such a stamp is of another clock, or of another request."""
SKEW_NS = 10 * S_NS
"""A stamp may lie this much ahead of our clock; one beyond that tells nothing."""
CHARACTERS = 256
ROOT = "Root=1-"


def waits(trace: Trace) -> dict[str, int]:
    """Answer what is known of how long a request waited, in ns by annotation."""
    told: dict[str, int] = {}
    if trace.waited_ms >= 0:
        told[TIME] = trace.waited_ms * 1_000_000
    if trace.stamp is not None:
        found = waited(trace.stamp, trace.wall_ns)
        if found is not None:
            told[PROXY], ahead_ns = found
            if ahead_ns:
                told[SKEW] = ahead_ns
    return told


def waited(header: str | bytes, now_ns: int) -> tuple[int, int] | None:
    """Answer how long a request has waited, and how much the proxy's clock is ahead of ours, in ns.

    Args:
        header: its value as it came.
        now_ns: since 1970, when the application saw the request.

    Returns:
        None for what tells nothing; 0 and how much for a stamp that lies a little ahead.
    """
    if header.__class__ is bytes:
        header = header.decode("latin-1")
    if header.__class__ is not str or not header.isascii():
        return None
    found = [moment for part in header[:CHARACTERS].split(",") if (moment := read(part.strip())) is not None]
    near = [moment for moment in found if -SKEW_NS <= now_ns - moment[0] <= LONGEST_NS]
    if not near:
        return None
    moment_ns, width_ns = min(near)
    # Of a stamp in whole seconds only that is certain which came after its second.
    return max(now_ns - moment_ns - width_ns, 0), max(moment_ns - now_ns, 0)


def read(text: str) -> tuple[int, int] | None:
    """Answer one stamp in ns since 1970 and the width of what it may mean, or None."""
    if ROOT in text:
        digits = text.rpartition(ROOT)[2].partition("-")[0].partition(";")[0]
        if len(digits) != 8 or not set(digits) <= set("0123456789abcdefABCDEF"):
            return None
        return (int(digits, 16) * S_NS, S_NS) if int(digits, 16) >= YEAR_2000_S else None
    whole, _, fraction = text.removeprefix("t=").partition(".")
    if not whole.isdigit() or len(whole) > 20 or (fraction and not fraction.isdigit()):
        return None
    number = int(whole)
    for size, unit_ns in zip(UNITS[::-1], UNITS, strict=True):
        if number >= YEAR_2000_S * size:
            # The last digits of a fraction beyond ns are left out.
            return number * unit_ns + int(f"{fraction[:18]:0<18}") * unit_ns // 10**18, 0
    return None
