"""The dictionary says each thing once."""

from __future__ import annotations

from collections import Counter

import pytest

from fanlight.event import types
from fanlight.event.names import ALIASES, NAMES, OTEL, canonical, spelled
from fanlight.event.trace import SPAN, TRACE
from fanlight.event.units import UNITS


def test_no_spelling_means_two_names() -> None:
    spellings = Counter(spelling for name, known in NAMES.items() for spelling in (name, *known.aliases))
    assert [spelling for spelling, n in spellings.items() if n > 1] == []
    assert len(OTEL) == sum(known.otel is not None for known in NAMES.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_a_type_a_unit_and_a_meaning(name: str) -> None:
    known = NAMES[name]
    assert known.type in types.TYPES
    assert known.unit is None or known.unit in UNITS
    assert known.type != types.DURATION or known.unit == "ns"
    assert known.meaning
    assert [spelled(each) for each in known.aliases] == [*known.aliases]
    # Metrics keep the `_` by which everybody knows them; it must be found all the same.
    assert canonical(name) == name


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("status-code", "status"),
        ("Status_Code", "status"),
        ("request-duration", "duration"),
        ("remote-host", "client"),
        ("@timestamp", "time"),
        ("levelname", "level"),
        ("loggerName", "logger"),
        ("status", "status"),
        ("my own", "my own"),
        ("My_Own", "My_Own"),
    ],
)
def test_every_spelling_leads_to_the_name(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


def test_what_traces_and_spans_have_stands_in_the_dictionary() -> None:
    assert [name for name in (*TRACE.names, *SPAN.names) if name not in NAMES] == []
    for schema in (TRACE, SPAN):
        assert {name: NAMES[name].type for name in schema.names} == dict(
            zip(schema.names, schema.types, strict=True)
        )
    assert len(ALIASES) >= 150
