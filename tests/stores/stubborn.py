"""Commits one after the other, and a store that fails as long as it is told to."""

from __future__ import annotations

from commits import DAY_NS, Request, commit

from fanlight.errors import StoreError
from fanlight.stores import open_store

START = 20_000 * DAY_NS


def one(number: int) -> dict:
    return commit([Request(START + number, 1_000_000, number)])


class Stubborn:
    """A store that fails as long as it is told to, in front of a real one."""

    def __init__(self) -> None:
        self.store = open_store("memory:")
        self.failing = False
        self.tries = 0

    def apply(self, segment, records) -> None:
        self.tries += 1
        if self.failing:
            raise StoreError("no room on the disk")
        self.store.apply(segment, records)

    def __getattr__(self, name):
        return getattr(self.store, name)
