"""Whatever is imported and asked, every store selects what the predicate does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from imported import FILE, START_NS, line, piece

from fanlight import Event, Property, Query
from fanlight.errors import QueryError
from fanlight.event.times import Time
from fanlight.stores import BUILT_IN, open_store

texts = st.sampled_from(
    ["blue car", 'say "hi"', "größe", "caf\udce9", "K 42", "back\\slash", "", "503", "it's"]
)
VALUES = [
    *(1, 42, 503, "blue", "k", 0.5, True, b"blue", Time(START_NS), timedelta(seconds=42), ["blue", 42], []),
    *(
        {"a": "blue"},
        {"a": {"b": {"c": "k"}}},
        {"a.b": {"d": 1}, "a": {"b": {"c": "blue"}}},
        [{"a": 503}, ["k"]],
    ),
    *(["blue", Event([Property("status", 503)])], {"a": timedelta(seconds=1)}, {"$map": {"a": "blue"}}),
]
logs = st.lists(
    st.builds(
        lambda text, at, more: (text, at, dict(more)),
        texts,
        st.none() | st.integers(-5, 5),
        st.lists(
            st.tuples(
                st.sampled_from(["status", "user", "map", "map.a"]),
                st.sampled_from(VALUES),
            ),
            max_size=2,
        ),
    ),
    min_size=1,
    max_size=5,
)
terms = st.sampled_from(
    [
        *(
            "blue",
            "größe",
            "42",
            "k",
            '"\\""',
            "back",
            '"say \\"hi\\""',
            "NOT blue",
            "status:503",
            "user=blue",
        ),
        *(
            "/bl.e/",
            "map.a:blue",
            "status>5",
            "message:car OR user:k",
            "exists(status)",
            "it's",
            "--case-sensitive K",
        ),
        *(
            "#1:blue",
            "#2:>5",
            "#0>0",
            "map:blue",
            "map.a.b.c:k",
            "NOT map.a.b.c:blue",
            "exists(map.a)",
            "user:42",
        ),
        *(
            "/^k$/",
            "NOT /blue/",
            "map.a.b:k",
            "map.a:42",
            "status>40s",
            "line:2",
            "raw:car",
            "Größe",
            "a=blue",
        ),
        *(f"from:{START_NS}", f"to:{START_NS} blue", "raw:blue", "blue 503", '"caf"', "line=2"),
    ]
)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_imported_events_are_selected_as_the_predicate_selects_them(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @given(logs=logs, asked=st.lists(terms, min_size=5, max_size=5))
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate),
    )
    def law(logs: list[tuple[str, int | None, dict[str, object]]], asked: list[str]) -> None:
        events = [line(number, text, at, **more) for number, (text, at, more) in enumerate(logs, 1)]
        place = "" if name == "memory" else tmp_path_factory.mktemp("law") / "store"
        store = open_store(f"{name}:{place}")
        store.imports.keep(piece(FILE, 100, *events), START_NS)
        for text in asked:
            try:
                query = Query(text)
            except QueryError:
                continue
            right = sorted(event.number for event in events if query.matches(event))
            assert sorted(event.number for event in store.events(query)) == right, text
        store.close()

    law()
