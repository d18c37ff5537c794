"""What readings of whole servers tell, as columns of numbers: how a page of many of them is drawn."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from fanlight.event import types
from fanlight.event.packing import schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fanlight.stores.readings import Told

    Json = dict[str, Any]
    Values = dict[str, int | float]

LABELS = ("service", "host", "server", "worker_class", "master", "worker", "environment")
NUMBERS = (types.INT, types.FLOAT, types.DURATION)
FLOATS = msgspec.json.Decoder(list[float])


class Shape:
    """What readings of one shape have: first their labels, then their values, whose texts hold no comma.

    Args:
        text: as a commit tells it.
    """

    def __init__(self, text: str) -> None:
        schema, _ = schema_of(text)
        self.text = text
        self.labels = sum(name in LABELS for name in schema.names)
        self.names = schema.names[self.labels :]
        self.kinds = schema.types[self.labels :]
        self.label_names = schema.names[: self.labels]
        # What is told in another order, or with something else in it, is none that we can read.
        self.is_known = (
            set(self.label_names) <= set(LABELS)
            and "service" in self.label_names
            and set(self.kinds) <= set(NUMBERS)
            and bool(self.names)
        )
        self.is_of_worker = "worker" in self.label_names

    def prefix(self, values: str) -> str:
        """Answer the part of a reading that tells its labels, with the comma behind it."""
        return values.rsplit(",", len(self.names))[0] + ","

    def told(self, prefix: str) -> Json:
        """Answer the labels that a prefix tells."""
        return dict(zip(self.label_names, json.loads(prefix[:-1] + "]")[2:], strict=True))

    def values(self, text: str, prefix: str) -> Values:
        """Answer the values of one reading; what is not known of it is not in it."""
        found = json.loads("[" + text[len(prefix) :])
        return {name: each for name, each in zip(self.names, found, strict=True) if each is not None}

    def read(self, values: str) -> NDArray[np.float64] | None:
        """Answer the values of a reading, one row of them; None when it is none of this shape."""
        try:
            prefix = self.prefix(values)
            self.told(prefix)
            row: NDArray[np.float64] = self.numbers([values[len(prefix) :]])[0]
        except (ValueError, TypeError, msgspec.MsgspecError):
            return None
        return row

    def named(self, row: Iterable[float]) -> Values:
        """Answer the values of one row of numbers; what is not known is NaN, and not in it."""
        return {
            name: each if kind == types.FLOAT else int(each)
            for name, kind, each in zip(self.names, self.kinds, row, strict=True)
            if each == each  # noqa: PLR0124 all but NaN
        }

    def numbers(self, texts: list[str]) -> NDArray[np.float64]:
        """Answer the values of readings, as what stands behind their prefix: a row for each."""
        text = ",".join([each[:-1] for each in texts])
        known = FLOATS.decode(f"[{text}]") if "null" not in text else some(msgspec.json.decode(f"[{text}]"))
        return np.array(known).reshape(len(texts), len(self.names))


shape_of = lru_cache(256)(Shape)
"""Answers the shape of a text; few are in use at a time."""


class Measures(NamedTuple):
    """Readings of one shape with the same labels, oldest first.

    Attributes:
        shape: of them all.
        prefix: with which each begins.
        times: ns since 1970.
        numbers: a row for each, with the values that the shape names; what is not known is NaN.
    """

    shape: Shape
    prefix: str
    times: NDArray[np.int64]
    numbers: NDArray[np.float64]


def measured(readings: Iterable[Told]) -> list[Measures]:
    """Answer readings, oldest first, as columns of numbers; those of no known shape are left out.

    A fast path: each of many is only put where it belongs, and taken apart with others.
    """
    latest: dict[str, tuple[str, list[int], list[str]]] = {}
    parts: dict[tuple[str, str], tuple[str, list[int], list[str]]] = {}
    for time_ns, _, text, values in readings:
        part = latest.get(text)
        if part is None or not values.startswith(part[0]):
            prefix = shape_of(text).prefix(values)
            part = latest[text] = parts.setdefault((text, prefix), (prefix, [], []))
        part[1].append(time_ns)
        part[2].append(values[len(part[0]) :])
    return [
        Measures(shape, prefix, np.array(times, dtype=np.int64), shape.numbers(texts))
        for (text, prefix), (_, times, texts) in parts.items()
        if (shape := shape_of(text)).is_known
    ]


def joined(parts: Iterable[Measures]) -> list[Measures]:
    """Answer parts with those of one shape and the same labels as one, oldest first."""
    of_one: dict[tuple[str, str], list[Measures]] = {}
    for part in parts:
        of_one.setdefault((part.shape.text, part.prefix), []).append(part)
    found = []
    for same in of_one.values():
        one = same[0]
        if len(same) > 1:
            times = np.concatenate([each.times for each in same])
            order = np.argsort(times, kind="stable")
            numbers = np.concatenate([each.numbers for each in same])[order]
            one = one._replace(times=times[order], numbers=numbers)
        found.append(one)
    return found


def some(told: list[float | None]) -> list[float]:
    """Answer numbers with NaN for those that are not known."""
    return [float("nan") if each is None else each for each in told]
