"""The rows of the merged trace."""

from __future__ import annotations

import pytest

from fanlight.web.pages.endpoint import turn
from fanlight.web.pages.merged import among, nodes


def test_what_was_waited_lies_before_the_merged_trace_and_to_its_scale():
    wait, root, leaf = merged(200, [50], 100, waited=100)
    assert (wait.x, wait.width, wait.own_width, wait.share) == (0, 333.3, 333.3, "")
    assert (root.x, root.width) == (333.3, 666.7)
    assert (leaf.x, leaf.width) == (500, 333.3)


@pytest.mark.parametrize(
    ("start", "each", "many", "begin"),
    [(20, 3, 40, 20), (20, 3, 1, 20), (20, 10, 4, 20)],
    ids=["forty, one after the other", "one", "four"],
)
def test_a_bar_of_repeats_begins_where_the_first_of_them_did(start, each, many, begin):
    root, leaf = merged(200, [start + each * place for place in range(many)], each)
    assert leaf.x == pytest.approx(begin / 200 * 1000, abs=0.1)
    assert leaf.x + leaf.width <= root.x + root.width


def test_a_bar_of_repeats_at_the_same_time_begins_with_its_parent():
    root, leaf = merged(200, [5] * 40, 10)
    assert leaf.x == root.x == 0


def merged(whole, starts, each, waited=0):
    """Rows of one trace with equal spans below its root, in ms, as the server's answer tells them."""
    common = {"title": "", "description": "", "location": "", "repeats_max": 0, "traces": 1}
    total = len(starts) * each
    root = {"path": "1", "parent": None, "depth": 0, "category": "app.wsgi.request", "count": 1, "offset": 0}
    leaf = {"path": "2", "parent": "1", "depth": 1, "category": "db.sql.query", "count": len(starts)}
    leaf["offset"] = sum(starts) / len(starts)
    lasted = ((root, whole, whole - total), (leaf, total, total))
    told = [
        {**common, **node, "total": took, "self": own, "mean": took, "share": took / whole}
        | {"per_request": node["count"]}
        for node, took, own in lasted
    ]
    return nodes(told, told, waited)


def test_own_time_is_dark_in_a_part_of_the_bar():
    root, leaf = merged(200, [50], 100)
    assert (root.own_width, root.own, leaf.own_width) == (500, "100 ns", 500)


def test_quicker_and_slower_are_told_the_right_way_round():
    assert among(0.93) == "slower than 93% of its kind"
    assert among(0.07) == "quicker than 93% of its kind"
    assert among(0.5) == among(None) == ""
    assert turn(2.0).endswith(" quicker")
    assert turn(0.5).endswith(" slower")
    assert turn(1.05) == ""
