"""A query string is read strictly, or refused with the nearest name."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.web.parameters import ENDPOINT, ENDPOINTS, Asked, Mistake, read, read_time

NOW = 1_790_000_000 * 1_000_000_000
SECOND = 1_000_000_000


def ask(query, known=ENDPOINTS):
    return read("/", query, known, NOW)


def test_no_parameter_is_the_last_hour():
    assert ask("")[2:4] == (NOW - 3600 * SECOND, NOW)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86400), ("7d", 604_800)])
def test_last_counts_back_from_now(text, seconds):
    asked = ask(f"last={text}")
    assert asked.to_ns - asked.from_ns == seconds * SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31T14:05:00Z", 1_769_868_300),
        ("2026-01-31T15:05:00%2B01:00", 1_769_868_300),
        ("2026-01-31T15:05:00+01:00", 1_769_868_300),
        ("2026-01-31T14:05", 1_769_868_300),
        ("2026-01-31 14:05", 1_769_868_300),
        ("1769868300", 1_769_868_300),
        ("1769868300000", 1_769_868_300),
        ("1769868300000000000", 1_769_868_300),
    ],
)
def test_times_come_in_the_usual_ways(text, seconds):
    assert ask(f"from={text}").from_ns == seconds * SECOND


def test_milliseconds_survive():
    assert read_time("2026-01-31T14:05:00.123Z") == 1_769_868_300_123 * 1_000_000


def test_one_bound_alone_has_the_usual_length():
    asked = ask("to=1769868300")
    assert (asked.from_ns, asked.to_ns) == (1_769_864_700 * SECOND, 1_769_868_300 * SECOND)


def test_an_empty_field_of_a_form_is_no_parameter_but_an_empty_segment_is_one():
    assert ask("service=&contains=").given == {}
    assert ask("service=a&segment=", ENDPOINT).given == {"service": "a", "segment": ""}


def test_octaves_are_sorted_and_single():
    assert ask("octaves=29,27,29", ENDPOINT).octaves == (27, 29)


@given(st.text(max_size=60))
def test_any_query_string_is_read_or_refused(query):
    found = ask(query, ENDPOINT)
    assert isinstance(found, Asked | Mistake)
    if isinstance(found, Asked):
        assert found.from_ns < found.to_ns


@given(st.dictionaries(st.sampled_from(ENDPOINT), st.text(max_size=12)))
def test_any_values_are_read_or_refused(query):
    assert isinstance(ask(urlencode(query, errors="replace"), ENDPOINT), Asked | Mistake)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_names_survive_the_way_through_a_link(service, endpoint):
    asked = ask(urlencode({"service": service, "endpoint": endpoint}), ENDPOINT)
    link = asked.link(last="6h")
    assert dict(parse_qsl(urlsplit(link).query)) == {"service": service, "endpoint": endpoint, "last": "6h"}
    assert link.isascii()
