"""The store on one day of 500,000 traces: cost of a span, room it takes, what the questions cost."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from storeday import DAY_NS, Day

from fanlight.query.query import Query
from fanlight.stores.duckdb.store import DuckStore
from fanlight.wire import codec
from fanlight.wire.messages import COMMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanlight.event.event import Event
    from fanlight.stores.answers import Group

DAY = 20_000
BULK = 1000
"""Traces of a commit: what a busy second brings."""
FLOOD = 8000
"""Traces of a commit that holds 100,000 spans: what a second brings at the rate that one core must carry."""
FINE_SHARE = 0.006
"""Of the day's traces, its last, come in commits of 6, as on a quiet machine: so readers meet what is
not merged yet."""
REPEATS = 9


class Figure(NamedTuple):
    """One measured number and what it must not exceed."""

    what: str
    value: float
    unit: str
    limit: float | None
    """None where the number only informs."""


STAGED = (
    "| stats count, p95(duration) by endpoint",
    "| timechart 5m p95(duration)",
    "| top 10 endpoint by p95(duration)",
    "duration:>100ms | sort -duration | head 20",
    "| uniq endpoint | stats count",
)
"""What the engine runs over a day's traces."""
ONE_BY_ONE = "NOT /no such thing/ | stats count"
"""What has to be decided over events; a hundredth of the day is asked."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one list of objects")
    parser.add_argument("--traces", type=int, default=500_000, help="traces of the day; fewer prove nothing")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Path(directory), options.traces)
    if options.json:
        print(json.dumps([figure._asdict() for figure in figures]))
    else:
        for figure in figures:
            bound = "" if figure.limit is None else f"at most {figure.limit:g}"
            print(f"{figure.what:70} {figure.value:10.2f} {figure.unit:8} {bound}{missed(figure)}")
    # Whoever asked for JSON judges the rows, and prints those that are missed too.
    return int(not options.json and any(missed(figure) for figure in figures))


def missed(figure: Figure) -> str:
    """Answer a mark behind a figure that is over its limit."""
    return "   MISSED" if figure.limit is not None and figure.value > figure.limit else ""


def measure(directory: Path, traces: int) -> list[Figure]:
    """Fill a store, close the day, ask at every stage."""
    clock = [DAY * DAY_NS]
    store = DuckStore(directory / "store", clock=lambda: clock[0])
    today = Day(DAY, traces)
    bulk = fill(store, today, 1, BULK, 1 - FINE_SHARE)
    spans = today.spans
    fill(store, today, 2, 6, 1.0)
    figures = [
        Figure("applying, commits of 1,000 traces", bulk / spans * 1e6, "µs/span", 3.0),
        Figure("an open day on disk", store.size().bytes / today.spans, "B/span", 40),
    ]
    span = (DAY * DAY_NS, (DAY + 1) * DAY_NS)
    figures += asked(store, "an open day", span, today.ids)
    clock[0] = (DAY + 2) * DAY_NS
    cost = time.process_time()
    store.compact()
    cost = time.process_time() - cost
    figures += [
        Figure("closing the day", cost / today.spans * 1e6, "µs/span", 3.0),
        Figure("a closed day on disk", store.size().bytes / today.spans, "B/span", 20),
    ]
    figures += asked(store, "a closed day", span, today.ids)
    tomorrow = Day(DAY + 1, traces, seed=8)
    flood = fill(store, tomorrow, 3, FLOOD, 0.5)
    figures.append(Figure("applying, commits of 100,000 spans", flood / tomorrow.spans * 1e6, "µs/span", 1.5))
    both = (DAY * DAY_NS + DAY_NS // 2, (DAY + 1) * DAY_NS + DAY_NS // 2)
    figures += asked(store, "24 h over both", both, today.ids[:50] + tomorrow.ids[:50])
    figures.append(Figure("resident, at its peak", peak_mib(), "MiB", 300))
    figures += staged(store, span, traces)
    figures.append(Figure("resident, with queries over events", peak_mib(), "MiB", 300))
    store.close()
    return figures


def fill(store: DuckStore, day: Day, segment: int, size: int, share: float) -> float:
    """Apply a share of the day's traces; answer the CPU seconds that decoding and applying took."""
    spent = 0.0
    for position, message in enumerate(day.commits(size, share), 1):
        body = codec.encode(COMMIT, message)
        before = time.process_time()
        store.apply(segment, [(position, codec.decode(COMMIT, body))])
        spent += time.process_time() - before
    return spent


def asked(store: DuckStore, where: str, span: tuple[int, int], ids: list[str]) -> list[Figure]:
    """Measure the three questions over a range."""
    busiest = max(store.counts(*span), key=lambda row: row.n)
    group: Group = (busiest.service, busiest.endpoint, busiest.segment)
    turn = iter(range(10**6))
    return [
        Figure(f"endpoint table of 24 h, {where}", cpu_ms(lambda: table(store, span)), "ms CPU", 50),
        Figure(
            f"merged tree of an endpoint, {where}", cpu_ms(lambda: store.tree(group, *span)), "ms CPU", 30
        ),
        Figure(
            f"a trace by its id, {where}",
            cpu_ms(lambda: store.trace(ids[next(turn) * 37 % len(ids)]) or sys.exit("a trace is missing")),
            "ms CPU",
            30,
        ),
    ]


def staged(store: DuckStore, span: tuple[int, int], traces: int) -> list[Figure]:
    """Measure queries with stages over a day."""
    figures = [
        Figure(f"`{text}`, {traces:,} traces", cpu_ms(partial(answer, store, text, span)), "ms CPU", None)
        for text in STAGED
    ]
    few = (span[0], span[0] + (span[1] - span[0]) // 100)
    counted = answer(store, "| stats count", few)[0].value("count")
    spent = cpu_ms(partial(answer, store, ONE_BY_ONE, few)) * 1000
    return [*figures, Figure(f"`{ONE_BY_ONE}`, over events", spent / max(counted, 1), "µs/trace", None)]


def answer(store: DuckStore, text: str, span: tuple[int, int]) -> list[Event]:
    """Ask a query of a range."""
    return list(store.answer(Query(text).within(span[0], span[1] - 1)))


def table(store: DuckStore, span: tuple[int, int]) -> object:
    """Ask for what the list of endpoints shows: counts, percentiles, sparklines, repeated statements."""
    return store.counts(*span), store.repeats(*span)


def cpu_ms(question: Callable[[], object]) -> float:
    """Answer the median CPU time of a question, in ms, after one to warm up."""
    question()
    spent = []
    for _ in range(REPEATS):
        before = time.process_time()
        question()
        spent.append((time.process_time() - before) * 1e3)
    return statistics.median(spent)


def peak_mib() -> float:
    """Answer the most memory this process ever held, in MiB."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    sys.exit(main())
