"""Answers: what the page and the command line ask, as JSON-ready values in the documented shapes.

Durations are whole ns without a suffix in their names, times are RFC 3339 UTC with milliseconds.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from fanlight.aggregate import findings as rules
from fanlight.errors import QueryError
from fanlight.server import brushing, comparing, deploys, imports, servers, split
from fanlight.server.counted import MINUTE_NS, SLOTS, by_service, observed, row_of, together
from fanlight.server.pain import bearable, waited
from fanlight.server.questions import Questions, refused
from fanlight.server.shape import hours, tree
from fanlight.server.telling import release, rfc3339, sample
from fanlight.server.traced import beside
from fanlight.wire import buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from fanlight.server.questions import Question
    from fanlight.stores import Store
    from fanlight.stores.answers import Counts, Group, Repeat

    Json = dict[str, Any]

STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
"""Widths that a time line's steps may have, in minutes."""
STEPS = 120
"""Steps of a time line, at the most, as long as a step is no longer than a day."""
SAMPLES = 48
TRIAL = "fanlight-doctor"
"""Service of the traces that `fanlight doctor` sends: none of the user's, so only listed when asked for."""


class Answers:
    """Asks the store and puts what it says into the shapes that pages and commands expect.

    Args:
        store: is asked; may be asked from any thread.
        state: answers the status document.
    """

    def __init__(self, store: Store, state: Callable[[], Json]) -> None:
        self.store = store
        self.state = state
        self.questions = Questions(store)
        self.environment: str | None = None
        self.given = 0

    def within(self, environment: str) -> Answers:
        """Answer what tells of one environment alone; of the status there is only the whole."""
        self.given += 1
        narrow = copy(self)
        narrow.environment = environment
        return narrow

    def environments(self, from_ns: int, to_ns: int) -> list[Json]:
        """Answer the services that were asked in a time, each with each of its environments, "" for none."""
        found = self.store.environments(from_ns, to_ns) if from_ns < to_ns else []
        return [{"service": service, "environment": where} for service, where in found if service != TRIAL]

    def endpoints(self, from_ns: int, to_ns: int, service: str | None = None) -> list[Json]:
        """Answer every group's row, the most painful first, then the one that took most time.

        Without a service the doctor's trial is left out; the status counts it all the same.
        """
        rows: list[Json] = self.overview(from_ns, to_ns, service)["endpoints"]
        return rows

    def overview(self, from_ns: int, to_ns: int, service: str | None = None) -> Json:
        """Answer what `endpoints` answers, a row of each service and of all of them, and what servers are at.

        A service is told of as an endpoint is, with its releases and without findings; `all` is None
        when nothing was asked.
        """
        self.given += 1
        if from_ns >= to_ns:
            return {"all": None, "services": [], "endpoints": [], "saturation": None, "environments": []}
        scope = (service,) if service else ()
        rows = self.store.counts(from_ns, to_ns, scope, SLOTS, self.environment)
        rows = [row for row in rows if service or row.service != TRIAL]
        sums = by_service(rows)
        limits = {name: bearable(each) for name, each in sums.items()}
        repeats = self.store.repeats(from_ns, to_ns, scope, self.environment)
        found, waits = findings(repeats), waited(repeats)
        minutes = observed(rows, from_ns, to_ns)
        told = [row_of(row, limits[row.service], minutes[row.service], found, waits) for row in rows]
        told.sort(key=lambda row: (-row["pain"], -row["mean"] * row["count"], row["endpoint"]))
        services = [
            self.of_service(each, told, minutes[name], (from_ns, to_ns)) for name, each in sums.items()
        ]
        return {
            "all": together(list(sums.values()), services),
            "services": services,
            "endpoints": told,
            "saturation": servers.now(self.store, to_ns, servers.Whose(service, self.environment), rfc3339),
            "environments": self.environments(from_ns, to_ns),
        }

    def of_service(
        self,
        counted: Counts,
        told: Sequence[Json],
        minutes: float,
        span: tuple[int, int],
    ) -> Json:
        """Answer the row of a service: its endpoints together, and its releases."""
        own = [row for row in told if row["service"] == counted.service]
        found = self.store.releases(counted.service, *span, self.environment)
        return {
            **row_of(counted, 0, minutes, {}, {}),
            "pain": sum(row["pain"] for row in own),
            "waited": sum(row["waited"] * row["count"] for row in own) / sum(row["count"] for row in own),
            "releases": [release(each) for each in found],
        }

    def query(self, question: Question) -> tuple[int, Json]:
        """Answer a query and the HTTP status that goes with the answer."""
        self.given += 1
        if self.environment is not None:
            question = question._replace(environment=self.environment)
        try:
            return 200, self.questions.ask(question)
        except QueryError as error:
            return 422 if error.code == "too-long" else 400, refused(error)

    def servers(self, from_ns: int, to_ns: int, service: str | None = None) -> Json:
        """Answer what web servers were at: step by step, when last read, and each worker then."""
        self.given += 1
        whose = servers.Whose(service, self.environment)
        return servers.servers(self.store, from_ns, to_ns, whose, rfc3339)

    def compare(
        self, scope: Sequence[str], before: tuple[int, int], after: tuple[int, int], text: str = ""
    ) -> tuple[int, Json]:
        """Answer two times side by side, and the HTTP status that goes with the answer.

        Args:
            scope: service, endpoint and segment, as many of them as are given.
            before: from and to in ns since 1970.
            after: likewise.
            text: a query that selects the kept requests to compare; all of them without.
        """
        self.given += 1
        return comparing.asked(self.store, tuple(scope), before, after, text, self.environment)

    def releases(self, service: str, from_ns: int, to_ns: int) -> list[Json]:
        """Answer the releases that a service ran in a time, the one that came first first."""
        self.given += 1
        found = self.store.releases(service, from_ns, to_ns, self.environment)
        return [release(each) for each in found]

    def imports(self) -> Json:
        """Answer what is kept of imported files."""
        self.given += 1
        return imports.files(self.store)

    def take_import(self, told: Any) -> tuple[int, Json]:
        """Keep a piece of a file; answer the HTTP status and what is kept of the file then."""
        self.given += 1
        return imports.take(self.store, told)

    def endpoint(
        self,
        service: str,
        endpoint: str,
        segment: str,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
    ) -> Json | None:
        """Answer one group's row and all that its page shows, or None when it had no requests.

        Args:
            service: the group's first part,
            endpoint: its second,
            segment: its third.
            from_ns: the range's begin, ns since 1970.
            to_ns: its end, not part of it.
            octaves: restrict tree and samples to requests whose duration lies in these powers of two.
        """
        self.given += 1
        if from_ns >= to_ns:
            return None
        group, where = (service, endpoint, segment), self.environment
        row = next(iter(self.store.counts(from_ns, to_ns, group, SLOTS, where)), None)
        # The whole service is asked for its median, which says where pain begins, and for its age.
        whole = self.store.service(service, from_ns, to_ns, SLOTS, where)
        if row is None or whole is None:
            return None
        minutes = observed([whole], from_ns, to_ns)[service]
        repeats = self.store.repeats(from_ns, to_ns, group, where)
        releases = self.store.releases(service, from_ns, to_ns, where)
        return {
            **row_of(row, bearable(whole), minutes, findings(repeats), waited(repeats)),
            "from": rfc3339(from_ns),
            "to": rfc3339(to_ns),
            "timeline": self.timeline(group, from_ns, to_ns),
            **self.of_octaves(row, from_ns, to_ns, octaves),
            "releases": [release(each) for each in releases],
            "deploys": deploys.around(self.store, group, releases, (from_ns, to_ns), where),
        }

    def brushed(
        self,
        service: str,
        endpoint: str,
        segment: str,
        from_ns: int,
        to_ns: int,
        octaves: Collection[int] | None = None,
    ) -> Json | None:
        """Answer of `endpoint` what follows a choice of octaves, at a fraction of the cost."""
        self.given += 1
        group, where = (service, endpoint, segment), self.environment
        rows = self.store.counts(from_ns, to_ns, group, 1, where) if from_ns < to_ns else []
        if not rows:
            return None
        return {**row_of(rows[0], 0, 1.0, {}, {}), **self.of_octaves(rows[0], from_ns, to_ns, octaves)}

    def of_octaves(self, row: Counts, from_ns: int, to_ns: int, octaves: Collection[int] | None) -> Json:
        """Answer a group's histogram, and its tree, split and samples of the chosen octaves; None for all."""
        group, where = row[:3], self.environment
        nodes = self.store.tree(group, from_ns, to_ns, octaves, where)
        samples = self.store.traces(group, from_ns, to_ns, octaves, SAMPLES, where)
        times = self.store.times(group, from_ns, to_ns, where)
        # Parts are told from those of all durations where some were chosen.
        paces = [] if octaves is None else self.store.paces(group, from_ns, to_ns, where)
        of = hours(times, from_ns, to_ns, octaves)
        return {
            "hours": {**of, "from": rfc3339(of["from"]), "to": rfc3339(of["to"])},
            "histogram": histogram(row.buckets, split.by_octave(times)),
            "split": split.of_tree(nodes),
            "tree": brushing.ranked(tree(nodes), paces, octaves),
            "samples": [sample(each) for each in samples],
        }

    def timeline(self, group: Group, from_ns: int, to_ns: int) -> list[Json]:
        """Answer a group's counts and percentiles per step, quiet steps included."""
        width_min = step_minutes(from_ns, to_ns)
        step_ns = width_min * MINUTE_NS
        points = {
            point.time_ns: point
            for point in self.store.timeline(group, from_ns, to_ns, width_min * 60, self.environment)
        }
        told = []
        for time_ns in range(from_ns // step_ns * step_ns, to_ns, step_ns):
            point = points.get(time_ns)
            # The last step may have only just begun: its rate is over what there is of it.
            lasted_min = max(min(time_ns + step_ns, to_ns) - time_ns, MINUTE_NS / 4) / MINUTE_NS
            told.append(
                {
                    "time": rfc3339(time_ns),
                    "count": point.n if point else 0,
                    "errors": point.errors if point else 0,
                    "rpm": point.n / lasted_min if point else 0.0,
                    "p50": buckets.percentile(point.buckets, 0.50) if point else 0,
                    "p95": buckets.percentile(point.buckets, 0.95) if point else 0,
                }
            )
        return told

    def trace(self, trace_id: str) -> Json | None:
        """Answer what is kept under 32 hex digits, or None: the trace that began it, `also` the others."""
        self.given += 1
        found = [beside.document(self.store, each) for each in self.store.trace(trace_id.lower())]
        return {**found[0], "also": found[1:]} if found else None

    def status(self) -> Json:
        """Answer what runs, and what became of every trace."""
        self.given += 1
        return self.state()


def findings(repeats: Iterable[Repeat]) -> dict[Group, list[Json]]:
    """Answer each group's repeated statements that are worth telling, the costliest first."""
    told: dict[Group, list[Json]] = {}
    for row in repeats:
        kind = rules.kind(row.category)
        if not kind or not rules.found(row.repeated, row.traces):
            continue
        told.setdefault((row.service, row.endpoint, row.segment), []).append(
            {
                "kind": kind,
                "title": row.title,
                "description": row.description,
                "location": row.location,
                "share": min(row.repeated / max(row.traces, 1), 1.0),
                "repeats_mean": round(row.repeat_sum / row.repeated, 1),
                "repeats_max": row.repeat_max,
                "total": row.repeat_total_ns // row.repeated,
                "severe": rules.severe(row.repeat_sum, row.repeated),
            }
        )
    for rows in told.values():
        rows.sort(key=lambda each: (-each["total"] * each["share"], each["title"]))
    return told


def histogram(counted: dict[int, int], splits: Mapping[int, dict[str, float]]) -> list[Json]:
    """Answer the latency distribution by bucket; `low` is exclusive, `high` inclusive, both ns.

    Args:
        counted: requests by bucket.
        splits: shares of the parts of the time, by octave of duration.
    """
    return [
        {
            "octave": buckets.octave_of(bucket),
            "bucket": bucket,
            "low": buckets.upper_bound(bucket - 1),
            "high": buckets.upper_bound(bucket),
            "count": counted[bucket],
            "split": splits.get(buckets.octave_of(bucket), {}),
        }
        for bucket in sorted(counted)
    ]


def step_minutes(from_ns: int, to_ns: int) -> int:
    """Answer the smallest width, in minutes, that cuts the range into few enough steps."""
    wanted = (to_ns - from_ns) / MINUTE_NS / STEPS
    days = -(-int(wanted) // 1440) * 1440
    return next((width for width in STEPS_MIN if width >= wanted), days)
