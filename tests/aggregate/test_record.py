"""A record says exactly what a naive reading of its traces says."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fanlight.aggregate.bounds import ENVIRONMENTS, OTHER, RELEASES
from fanlight.wire import buckets, messages

MS = 1_000_000
KINDS = [
    ("db.sql.query", "SELECT FROM product", "select * from product where id = ?"),
    ("db.sql.query", "SELECT FROM product", "select * from product where name = ?"),
    ("view.render", "cart.html", ""),
    ("app.method", "total", ""),
]
ROOTS = [("app.wsgi.request", "GET", ""), ("app.wsgi.request", "HEAD", "")]
MINUTE = 60 * 10**9
VALUES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False), st.text())


@st.composite
def traces(draw, told):
    spans = [told.Span(draw(st.sampled_from(ROOTS)), -1, 0, draw(st.integers(0, 400)) * MS, {})]
    stack, sibling = [0], {}
    for index in range(1, draw(st.integers(1, 16))):
        # Leaning towards flat traces of few kinds, so that repeats come up.
        del stack[draw(st.integers(1, 2)) :]
        parent = stack[-1]
        start = sibling.get(parent, spans[parent].start) + draw(st.integers(0, 30)) * MS
        sibling[parent] = start
        notes = draw(st.dictionaries(st.sampled_from(["location", "rows", "sql"]), VALUES, max_size=2))
        kind = draw(st.sampled_from(KINDS[: draw(st.integers(1, len(KINDS)))]))
        spans.append(told.Span(kind, parent, start, draw(st.integers(0, 40)) * MS, notes))
        stack.append(index)
    return told.Trace(
        draw(st.integers(0, 2**128 - 1)),
        draw(st.sampled_from(["/a", "/b"])),
        draw(st.sampled_from(["html", "error"])),
        told.now_ns - draw(st.integers(0, 90)) * MINUTE,
        spans[0].duration,
        spans,
        draw(st.sampled_from([0, messages.ERROR, messages.UNSAMPLED, messages.PRUNED])),
        draw(st.integers(0, 3)),
    )


def rows(message, prefix):
    """Answer the rows of the columns that begin with `prefix_`."""
    names = [name for name in message if name.startswith(prefix + "_")]
    return [
        dict(zip([name[len(prefix) + 1 :] for name in names], row, strict=True))
        for row in zip(*[message[name] for name in names], strict=True)
    ]


def groups_of(message):
    strings = message["strings"]
    return [
        tuple(strings[row[name]] for name in ("service", "endpoint", "segment"))
        for row in rows(message, "group")
    ]


def kinds_of(message):
    strings = message["strings"]
    return [
        tuple(strings[row[name]] for name in ("category", "title", "description"))
        for row in rows(message, "kind")
    ]


def union(intervals):
    """Answer the length of what intervals cover together."""
    covered, reached = 0, None
    for low, high in sorted(intervals):
        covered += max(0, high - (low if reached is None else max(low, reached)))
        reached = high if reached is None else max(reached, high)
    return covered


def path_of(trace, index):
    span = trace.spans[index]
    return (*path_of(trace, span.parent), span.kind) if index else (span.kind,)


def self_time(trace, index):
    span = trace.spans[index]
    end = span.start + span.duration
    children = [child for child in trace.spans[1:] if child.parent == index]
    inside = [(max(c.start, span.start), min(c.start + c.duration, end)) for c in children]
    return span.duration - union([pair for pair in inside if pair[0] < pair[1]])


def naive_nodes(every):
    """Answer {(group, hour, octave, path): sums} over the sampled traces."""
    nodes = defaultdict(Counter)
    for trace in every:
        if trace.flags & messages.UNSAMPLED:
            continue
        slot = (
            ("shop", trace.endpoint, trace.segment),
            trace.start // (60 * MINUTE),
            buckets.octave(trace.duration),
        )
        repeats = defaultdict(list)
        for index, span in enumerate(trace.spans):
            path = path_of(trace, index)
            node = nodes[(*slot, path)]
            node["n"] += 1
            node["total"] += span.duration
            node["self"] += self_time(trace, index)
            node["offset"] += span.start
            repeats[path, span.parent].append(span.duration)
        for path in {path_of(trace, index) for index in range(len(trace.spans))}:
            node = nodes[(*slot, path)]
            node["traces"] += 1
            runs = [times for (where, _), times in repeats.items() if where == path]
            runs = [times for times in runs if len(times) >= 5 and sum(times) >= 50 * MS]
            if runs:
                node["repeated"] += 1
                node["repeat_sum"] += sum(map(len, runs))
                node["repeat_max"] = max(node["repeat_max"], *map(len, runs), 0)
                node["repeat_total"] += sum(map(sum, runs))
    return {key: +sums for key, sums in nodes.items()}


def told_nodes(commits):
    """Answer the same from the records' columns, added up over them."""
    nodes = defaultdict(Counter)
    for message in commits:
        groups, kinds = groups_of(message), kinds_of(message)
        above = {0: ()}
        # A parent's row stands before its children's, tree by tree.
        for row in rows(message, "node"):
            path = (*above[row["parent"]], kinds[row["kind"]])
            assert above.setdefault(row["path"], path) == path
            node = nodes[groups[row["group"]], row["hour"], row["octave"], path]
            for name in ("n", "traces", "total", "self", "offset", "repeated", "repeat_sum", "repeat_total"):
                node[name] += row[name]
            node["repeat_max"] = max(node["repeat_max"], row["repeat_max"])
    return {key: +sums for key, sums in nodes.items()}


def naive_counts(every):
    counts = defaultdict(list)
    for trace in every:
        counts[("shop", trace.endpoint, trace.segment), trace.start // MINUTE].append(trace)
    return {
        key: (
            len(found),
            sum(trace.flags & messages.ERROR for trace in found),
            sum(trace.duration for trace in found),
            min(trace.duration for trace in found),
            max(trace.duration for trace in found),
            Counter(buckets.bucket(trace.duration) for trace in found),
        )
        for key, found in counts.items()
    }


def told_counts(commits):
    counts = {}
    for message in commits:
        groups = groups_of(message)
        latency = rows(message, "latency")
        for index, row in enumerate(rows(message, "count")):
            key = groups[row["group"]], row["minute"]
            spread = Counter({each["bucket"]: each["n"] for each in latency if each["count"] == index})
            n, errors, total, low, high, before = counts.get(key, (0, 0, 0, 2**64, 0, Counter()))
            counts[key] = (
                n + row["n"],
                errors + row["errors"],
                total + row["sum"],
                min(low, row["min"]),
                max(high, row["max"]),
                before + spread,
            )
    return counts


def value_of(row, strings):
    if row["type"] == messages.NOTE_TEXT:
        return strings[row["value"]]
    if row["type"] == messages.NOTE_FLOAT:
        return struct.unpack("<d", struct.pack("<Q", row["value"]))[0]
    if row["type"] == messages.NOTE_BOOL:
        return bool(row["value"])
    return row["value"] - (row["value"] >> 63 << 64)


def told_traces(told, message):
    """Answer the kept traces, whole ones with their spans."""
    groups, kinds, strings = groups_of(message), kinds_of(message), message["strings"]
    notes = defaultdict(dict)
    for row in rows(message, "note"):
        notes[row["span"]][strings[row["key"]]] = value_of(row, strings)
    spans = [
        told.Span(
            kinds[row["kind"]],
            -1 if row["parent"] == messages.NO_PARENT else row["parent"],
            row["start"],
            row["duration"],
            notes[index],
        )
        for index, row in enumerate(rows(message, "span"))
    ]
    first, kept = 0, []
    for row in rows(message, "trace"):
        _, endpoint, segment = groups[row["group"]]
        last = first + row["spans"]
        kept.append(
            told.Trace(
                row["high"] << 64 | row["low"],
                endpoint,
                segment,
                row["start"],
                row["duration"],
                spans[first:last],
                row["flags"],
                row["lost"],
            )
        )
        first = last
    assert first == len(spans)
    return kept


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_record_equals_a_naive_reading_of_its_traces(told, data):
    desk = told.Desk()
    sends = data.draw(st.lists(st.lists(traces(told), max_size=6), min_size=1, max_size=4))
    cut = data.draw(st.integers(0, len(sends)))
    commits = [desk.record(*sends[:cut]), desk.record(*sends[cut:])]
    every = [trace for group in sends for trace in group]
    assert told_counts(commits) == naive_counts(every)
    assert told_nodes(commits) == naive_nodes(every)
    expected = [
        trace._replace(spans=[])
        if trace.flags & messages.UNSAMPLED
        else trace._replace(flags=trace.flags | 8)
        for trace in every
    ]
    assert [trace for message in commits for trace in told_traces(told, message)] == expected
    assert all(set(message["trace_weight"]) <= {1.0} for message in commits)
    accepted = sum(sum(message["ledger_accepted"]) for message in commits)
    assert accepted == len(every)


def shop(told, repeats=6, each=10 * MS, kind=KINDS[0], number=1, endpoint="/cart"):
    """Answer a trace that repeats one statement under one parent, with the line it came from."""
    spans = [told.Span(ROOTS[0], -1, 0, 500 * MS, {}), told.Span(KINDS[3], 0, 0, 450 * MS, {})]
    for turn in range(repeats):
        notes = {"location": "shop/cart.py:88"} if turn == 4 else {}
        spans.append(told.Span(kind, 1, turn * each, each, notes))
    return told.Trace(number, endpoint, "html", told.now_ns, 500 * MS, spans)


def node_named(message, title):
    kinds = kinds_of(message)
    return next(row for row in rows(message, "node") if kinds[row["kind"]][1] == title)


def test_a_repeated_statement_is_counted_with_the_line_that_repeats_it(told):
    message = told.Desk().record([shop(told), shop(told, repeats=40, number=2)])
    node = node_named(message, "SELECT FROM product")
    assert (node["repeated"], node["repeat_sum"], node["repeat_max"]) == (2, 46, 40)
    assert node["repeat_total"] == 460 * MS
    assert message["strings"][node["location"]] == "shop/cart.py:88"


def test_the_repeating_line_wins_over_one_that_was_merely_slow(told):
    slow = told.Span(KINDS[0], 1, 0, 20 * MS, {"location": "shop/slow.py:1"})
    lone = shop(told, repeats=0)
    message = told.Desk().record([lone._replace(spans=[*lone.spans, slow]), shop(told, number=2)])
    node = node_named(message, "SELECT FROM product")
    assert message["strings"][node["location"]] == "shop/cart.py:88"


def test_four_repeats_or_less_than_50_ms_are_no_repetition(told):
    message = told.Desk().record([shop(told, repeats=4, each=100 * MS), shop(told, repeats=40, each=MS)])
    assert node_named(message, "SELECT FROM product")["repeated"] == 0


def test_an_unsampled_trace_counts_but_is_in_no_tree(told):
    trace = shop(told)._replace(flags=messages.UNSAMPLED)
    message = told.Desk().record([trace._replace(spans=trace.spans[:1]), trace._replace(spans=[], id=2)])
    assert not message["node_n"]
    assert not message["span_kind"]
    assert message["count_n"].tolist() == [2]
    assert message["trace_flags"].tolist() == [messages.UNSAMPLED] * 2


def test_a_start_of_another_age_becomes_the_time_of_arrival(told):
    old, ahead = shop(told), shop(told, number=2)
    message = told.Desk().record([old._replace(start=1), ahead._replace(start=2**64 - 1)])
    assert message["trace_start"].tolist() == [told.now_ns - 500 * MS] * 2
    assert len(message["count_minute"]) == 1


def test_without_detail_only_counts_and_latency_are_kept_and_the_ledger_omits_them(told):
    message = told.Desk().record([shop(told)], detail=False)
    assert message["count_n"].tolist() == [1]
    assert sum(message["latency_n"]) == 1
    assert not message["trace_high"]
    assert not message["node_n"]
    assert message["ledger_service"] == ["shop"]
    assert message["ledger_accepted"].tolist() == [0]


def test_paths_are_the_same_in_every_record(told):
    one, two = told.Desk().record([shop(told)]), told.Desk(seed=1).record([shop(told, number=9)])
    assert one["node_path"] == two["node_path"]
    assert len(set(one["node_path"])) == 3


def test_traces_are_counted_for_the_release_that_made_them_and_where_it_ran(told):
    now = told.now_ns // MINUTE
    ran = [shop(told, number=n)._replace(start=(now - ago) * MINUTE) for n, ago in ((1, 0), (2, 0), (3, 4))]
    desk = told.Desk()
    for where in ("", "production"):
        message = desk.record(ran, ran[:1], release="2026.1", environment=where)
        texts = message["strings"]
        runs = [
            (texts[row["service"]], texts[row["text"]], row["minute"], row["n"], texts[row["environment"]])
            for row in rows(message, "release")
        ]
        assert sorted(runs) == [("shop", "2026.1", now - 4, 1, where), ("shop", "2026.1", now, 3, where)]
    assert rows(desk.record(ran), "release") == []


def test_releases_without_number_are_one(told):
    desk = told.Desk()
    for number in range(RELEASES):
        desk.record([shop(told)], release=str(number))
    message = desk.record([shop(told)], [shop(told)], release="one more")
    assert [message["strings"][text] for text in message["release_text"]] == [OTHER]


def test_the_same_endpoint_in_two_environments_is_two_groups(told):
    message = told.Desk().record([shop(told)], environment="production")
    assert [message["strings"][text] for text in message["environment_text"]] == ["production"]
    assert list(message["environment_group"]) == [0]
    assert list(told.Desk().record([shop(told)])["environment_group"]) == []


def test_environments_without_number_are_one(told):
    desk = told.Desk()
    for number in range(ENVIRONMENTS):
        desk.record([shop(told)], environment=str(number))
    message = desk.record([shop(told)], environment="one more")
    assert [message["strings"][text] for text in message["environment_text"]] == [OTHER]


def waiting(told, **notes):
    return shop(told)._replace(
        spans=[told.Span(KINDS[0], -1, 0, 30 * MS, {"queue.time.proxy": 9 * MS, **notes})], duration=30 * MS
    )


def queue_node(message):
    kinds = kinds_of(message)
    [row] = [row for row in rows(message, "node") if kinds[row["kind"]][0] == messages.QUEUE]
    return row


def test_waiting_is_a_node_below_the_root_and_none_of_its_time(told):
    kernel = waiting(told, **{"queue.time": 4 * MS})
    message = told.Desk().record([kernel, kernel, waiting(told), shop(told)])
    node = queue_node(message)
    # The kernel's holds where both are known; where neither is, the request is not counted here.
    assert (node["n"], node["traces"], node["total"], node["self"]) == (3, 3, 17 * MS, 17 * MS)
    roots = [row for row in rows(message, "node") if not row["parent"]]
    assert node["parent"] in {row["path"] for row in roots}


def test_what_a_visitor_felt_of_waiting_is_added_up_beside_it(told):
    """Of 30 ms and a wait of 90 ms, 20 ms pass a tenth of a second; of 30 ms and 4 ms none do."""
    felt = waiting(told, **{"queue.time": 90 * MS})
    long = waiting(told, **{"queue.time": 90 * MS})
    long = long._replace(spans=[long.spans[0]._replace(duration=31 * MS)], duration=31 * MS)
    node = queue_node(told.Desk().record([felt, long, waiting(told, **{"queue.time": 4 * MS})]))
    assert (node["repeated"], node["repeat_sum"], node["repeat_max"]) == (2, 2, 1)
    assert (node["repeat_total"], node["total"]) == (41 * MS, 184 * MS)


def test_a_waiting_that_is_no_number_or_beyond_all_measure_is_not_added_up(told):
    strange = [{"queue.time": "long"}, {"queue.time": -1}, {"queue.time": 1.5}, {"queue.time": 1 << 60}]
    traces = [
        shop(told)._replace(spans=[told.Span(KINDS[0], -1, 0, 30 * MS, notes)], duration=30 * MS)
        for notes in strange
    ]
    message = told.Desk().record(traces)
    assert messages.QUEUE not in {kind[0] for kind in kinds_of(message)}
