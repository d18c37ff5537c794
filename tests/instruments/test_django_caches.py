"""Django's caches: every operation once, hits and misses told apart, no key and no value anywhere."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.utils.connection import ConnectionDoesNotExist

from fanlight import normalizers
from fanlight.instruments.django import record_class
from fanlight.recording.recorder import begin, finish


class Own(BaseCache):
    """A project's own cache, with the least that one must have; made before anything was hooked."""

    def __init__(self, name: str, params: Any) -> None:
        super().__init__(params)
        self.kept: dict[str, Any] = {}

    def add(self, key: str, value: Any, **_: Any) -> bool:
        return self.kept.setdefault(key, value) is value

    def get(self, key: str, default: Any = None, version: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any, **_: Any) -> None:
        if value is NotImplemented:
            raise ConnectionDoesNotExist("hunter2")
        self.kept[key] = value

    def delete(self, key: str, **_: Any) -> bool:
        return self.kept.pop(key, None) is not None


@pytest.fixture
def cache(monkeypatch: Any) -> Any:
    """Answer a cache of the project, made as Django makes it."""
    monkeypatch.setitem(caches.settings, "own", {"BACKEND": f"{__name__}.Own", "LOCATION": "", "OPTIONS": {}})
    monkeypatch.setitem(sys.modules, __name__, SimpleNamespace(Own=Own))
    return caches.create_connection("own")


def recorded(work: Any, seen: Any) -> list[tuple[str, str, Any]]:
    """Answer (category, title, annotations) of what `work` did to a cache."""
    opened = begin("app.test", "t", "e")
    try:
        work()
    finally:
        finish(opened)
    leaves = seen.leaves("cache.operation")
    assert "hunter2" not in repr(leaves)
    return [
        (category, title, notes)
        for category, title, _, notes in (normalizers.normalize(*leaf) for leaf in leaves)
    ]


def test_operations_are_told_apart_and_what_they_consist_of_is_part_of_them(cache: Any, seen: Any) -> None:
    def work() -> None:
        assert cache.get("hunter2") is None
        cache.set("hunter2", 1)
        assert cache.get("hunter2", version=1) == 1
        assert cache.get("hunter2x", default=5) == 5
        assert cache.get_many(["hunter2", "hunter2x"]) == {"hunter2": 1}
        assert "hunter2" in cache
        assert cache.incr("hunter2") == 2
        assert cache.set_many({"hunter2": 3}) == []
        cache.delete_many(["hunter2"])
        assert cache.get_or_set("hunter2", 4) == 4
        assert cache.delete("hunter2")

    assert recorded(work, seen) == [
        ("cache.get", "cache read", {"hit": False}),
        ("cache.set", "cache write", None),
        ("cache.get", "cache read", {"hit": True}),
        ("cache.get", "cache read", None),
        ("cache.get_many", "cache read many", {"hits": 1, "misses": 1}),
        ("cache.has_key", "cache look up", None),
        ("cache.incr", "cache increment", None),
        ("cache.set_many", "cache write many", None),
        ("cache.delete_many", "cache delete many", None),
        ("cache.get", "cache read", {"hit": False}),
        ("cache.add", "cache add", None),
        ("cache.get", "cache read", None),
        ("cache.delete", "cache delete", None),
    ]


def test_a_failing_operation_is_recorded_and_raised(cache: Any, seen: Any) -> None:
    def work() -> None:
        with pytest.raises(ConnectionDoesNotExist):
            cache.set("hunter2", NotImplemented)
        with pytest.raises(NotImplementedError):
            cache.touch("hunter2")
        cache.set("hunter2", 1)

    assert [category for category, _, _ in recorded(work, seen)] == ["cache.set", "cache.touch", "cache.set"]


def test_a_cache_may_answer_many_in_a_way_of_its_own(seen: Any) -> None:
    class Streaming(Own):
        """Answers pairs one by one."""

        def get_many(self, keys: Any, version: Any = None) -> Any:
            return ((key, self.kept[key]) for key in keys)

    record_class(Streaming)
    streaming = Streaming("", {})
    streaming.set("a", 1)

    def work() -> None:
        assert list(streaming.get_many(["a"])) == [("a", 1)]

    assert recorded(work, seen) == [("cache.get_many", "cache read many", None)]


def test_a_cache_used_the_asynchronous_way_is_recorded_once(seen: Any) -> None:
    local = LocMemCache("asynchronous", {})

    async def main() -> None:
        await local.aset("hunter2", 1)
        assert await local.aget("hunter2") == 1

    assert [category for category, _, _ in recorded(lambda: asyncio.run(main()), seen)] == [
        "cache.set",
        "cache.get",
    ]


def test_outside_of_a_trace_nothing_is_recorded_and_a_cache_keeps_its_face(cache: Any, seen: Any) -> None:
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert type(cache) is Own
    assert Own.get.__name__ == "get"
    assert set(vars(cache)) >= {"kept"}
    assert "fanlight_busy" not in vars(cache)
    assert not seen
