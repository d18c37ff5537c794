"""Thread dumps of real JVMs: JDK 17 and 25, of one program with a deadlock, a parked thread and virtual ones.

Those of JDK 8, and of virtual threads that are mounted, are written after the documented layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fanlight import parsers
from fanlight.parsers.parser import LineParser
from fanlight.query.query import Query

if TYPE_CHECKING:
    from fanlight.event.event import Event

CASES = Path(__file__).parents[1] / "cases" / "parsers"
BEGIN = "2026-01-31 12:00:00\nFull thread dump X:\n\n"
ADDED = {"dead-1", 'dead "2"', "parked", "waiter", "spinner", "main"}


def read(text: str) -> list[Event]:
    parser = LineParser(parsers.named("threads", "UTC"))
    found = [event for line in text.split("\n") for event in parser.parse(line)]
    return [*found, *parser.close()[:-1]]


def dumped(name: str) -> Event:
    return next(event for event in read((CASES / f"{name}.txt").read_text()) if "threads" in event)


def threads_of(event: Event) -> dict[str, Event]:
    return {each.value("thread"): each for each in event["threads"]}


@pytest.mark.parametrize("name", ["jdk17-jstack", "jdk25-jstack", "jdk17-sigquit", "jdk25-dump-to-file"])
def test_a_real_dump_has_its_threads(name: str) -> None:
    event = dumped(name)
    assert event.time is not None
    text = (CASES / f"{name}.txt").read_text()
    headed = [line for line in text.split("\n") if " tid=" in line or line.startswith("#")]
    assert len(event["threads"]) == len(headed)
    assert threads_of(event).keys() >= ADDED
    assert all(thread.kind == "stack-trace" for thread in event["threads"])
    assert parsers.detect(text.encode().split(b"\n")[:64])[0].name == "threads"


@pytest.mark.parametrize("name", ["jdk17-jstack", "jdk25-jstack"])
def test_locks_lead_from_one_thread_to_the_other(name: str) -> None:
    event = dumped(name)
    threads = threads_of(event)
    one, other = threads["dead-1"], threads['dead "2"']
    assert one["thread-state"] == "BLOCKED"
    assert one["waiting-for"] == other["locked"]
    assert other["waiting-for"] == one["locked"]
    assert threads["parked"]["waiting-for"] == threads["main"]["synchronizers"]
    assert threads["waiter"]["waiting-for"] == threads["waiter"]["locked"]
    (deadlock,) = event["deadlocks"]
    assert deadlock["threads"] == ["dead-1", 'dead "2"']


def test_a_carrier_tells_which_virtual_thread_it_carries() -> None:
    carriers = [thread for thread in dumped("jdk25-jstack")["threads"] if "carrying" in thread]
    assert [thread["thread"] for thread in carriers] == ["ForkJoinPool-1-worker-1"]
    in_file = [thread for thread in dumped("jdk25-dump-to-file")["threads"] if "virtual" in thread]
    assert len(in_file) == 4
    assert carriers[0]["carrying"] in [thread["number"] for thread in in_file]


def test_a_dump_is_found_by_what_one_of_its_threads_has() -> None:
    event = dumped("jdk17-jstack")
    assert Query("thread-state:BLOCKED").matches(event)
    assert Query("stack:'LockSupport.park(.*)'").matches(event)
    assert Query("cpu:>1s").matches(event)
    assert not Query("thread:nobody").matches(event)


def shown(name: str, text: str) -> set[str]:
    """Answer the threads of a dump that a query leaves; none when it does not select the dump."""
    event, query = dumped(name), Query(text)
    return set(threads_of(query.shown(event))) if query.matches(event) else set()


@pytest.mark.parametrize(
    ("text", "threads"),
    [
        ("thread:parked", {"parked"}),
        ("parked", {"parked"}),
        ("parked OR spinner", {"parked", "spinner"}),
        ("thread-state:BLOCKED", {"dead-1", 'dead "2"'}),
        # All of a query has to hold of one thread.
        ("thread:main thread-state:BLOCKED", set()),
        ("thread-state:WAITING NOT daemon=true", {"main", "parked"}),
        ("NOT exists(stack) thread:'GC Thread'", {"GC Thread#0"}),
        ("exists(deadlocks)", {"dead-1", 'dead "2"'}),
        ("version:'17.0' thread:parked", {"parked"}),
        ("version:'8.0' thread:parked", set()),
        ("thread:nobody", set()),
    ],
)
def test_a_query_leaves_the_threads_of_which_it_holds(text: str, threads: set[str]) -> None:
    assert shown("jdk17-jstack", text) == threads


def test_a_query_of_the_dump_alone_leaves_it_whole() -> None:
    event = dumped("jdk17-jstack")
    assert Query("version:17").shown(event) is event
    assert Query("from:2020-01-01").shown(event) is event


def test_what_is_left_of_a_dump_is_a_dump_in_its_raw_text_too() -> None:
    event = dumped("jdk17-jstack")
    left = Query("parked spinner").shown(event)
    assert [(each.name, each.value) for each in left if each.name != "threads"] == [
        (each.name, each.value) for each in event if each.name != "threads"
    ]
    (again,) = read(left.raw or "")
    assert again == left
    assert len(left.raw or "") < len(event.raw or "") / 3


def test_the_parser_leaves_them_as_well_and_marks_nothing() -> None:
    parser = LineParser(parsers.named("threads", "UTC"))
    query = Query("thread:parked")
    lines = (CASES / "jdk17-jstack.txt").read_text().split("\n")
    (event,) = [event for line in lines for event in parser.parse(line, query)] + parser.close(query)[:-1]
    assert set(threads_of(event)) == {"parked"}
    assert {each.name for each in event} == {each.name for each in dumped("jdk17-jstack")}


def test_a_heap_behind_the_threads_is_kept() -> None:
    assert "garbage-first heap" in dumped("jdk17-sigquit")["heap"]


def test_text_between_dumps_is_a_fault_and_the_last_thread_of_a_file_has_its_stack() -> None:
    dump = f'{BEGIN}"a" #1 prio=5 tid=0x1 nid=0x2 runnable [0x3]\n\tat A.b(A.java:1)'
    first, second, third = read(f"hello\n{dump}\n{dump}")
    assert (first.kind, first.raw) == ("fault", "hello")
    assert [each["threads"][0]["stack"] for each in (second, third)] == ["at A.b(A.java:1)"] * 2


def test_the_number_of_the_process_above_a_dump_is_no_fault() -> None:
    first, dump = read(f"12784:\n{BEGIN}")
    assert [(each.name, each.value) for each in first] == [("pid", 12784)]
    assert dump.kind == "thread-dump"


def test_a_heading_of_jdk_8_is_read_and_one_that_is_odd_is_read_as_far_as_it_can_be() -> None:
    (event,) = read(
        "2026-01-31 12:00:00\nFull thread dump Java HotSpot(TM) 64-Bit Server VM (25.202-b08 mixed mode):\n\n"
        '"main" #1 prio=5 os_prio=0 tid=0x00007f nid=0x1a in Object.wait() [0x00007f]\n'
        "   java.lang.Thread.State: WAITING (on object monitor)\n\n"
        '"odd" #x prio=high tid=0x1\n\n'
        '"carrier" #22 daemon prio=5 tid=0x2\n   Carrying virtual thread #21\n\tat A.b(A.java:1)\n'
        '   Mounted virtual thread #21 "job"\n\tat A.c(A.java:2)\n'
    )
    main, odd, carrier = event["threads"]
    assert (main["activity"], main["thread-state"]) == ("in Object.wait()", "WAITING")
    assert odd["thread"] == "odd"
    assert "prio" not in odd
    assert (carrier["stack"], carrier["mounted"]["stack"]) == ("at A.b(A.java:1)", "at A.c(A.java:2)")


def test_a_dump_of_many_threads_is_one_event() -> None:
    thread = (
        '"worker-{0}" #{0} prio=5 tid=0x{0:x} nid=0x1 runnable [0x3]\n' + "\tat a.B.c(B.java:1)\n" * 60 + "\n"
    )
    text = "2026-01-31 12:00:00\nFull thread dump X:\n\n" + "".join(thread.format(at) for at in range(2000))
    (event,) = read(text)
    assert len(text) > 2 << 20
    assert len(event["threads"]) == 2000
