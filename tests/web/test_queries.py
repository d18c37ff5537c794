"""Queries that pages lead to: what they say is what they select, whatever the names hold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_shop import HOSTILE

from fanlight import Event, Property, Query
from fanlight.query.nodes import Field
from fanlight.web import queries


@given(st.text(min_size=1), st.text())
def test_any_name_and_value_is_asked_for_exactly(name, value):
    (node,) = [Query(queries.term(name, value)).node]
    assert isinstance(node, Field)
    assert (node.path.text, node.op, node.value) == (name, "=", value)


@pytest.mark.parametrize("endpoint", ["POST /checkout", "", "a|b", "last:1h", "--case-sensitive", *HOSTILE])
def test_a_group_selects_its_own_requests_alone(endpoint):
    query = Query(queries.group("shop", endpoint, "html"))
    own = Event([Property("service", "shop"), Property("endpoint", endpoint), Property("segment", "html")])
    other = Event([Property("service", "shop"), Property("endpoint", "GET /x"), Property("segment", "html")])
    assert query.matches(own)
    assert not query.matches(other)


@given(st.sets(st.integers(1, 60), min_size=1), st.integers(1, 2**60))
def test_octaves_select_the_durations_within_them(octaves, duration_ns):
    query = Query(queries.took(octaves))
    assert query.matches(Event([Property("duration", duration_ns, "duration")])) == (
        (duration_ns - 1).bit_length() in octaves
    )


@given(st.integers(0, 10**13))
def test_a_length_is_exact_and_short(ns):
    query = Query(f"duration={queries.length(ns)}")
    assert query.matches(Event([Property("duration", ns, "duration")]))
    assert queries.length(2 * 10**9) == "2s"
    assert queries.near(182_123_456, 0.9) == "160ms"


def test_curl_asks_the_socket_and_quotes_what_it_has_to():
    asked = SimpleNamespace(given={"q": "a & $(b) '", "last": "1h", "limit": "5"})
    assert queries.curl(asked, None) is None
    assert queries.curl(asked, "/run/my fanlight.sock") == (
        "curl --get --unix-socket '/run/my fanlight.sock' http://localhost/v1/query "
        "--data-urlencode 'q=a & $(b) '\"'\"'' -d last=1h"
    )
