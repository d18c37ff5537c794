"""Messages to bytes and back: the columnar subset of protobuf that `fanlight.proto` describes.

Only the standard library, because the application's side of the wire may bring nothing along. A
column is a packed fixed-width field: a tag, a length and the memory of an `array`, so encoding
and decoding a column costs one copy whatever its length.
"""

from __future__ import annotations

import sys
from array import array

from fanlight.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Schema = dict[str, tuple[int, int]]
    """Field name to (field number, field type)."""
    Message = dict[str, Any]
    """Field name to int, str, list[str], array or bytes, by the field's type."""

UINT = 0
TEXT = 1
TEXTS = 2
U32 = 3
U64 = 4
F64 = 5
BLOB = 6

TYPECODE = {U32: "I", U64: "Q", F64: "d"}
SWAP = sys.byteorder == "big"


KEPT = 1 << 10
"""Numbers below this are kept once encoded: all tags are, and lengths come again."""


class Varints(dict[int, bytes]):
    """Non-negative integers in base-128, low group first."""

    __slots__ = ()

    def __missing__(self, number: int) -> bytes:
        out, rest = bytearray(), number
        while rest > 0x7F:
            out.append(rest & 0x7F | 0x80)
            rest >>= 7
        out.append(rest)
        data = bytes(out)
        if number < KEPT:
            self[number] = data
        return data


VARINTS = Varints()


def varint(number: int) -> bytes:
    """Answer a non-negative integer in base-128, low group first."""
    return VARINTS[number]


def encode(schema: Schema, message: Message) -> bytes:
    """Answer a message's bytes; absent and empty fields take no room.

    Args:
        schema: the message's table in `messages`.
        message: values by field name. A field that the schema lacks is a KeyError.
    """
    parts: list[bytes] = []
    for name, value in message.items():
        number, kind = schema[name]
        if not value:
            continue
        if kind == UINT:
            parts += (VARINTS[number << 3], VARINTS[value])
            continue
        tag = VARINTS[number << 3 | 2]
        if kind == TEXTS:
            for text in value:
                data = text.encode("utf-8", "replace")
                parts += (tag, VARINTS[len(data)], data)
            continue
        # Most are columns.
        if kind in TYPECODE:
            data = swapped(value).tobytes() if SWAP else value.tobytes()
        elif kind == TEXT:
            data = value.encode("utf-8", "replace")
        else:
            data = value
        parts += (tag, VARINTS[len(data)], data)
    return b"".join(parts)


def decode(schema: Schema, data: bytes | memoryview) -> Message:
    """Answer a message's fields, absent ones with their empty value.

    Unknown fields are skipped, so that an older reader understands a newer writer.

    Raises:
        WireError: the bytes end early, a length lies, or a field has the wrong wire type.
    """
    message, by_number = blank(schema)
    view = memoryview(data)
    position, end = 0, len(view)
    while position < end:
        # A fast path: half of all tags are one byte, and most lengths.
        tag = view[position]
        position += 1
        if tag > 0x7F:
            tag, position = read_varint(view, position - 1)
        wire_type = tag & 7
        name, kind = by_number.get(tag >> 3, ("", UINT))
        if wire_type == 0:
            number, position = read_varint(view, position)
            if name:
                if kind != UINT:
                    raise WireError(f"field {name!r} came as a number; fanlight.proto says otherwise")
                message[name] = number
            continue
        if wire_type == 2 and position < end and view[position] < 0x80:
            length = view[position]
            position += 1
        else:
            length, position = read_length(view, position, wire_type)
        if position + length > end:
            raise WireError(f"field {tag >> 3} claims {length} bytes where {end - position} are left")
        if name:
            if wire_type != 2 or kind == UINT:
                raise WireError(f"field {name!r} has wire type {wire_type}; fanlight.proto says otherwise")
            put(message, name, kind, view[position : position + length])
        position += length
    return message


def blank(schema: Schema) -> tuple[Message, dict[int, tuple[str, int]]]:
    """Answer a message of empty values, and name and type of each field by its number."""
    message: Message = {}
    by_number = {}
    for name, (number, kind) in schema.items():
        message[name] = EMPTY[kind]()
        by_number[number] = name, kind
    return message, by_number


def put(message: Message, name: str, kind: int, value: memoryview) -> None:
    """Place one length-delimited field into the message."""
    if kind == TEXT:
        message[name] = str(value, "utf-8", "replace")
    elif kind == TEXTS:
        message[name].append(str(value, "utf-8", "replace"))
    elif kind == BLOB:
        message[name] = bytes(value)
    else:
        column = array(TYPECODE[kind]) if SWAP else message[name]
        if len(value) % column.itemsize:
            raise WireError(f"column {name!r} has {len(value)} bytes, not a multiple of {column.itemsize}")
        column.frombytes(value)
        if SWAP:
            column.byteswap()
            message[name] += column


EMPTY: dict[int, Callable[[], Any]] = {
    UINT: int,
    TEXT: str,
    TEXTS: list,
    BLOB: bytes,
    U32: lambda: array("I"),
    U64: lambda: array("Q"),
    F64: lambda: array("d"),
}


def swapped(column: array[Any]) -> array[Any]:
    """Answer a copy of a column in the other byte order."""
    copy = column[:]
    copy.byteswap()
    return copy


def read_varint(view: memoryview, position: int) -> tuple[int, int]:
    """Answer the integer at `position` and the position behind it; ten bytes at the most."""
    number = shift = 0
    end = len(view)
    while shift < 70:
        if position >= end:
            raise WireError("the message ends inside a number")
        byte = view[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
        shift += 7
    raise WireError("a number is longer than ten bytes")


def read_length(view: memoryview, position: int, wire_type: int) -> tuple[int, int]:
    """Answer how many bytes the field at `position` takes, and where they begin."""
    if wire_type == 2:
        return read_varint(view, position)
    if wire_type == 1:
        return 8, position
    if wire_type == 5:
        return 4, position
    raise WireError(f"wire type {wire_type} is none that fanlight.proto uses")
