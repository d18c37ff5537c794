"""Pieces of files as JSON, and what is kept of each file."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fanlight.errors import StoreError
from fanlight.event.packing import Packed
from fanlight.stores.imports import ElsewhereError, Imported, Piece

if TYPE_CHECKING:
    from fanlight.stores import Store

    Json = dict[str, Any]


def files(store: Store) -> Json:
    """Answer every file that something was kept of."""
    return {"files": [each._asdict() for each in store.imports.files()]}


def take(store: Store, told: Any) -> tuple[int, Json]:
    """Keep a piece; answer the HTTP status and the file as it is then, or why it was refused."""
    try:
        piece = read(told)
    except (TypeError, ValueError, KeyError) as error:
        return 400, {"error": {"code": "import", "message": f"the body is no piece of a file: {error}"}}
    try:
        kept = store.imports.keep(piece, time.time_ns())
    except ElsewhereError as error:
        return 409, {"error": {"code": "elsewhere", "message": str(error)}}
    except StoreError as error:
        why = f"{error}\n  what was kept before stays; import again, and it goes on from there"
        return 507, {"error": {"code": "store", "message": why}}
    return 200, {"file": kept._asdict()}


def read(told: Any) -> Piece:
    """Answer the piece of its JSON.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    file = Imported(**told["file"])
    shapes = told["shapes"]
    events = [
        Packed(time_ns, line, shapes[shape], raw, values)
        for time_ns, line, shape, raw, values in told["events"]
    ]
    checked = [file.position, file.head_bytes, file.id, told["position"], told["lines"]]
    checked += [number for event in events for number in (event.line, event.time_ns or 0)]
    if any(number.__class__ is not int for number in checked) or not isinstance(told["tail"], str):
        raise ValueError("positions, lines and times are whole numbers")
    if not all(
        isinstance(text, str) for event in events for text in (event.shape, event.values, event.raw or "")
    ):
        raise ValueError("events are texts")
    return Piece(file, told["tail"], told["position"], told["lines"], events)


def written(piece: Piece) -> Json:
    """Answer the JSON of a piece."""
    shapes: dict[str, int] = {}
    events = [
        (each.time_ns, each.line, shapes.setdefault(each.shape, len(shapes)), each.raw, each.values)
        for each in piece.events
    ]
    return {
        "file": piece.file._asdict(),
        "tail": piece.tail,
        "position": piece.position,
        "lines": piece.lines,
        "shapes": list(shapes),
        "events": events,
    }
