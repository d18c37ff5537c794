"""What every normalizer promises, run over the room's table."""

from __future__ import annotations

from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanlight import normalizers

plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40))
payloads = st.one_of(
    plain,
    st.lists(plain, max_size=5).map(tuple),
    st.dictionaries(
        st.sampled_from(
            ["title", "description", "sql", "method", "host", "status", "error", "template", "command", "x"]
        ),
        st.one_of(plain, st.lists(plain, max_size=3).map(tuple)),
        max_size=5,
    ),
)
NAMES = [*normalizers.TABLE, "app.x"]
SECRET = "hunter2"
TIERS = ("app", "view", "db", "api", "cache", "job", "log", "noise", "other")


@settings(max_examples=200)
@given(payload=payloads)
def test_any_payload_yields_texts_and_plain_annotations_or_nothing(payload: object) -> None:
    for name in NAMES:
        span = normalizers.normalize(name, payload)
        if span is None:
            continue
        category, title, description, notes = span
        assert category.split(".")[0] in TIERS, name
        assert isinstance(title, str), name
        assert isinstance(description, str), name
        assert notes is None or all(isinstance(key, str) for key in notes), name


@pytest.mark.parametrize("name", NAMES)
def test_the_same_payload_yields_the_same_span(name: str) -> None:
    assert normalizers.normalize(name, "SELECT 1") == normalizers.normalize(name, "SELECT 1")


@pytest.mark.parametrize("name", [name for name in normalizers.TABLE if name != "default"])
@pytest.mark.parametrize(
    "payload",
    [
        {"url": SECRET, "path": SECRET, "query": SECRET, "headers": SECRET, "cookie": SECRET, "body": SECRET},
        {"sql": f"SELECT '{SECRET}'"},
        {"command": f"GET {SECRET}"},
        {"host": f"user:{SECRET}@host/{SECRET}?{SECRET}#{SECRET}", "method": SECRET},
    ],
)
def test_paths_headers_and_literals_never_get_through(name: str, payload: object) -> None:
    assert SECRET not in repr(normalizers.normalize(name, payload))


@pytest.mark.parametrize("where", normalizers.TABLE.values())
def test_every_file_offers_a_documented_normalize(where: str) -> None:
    module, _, attribute = where.partition(":")
    assert attribute == "normalize"
    assert "Answer" in getattr(import_module(module), attribute).__doc__
