"""A quick look at a file's first lines: whether they are sure to be of an access log.

FAST PATH: who only looks for words need not know more than that the raw line is all there is. What this
says of lines, `parsers.detect` says too; where it says nothing, that is asked.
"""

from __future__ import annotations

MONTHS = {
    **dict.fromkeys((b"Jan", b"Mar", b"May", b"Jul", b"Aug", b"Oct", b"Dec"), b"31"),
    **dict.fromkeys((b"Apr", b"Jun", b"Sep", b"Nov"), b"30"),
    b"Feb": b"28",
}


def access_log(lines: list[bytes]) -> str:
    """Answer the format that all lines are of, one of the common ones of access logs; "" when it is not sure.

    Args:
        lines: the first of a file, without line ends.
    """
    kind = ""
    for line in lines:
        if line.strip():
            found = kind_of(line)
            if not found or (kind and found != kind):
                return ""
            kind = found
    return kind


def kind_of(line: bytes) -> str:
    """Answer the format of a line: `common`, `combined`, `combined-time`; "" when it is not sure."""
    parts = line.split(b'"')
    is_plain = b"\\" not in line and line.isascii() and line.decode().isprintable()
    if not is_plain or len(parts) not in (3, 7) or not is_begin(parts[0]) or not is_middle(parts):
        return ""
    if len(parts) == 3:
        return "common"
    if not parts[6]:
        return "combined"
    seconds, _, fraction = parts[6][1:].partition(b".")
    is_duration = parts[6][:1] == b" " and seconds.isdigit() and fraction.isdigit()
    return "combined-time" if is_duration else ""


def is_middle(parts: list[bytes]) -> bool:
    """Tell whether the parts of a line between quotes are status and size, and a blank."""
    words = parts[2].split(b" ")
    # Behind the last value there is the end of the line, or a blank before the next one.
    if len(words) != (3 if len(parts) == 3 else 4) or words[0] or words[3:] not in ([], [b""]):
        return False
    status, size = words[1:3]
    is_number = size.isdigit() or size == b"-"
    return len(status) == 3 and status.isdigit() and is_number and parts[4:5] in ([], [b" "])


def is_begin(text: bytes) -> bool:
    """Tell whether a text is what stands before the request: three words, and a time in brackets."""
    words = text.split(b" ")
    return len(words) == 6 and all(words[:5]) and not words[5] and is_time(words)


def is_time(words: list[bytes]) -> bool:
    """Tell whether the fourth and the fifth word are a time that there is."""
    stamp, offset = words[3], words[4]
    day, month, year = stamp[1:3], stamp[4:7], stamp[8:12]
    hour, minute, second = stamp[13:15], stamp[16:18], stamp[19:]
    if len(stamp) != 21 or len(offset) != 6 or offset[:1] not in (b"+", b"-") or offset[5:] != b"]":
        return False
    if stamp[:1] + stamp[3:4] + stamp[7:8] + stamp[12:13] + stamp[15:16] + stamp[18:19] != b"[//:::":
        return False
    if not (day + year + hour + minute + second + offset[1:5]).isdigit():
        return False
    is_day = b"01" <= day <= MONTHS.get(month, b"") and year[:2] == b"20"
    is_clock = hour < b"24" and minute < b"60" and second < b"60"
    return is_day and is_clock and offset[1:3] <= b"14" and offset[3:5] < b"60"
