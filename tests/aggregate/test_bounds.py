"""Names, nodes and descriptions stay finite whatever arrives."""

from __future__ import annotations

from itertools import count

from fanlight.aggregate import bounds
from fanlight.aggregate.bounds import Forest, Names

MS = 1_000_000


def kinds(message):
    strings = message["strings"]
    columns = [message[f"kind_{name}"] for name in ("category", "title", "description")]
    return [tuple(strings[index] for index in row) for row in zip(*columns, strict=True)]


def flat(told, spans, number=1, title="SELECT"):
    """Answer a trace with so many different statements below its root."""
    root = told.Span(("app.wsgi.request", "GET", ""), -1, 0, 300 * MS, {})
    below = [told.Span(("db.sql.query", f"{title} {n}", ""), 0, n, 1, {}) for n in spans]
    return told.Trace(number, "/x", "html", told.now_ns, 300 * MS, [root, *below])


def test_the_thousand_and_first_endpoint_folds_into_other(told):
    desk = told.Desk()
    each = [flat(told, ())._replace(endpoint=f"/{n}", id=n) for n in range(1100)]
    first, second = desk.record(each[:600]), desk.record(each[600:])
    names = [first["strings"][index] for index in first["group_endpoint"]]
    names += [second["strings"][index] for index in second["group_endpoint"]]
    assert len(names) == 1001
    assert names[-1] == bounds.OTHER
    assert second["count_n"][-1] == 100


def test_services_and_segments_are_bounded_too():
    names = Names()
    assert [names.service(f"s{n}") for n in range(201)][-1] == bounds.OTHER
    assert [names.segment("s1", f"x{n}") for n in range(51)][-1] == bounds.OTHER
    assert names.segment("s2", "html") == "html"
    assert names.service("s7") == "s7"


def test_a_very_long_name_is_cut():
    names = Names()
    longest = "/" * bounds.NAME_CHARACTERS
    assert names.endpoint("s", longest) == longest
    cut = names.endpoint("s", longest + "a")
    assert (len(cut), cut[-1]) == (bounds.NAME_CHARACTERS, "…")
    assert names.endpoint("s", longest + "b") == cut


def test_a_new_day_makes_room_for_new_names():
    names = Names()
    names.turn(1)
    assert [names.endpoint("s", f"/{n}") for n in range(1001)][-1] == bounds.OTHER
    names.turn(bounds.DAY_NS + 1)
    assert names.endpoint("s", "/new") == "/new"


def test_a_tree_keeps_two_thousand_nodes_over_its_records_and_folds_the_rest(told):
    desk = told.Desk()
    one = desk.record([flat(told, range(1500))])
    two = desk.record([flat(told, range(1500, 3000))])
    assert len({*one["node_path"], *two["node_path"]}) == bounds.NODES + 1
    other = kinds(two).index(("other", bounds.OTHER, ""))
    row = list(two["node_kind"]).index(other)
    assert two["node_n"][row] == 3001 - bounds.NODES
    assert two["node_parent"][row] == one["node_path"][0]
    assert sum(one["node_n"]) + sum(two["node_n"]) == 3002


def test_what_stands_below_a_folded_span_folds_with_it(told):
    desk = told.Desk()
    desk.record([flat(told, range(bounds.NODES - 1))])
    root = told.Span(("app.wsgi.request", "GET", ""), -1, 0, 300 * MS, {})
    chain = [told.Span(("app.method", f"deep {n}", ""), n, n, 300 * MS - 2 * n, {}) for n in range(5)]
    trace = told.Trace(2, "/x", "html", told.now_ns, 300 * MS, [root, *chain])
    message = desk.record([trace])
    assert list(message["node_n"]) == [1, 5]
    assert list(message["node_traces"]) == [1, 1]
    # The chain's own times: every span's length less its child's inside it.
    assert sum(message["node_self"]) == 300 * MS


def test_the_hundred_and_first_description_folds_into_one_node(told):
    desk = told.Desk()
    root = told.Span(("app.wsgi.request", "GET", ""), -1, 0, 300 * MS, {})

    def trace(texts):
        below = [told.Span(("db.sql.query", "SELECT", f"select {n}"), 0, n, 20 * MS, {}) for n in texts]
        return told.Trace(1, "/x", "html", told.now_ns, 300 * MS, [root, *below])

    desk.record([trace(range(60))])
    message = desk.record([trace(range(60, 200)), trace([0, 60, 199])])
    told_texts = [kinds(message)[index] for index in message["node_kind"]]
    folded = told_texts.index(("db.sql.query", "SELECT", bounds.TOO_MANY))
    assert message["node_n"][folded] == 101
    assert len(message["node_path"]) == 1 + 1 + 40 + 1
    # Spans of different texts are no repetition, however many share the node.
    assert sum(message["node_repeated"]) == 0


def test_all_trees_together_remember_a_bounded_number_of_nodes(monkeypatch):
    monkeypatch.setattr(bounds, "NODES_PER_SERVICE", 10)
    monkeypatch.setattr(bounds, "NODES_IN_ALL", 15)
    forest, path = Forest(), count(1)
    trees = [forest.tree((service, "/", "html"), 1, 2) for service in ("a", "a", "b")]
    admitted = [sum(tree.admits_path(next(path)) for _ in range(8)) for tree in trees]
    assert admitted == [8, 2, 5]


def test_a_tree_that_did_not_grow_for_an_hour_is_forgotten():
    forest = Forest()
    forest.turn(10 * bounds.HOUR_NS)
    assert forest.tree(("a", "/", "html"), 10, 2).admits_path(1)
    forest.turn(11 * bounds.HOUR_NS)
    assert forest.nodes == {"a": 1}
    forest.turn(12 * bounds.HOUR_NS)
    assert not forest.trees
    assert forest.nodes_in_all == 0
