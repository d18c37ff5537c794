"""Events that steer a pipeline are told from all others, and faults say what was wrong where."""

from __future__ import annotations

import pytest

from fanlight import Event
from fanlight.event.control import EndOfStream, Fault, Shutdown


@pytest.mark.parametrize("event", [EndOfStream(), Shutdown(), Fault()])
def test_an_event_that_steers_says_so(event: Event) -> None:
    assert event.is_control
    assert not event.is_timed
    assert not Event().is_control


def test_the_end_and_a_shutdown_show_nothing() -> None:
    assert (EndOfStream().shown(), Shutdown().shown(), len(EndOfStream())) == ("", "", 0)


class LostError(ValueError):
    line_number = 12


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault(), "FAULT (UNTYPED)\n"),
        (Fault("no such month"), "FAULT (UNTYPED): no such month\n"),
        (Fault("no such month", type="parsing", line=7), "FAULT (parsing), line 7: no such month\n"),
        (Fault(cause=ValueError("bad")), "FAULT (UNTYPED), ValueError: bad\n"),
        (Fault(cause=KeyError()), "FAULT (UNTYPED), KeyError\n"),
        (Fault("m", cause=LostError("bad")), "FAULT (UNTYPED), line 12: m, LostError: bad\n"),
        (Fault("m", cause=LostError("bad"), line=3), "FAULT (UNTYPED), line 3: m, LostError: bad\n"),
    ],
)
def test_a_fault_says_its_type_line_message_and_cause(fault: Fault, text: str) -> None:
    assert fault.shown() == text


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("no", line=7, position=3), "parsing error at line 7, position 3: no"),
        (Fault("no", line=7, type="time"), "time error at line 7: no"),
        (Fault(cause=ValueError("bad")), "parsing error: bad"),
        (Fault(), "parsing error"),
    ],
)
def test_a_fault_is_told_in_tables_by_its_place(fault: Fault, text: str) -> None:
    assert fault.told() == text


def test_a_fault_keeps_the_text_that_could_not_be_read() -> None:
    fault = Fault("no", raw=b"a\xffb", line=2)
    assert (fault.raw, fault.line) == ("a\udcffb", 2)
