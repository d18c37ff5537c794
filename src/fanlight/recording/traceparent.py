"""A trace's id beyond this process: read at the door, sent with requests to other services.

As W3C Trace Context has it: `00-<trace id>-<parent id>-<flags>`, in lower-case hexadecimal digits.
Only the trace id is kept. What came in is read when somebody first asks for the id, which for most
requests is the background; where nothing came in, the id is drawn then.
"""

from __future__ import annotations

from os import urandom

from fanlight.recording.lanes import lane_here
from fanlight.recording.recorder import is_open

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fanlight.recording.recorder import Trace

NAME = "traceparent"
FIELD = b"traceparent"
"""The same, as ASGI spells it."""

DIGITS = frozenset("0123456789abcdef")
SIZE = 55
LONGEST = 512
"""A later version's may be longer than `SIZE`, but not without end."""
DRAWN = "\0traceparent"
"""Key of the id among what a trace has seen: no statement is called so."""


def read(text: str | bytes) -> int:
    """Answer the trace id in a `traceparent`, 0 for anything that is none; never raises."""
    if text.__class__ is bytes:
        text = text.decode("latin-1")
    if text.__class__ is not str or not SIZE <= len(text) <= LONGEST:
        return 0
    version, trace_id, parent_id, flags = text[:2], text[3:35], text[36:52], text[53:SIZE]
    if text[2] + text[35] + text[52] != "---" or not DIGITS.issuperset(
        version + trace_id + parent_id + flags
    ):
        return 0
    # Version 0 has nothing behind the flags, a later one only behind a dash; ff is forbidden.
    if version == "ff" or (len(text) > SIZE and (version == "00" or text[SIZE] != "-")):
        return 0
    return int(trace_id, 16) if int(parent_id, 16) else 0


def known(trace: Trace) -> int:
    """Answer the id of a trace as far as it has one already, else 0."""
    given = trace.ident
    if not isinstance(given, int):
        given = trace.ident = read(given)
    return given


def identity(trace: Trace) -> int:
    """Answer the id of a trace that is open; the first to ask draws it."""
    ident = known(trace)
    lanes = trace.lanes
    if not ident and lanes is not None:
        drawn = int.from_bytes(urandom(16), "big") or 1
        # Two threads may ask at once: the dict that all lanes share lets one of them be first.
        ident = trace.ident = lanes[0].seen.setdefault(DRAWN, drawn)
    return ident


def outgoing() -> str:
    """Answer the `traceparent` of a request that is made here and now, "" outside of a trace.

    A trace whose spans are not recorded has an id too, and says so in the flags.
    """
    lane = lane_here()
    trace = None if lane is None else lane.trace
    # A fast path: nothing is traced here.
    if trace is None or not is_open(trace):
        return ""
    return f"00-{identity(trace):032x}-{urandom(8).hex()}-{'01' if trace.sampled else '00'}"
