"""What the demo calls right and wrong."""

from fanlight.demo.load import ORDER
from fanlight.demo.verdict import count, verdict

FINDING = {
    "kind": "repeated-sql",
    "title": "SELECT FROM product",
    "location": "fanlight/demo/shop.py:48",
    "repeats_max": 40,
    "total": 84_000_000,
}


def row(endpoint, number, service="shop", findings=()):
    return {"service": service, "endpoint": endpoint, "count": number, "findings": list(findings)}


def test_counts_are_added_over_segments_and_only_of_the_shop():
    rows = [row("GET /", 2), row("GET /", 3), row("POST /charge", 9, "payments")]
    assert count(rows) == {"GET /": 5}


def test_equal_counts_and_the_finding_are_right():
    rows = [row(ORDER.endpoint, 5, findings=[FINDING]), row("GET /", 2)]
    assert verdict({ORDER.endpoint: 5, "GET /": 2}, rows) == []


def test_a_request_too_few_or_too_many_is_told():
    assert verdict({"GET /": 2}, [row("GET /", 1)]) == ["GET /: 2 sent, 1 in the list"]
    assert verdict({}, [row("<unmatched>", 1)]) == ["<unmatched>: 0 sent, 1 in the list"]


def test_a_missing_finding_is_told():
    rows = [row(ORDER.endpoint, 5)]
    assert verdict({ORDER.endpoint: 5}, rows) == [f"{ORDER.endpoint}: the repeated query was not found"]


def test_a_finding_elsewhere_than_in_the_shops_code_is_not_the_one():
    elsewhere = {**FINDING, "location": "sqlalchemy/orm/loading.py:12"}
    assert verdict({ORDER.endpoint: 5}, [row(ORDER.endpoint, 5, findings=[elsewhere])]) != []


def test_one_request_shows_the_finding_already():
    found = f"{ORDER.endpoint}: the repeated query was not found"
    assert verdict({ORDER.endpoint: 1}, [row(ORDER.endpoint, 1)]) == [found]
    assert verdict({}, []) == []
