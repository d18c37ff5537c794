"""Questions to several days: each day is asked in its turn, what they say is added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanlight.stores.answers import Counts, Node, Pace, Point, Release, Repeat, Times, added, later, spanning
from fanlight.stores.choose import DAY_NS, choose, together, typical
from fanlight.stores.duckdb.counting import Tally, add_buckets, add_counts, add_service

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from fanlight.event.trace import TraceRow
    from fanlight.stores.answers import Group, Scope, Trace
    from fanlight.stores.duckdb.day import Day
    from fanlight.stores.duckdb.reads import View

    Views = Iterator[View]


def counts(views: Views, scope: Scope, slots: int) -> list[Counts]:
    """Answer the merged counts of every group in `scope`."""
    tallies: dict[Group, Tally] = {}
    for view in views:
        groups = view.groups(scope)
        add_counts(view, tallies, groups, slots)
        add_buckets(view, tallies, groups)
    return [
        Counts(*group, t.n, t.errors, t.sum_ns, t.min_ns, t.max_ns, t.histogram(), tuple(t.slots))
        for group, t in sorted(tallies.items())
    ]


def service(views: Views, name: str, slots: int) -> Counts | None:
    """Answer the counts of all groups of a service together, if it had any."""
    tally = Tally(slots)
    for view in views:
        add_service(view, tally, view.groups((name,)), slots)
    if not tally.n:
        return None
    sums = (tally.n, tally.errors, tally.sum_ns, tally.min_ns, tally.max_ns)
    return Counts(name, "", "", *sums, tally.buckets, tuple(tally.slots))


def timeline(views: Views, group: Group, step_s: int) -> list[Point]:
    """Answer one group's counts per step, oldest first."""
    tallies: dict[int, Tally] = {}
    for view in views:
        points, buckets = view.steps(view.groups(group), step_s)
        for step, n, errors, sum_ns, max_ns in points:
            tallies.setdefault(step, Tally(0)).add(n, errors, sum_ns, max_ns, max_ns)
        for step, bucket, n in buckets:
            tallies[step].put(bucket, n)
    return [
        Point(step * step_s * 1_000_000_000, t.n, t.errors, t.sum_ns, t.max_ns, t.buckets)
        for step, t in sorted(tallies.items())
    ]


def typical_ns(views: Views, group: Group, octaves: Collection[int] | None) -> int:
    """Answer the median duration of one group, in ns, looking only at some octaves if given."""
    tallies: dict[Group, Tally] = {}
    for view in views:
        groups = view.groups(group)
        add_counts(view, tallies, groups, 1)
        add_buckets(view, tallies, groups)
    return typical(tallies[group].histogram(), octaves) if group in tallies else 0


def traces(
    views: Callable[[], Views], group: Group, octaves: Collection[int] | None, limit: int
) -> list[TraceRow]:
    """Answer up to `limit` kept traces of one group, whole ones first."""
    usual_ns = typical_ns(views(), group, octaves)
    rows: list[TraceRow] = []
    for view in views():
        rows += view.candidates(view.groups(group), octaves, usual_ns, limit)
    return choose(rows, usual_ns, limit)


def tree(views: Views, group: Group, octaves: Collection[int] | None) -> list[Node]:
    """Answer one group's merged tree."""
    paths: dict[int, Node] = {}
    for view in views:
        for node in view.nodes(view.groups(group), octaves):
            paths[node.path] = later(paths[node.path], node) if node.path in paths else node
    return list(paths.values())


def times(views: Views, group: Group) -> list[Times]:
    """Answer one group's own times per octave and category."""
    found: dict[tuple[int, str, bool], Times] = {}
    for view in views:
        for row in view.times(view.groups(group)):
            found[row[:3]] = added(found.get(row[:3]), row)
    return list(found.values())


def paces(views: Views, group: Group) -> list[Pace]:
    """Answer how long each path of a group's tree took, by octave."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for view in views:
        for octave, path, traces, total_ns in view.paces(view.groups(group)):
            before = found.get((octave, path), (0, 0))
            found[octave, path] = before[0] + traces, before[1] + total_ns
    return [Pace(*place, *sums) for place, sums in found.items()]


def environments(views: Views) -> list[tuple[str, str]]:
    """Answer the services that were asked, each with each of its environments."""
    found: set[tuple[str, str]] = set()
    for view in views:
        known = {number: (group[0], group[3]) for number, group in view.all_groups().items()}
        if len(set(known.values())) == 1:
            # Fast path: there is nothing to tell apart.
            found.update(known.values() if view.has_counts() else ())
        else:
            found.update(known[number] for number in view.counted())
    return sorted(found)


def releases(views: Views, service: str) -> list[Release]:
    """Answer the releases of a service, the first one first."""
    found: dict[str, Release] = {}
    for view in views:
        for row in view.releases(service):
            found[row.release] = spanning(found.get(row.release), row)
    return sorted(found.values(), key=lambda each: (each.first_ns, each.release))


def repeats(views: Views, scope: Scope) -> list[Repeat]:
    """Answer every group's paths that repeated in some trace."""
    traces: dict[Group, int] = {}
    found: dict[tuple[Group, int], Repeat] = {}
    for view in views:
        roots, rows = view.repeats(view.groups(scope))
        for group, n in roots.items():
            traces[group] = traces.get(group, 0) + n
        for row in rows:
            key = (row[:3], row.path)
            found[key] = joined(found[key], row) if key in found else row
    return [row._replace(traces=traces.get(row[:3], 0)) for row in found.values()]


def joined(one: Repeat, other: Repeat) -> Repeat:
    """Answer the sum of two rows of one path, the second of a later hour."""
    return one._replace(
        location=other.location or one.location,
        repeated=one.repeated + other.repeated,
        repeat_sum=one.repeat_sum + other.repeat_sum,
        repeat_max=max(one.repeat_max, other.repeat_max),
        repeat_total_ns=one.repeat_total_ns + other.repeat_total_ns,
    )


def trace(views: Views, trace_id: str) -> list[Trace]:
    """Answer the traces of an id, oldest first; the views come newest first."""
    if len(trace_id) != 32 or not set(trace_id) <= set("0123456789abcdef"):
        return []
    high, low = int(trace_id[:16], 16), int(trace_id[16:], 16)
    found: list[Trace] = []
    for view in views:
        # What lies further back than a day does not belong to it: no need to look.
        if found and view.day.number < max(each.row.start_ns for each in found) // DAY_NS - 1:
            break
        found += view.trace(high, low)
    return together(found)


def positions(days: Iterable[Day]) -> dict[int, int]:
    """Answer, per segment, a position up to which every day has its rows."""
    found: dict[int, int] = {}
    for day in days:
        for segment, position in list(day.applied.items()):
            found[segment] = min(position, found.get(segment, position))
    return found


def ledger(days: Iterable[Day]) -> dict[str, int]:
    """Answer the number of traces ever kept, per service."""
    found: dict[str, int] = {}
    for day in days:
        for service, n in [*day.ledger.items(), *(row[1:] for row in list(day.carried))]:
            found[service] = found.get(service, 0) + n
    return {service: n for service, n in found.items() if n}
