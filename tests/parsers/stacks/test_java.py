"""Stack traces as a JVM writes them; the samples are the output of JDK 17 on a program made for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fanlight.formatters.cells import document
from fanlight.parsers import stacks

if TYPE_CHECKING:
    from fanlight.event.event import Event

TRACES = Path(__file__).parents[2] / "cases" / "parsers" / "stacks"


def read(text: str, head: str = "it broke") -> Event:
    found = stacks.begin(f"{head}\n{text}".encode())
    assert found is not None
    place, language = found
    whole = f"{head}\n{text}".encode()
    return stacks.read(whole[place:], language, whole[:place])


def jdk17(number: int) -> str:
    return (TRACES / "jdk17.txt").read_text().split("\n\n")[number]


def test_causes_and_suppressed_exceptions_are_where_their_indentation_says() -> None:
    event = read(jdk17(0))
    assert (event["exception"], event["message"]) == ("T$Boom", "outer: a: b")
    assert event["stack"] == "at T.b(T.java:6)\nat T.main(T.java:8)"
    cause = event["cause"]
    assert (cause["exception"], cause["message"]) == ("java.lang.Exception", "body\nsecond line")
    (suppressed,) = cause["suppressed"]
    assert suppressed["message"] == "close failed"
    assert document(suppressed["cause"]) == {
        "exception": "java.io.IOException",
        "message": "disk",
        "stack": "... 4 more",
    }


def test_a_cause_that_was_shown_already_stays_text() -> None:
    event = read(jdk17(1))
    assert event["cause"]["stack"] == "... 1 more\nCaused by: [CIRCULAR REFERENCE: java.lang.Exception: p]"


def test_an_exception_without_a_message_has_none() -> None:
    event = read(jdk17(2))
    assert "message" not in event
    assert (event["function"], event["file"], event["source-line"]) == ("T.lambda$main$0", "T.java", 10)


def test_the_thread_that_an_exception_ended_is_no_part_of_its_name() -> None:
    event = read(jdk17(3))
    assert (event["exception"], event["message"]) == ("T$Boom", "outer: a: b")
    assert (
        "at java.base/java.util.stream.ReferencePipeline.forEach(ReferencePipeline.java:596)"
        in event["stack"]
    )


def test_an_exception_may_stand_behind_the_message_in_the_same_line() -> None:
    event = read("\tat a.B.c(B.java:7)", "12:00:00 ERROR [x] (main) it failed: java.lang.Exception: p: q")
    assert (event["exception"], event["message"]) == ("java.lang.Exception", "p: q")


def test_logback_may_begin_at_the_root() -> None:
    event = read(
        "java.io.IOException: disk\n\tat a.B.c(B.java:7) ~[b.jar:1.0]\nWrapped by: java.lang.Exception: p\n"
        "\tat a.B.d(B.java:9)\n\t... 3 common frames omitted"
    )
    assert (event["exception"], event["cause"]["exception"]) == ("java.lang.Exception", "java.io.IOException")
    assert event["stack"] == "at a.B.d(B.java:9)\n... 3 common frames omitted"


def test_many_causes_are_read_to_a_depth() -> None:
    event = read("a.B: 0\n\tat a.B.c(B.java:7)" + "\nCaused by: a.B: 1\n\tat a.B.c(B.java:7)" * 5000)
    assert 10 < sum(1 for _ in event.walk()) < 100


def test_a_text_without_frames_is_no_trace() -> None:
    assert stacks.begin(b"java.lang.Exception: p\n  at the end of the day\n  at all (not)a frame") is None
