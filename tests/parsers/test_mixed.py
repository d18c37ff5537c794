"""Files that several formats share: found out by their first lines, read line by line by whom it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fanlight import parsers
from fanlight.errors import ConfigError
from fanlight.event.coding import to_json
from fanlight.parsers.parser import LineParser

if TYPE_CHECKING:
    from fanlight.event.event import Event

ACCESS = '10.0.0.{0} - - [31/Jan/2026:12:00:0{0} +0000] "GET /{0} HTTP/1.1" 50{0} 17 "-" "curl"'
GUNICORN = "[2026-01-31 12:00:0{0} +0000] [1{0}] [INFO] Booting worker with pid: 1{0}"
PYTHON = "2026-01-31 12:00:0{0},000 - shop - ERROR - order {0}"
TRACE = '\nTraceback (most recent call last):\n  File "a.py", line {0}, in f\n    x = 1\nKeyError: {0}'
JSON = '{{"time": "2026-01-31T12:00:0{0}Z", "level": "warn", "msg": "told {0}"}}'
SYSLOG = "Jan 31 12:00:0{0} host app[7]: message {0}"
UVICORN = 'INFO:     127.0.0.1:5000{0} - "GET /{0} HTTP/1.1" 200 OK'


def lines(*forms: str) -> list[bytes]:
    return "\n".join(form.format(number) for number in range(6) for form in forms).encode().split(b"\n")


def read(found: parsers.Format, rows: list[bytes]) -> list[Event]:
    parser = LineParser(found)
    return [*(event for row in rows for event in parser.parse(row)), *parser.close()[:-1]]


@pytest.mark.parametrize(
    ("forms", "name"),
    [
        ((ACCESS, GUNICORN), "combined+gunicorn"),
        ((GUNICORN, ACCESS, ACCESS, ACCESS), "combined+gunicorn"),
        ((PYTHON, ACCESS), "combined+python"),
        ((PYTHON + TRACE, ACCESS), "combined+python"),
        ((ACCESS, JSON), "json+combined"),
        ((UVICORN, PYTHON + TRACE), "uvicorn+python"),
        ((SYSLOG, ACCESS), "combined+syslog"),
        ((ACCESS, GUNICORN, PYTHON, JSON), "json+combined+gunicorn+python"),
    ],
)
def test_the_formats_of_a_file_are_found(forms: tuple[str, ...], name: str) -> None:
    rows = lines(*forms)
    found, sure = parsers.detect(rows, "UTC")
    assert set(found.name.split("+")) == set(name.split("+"))
    assert sure > 0.7
    events = read(found, rows)
    assert not [event for event in events if event.kind == "fault"]
    assert len(events) == 6 * len(forms)
    assert [event.line for event in events] == sorted(event.line or 0 for event in events)


@pytest.mark.parametrize(
    "forms",
    [
        (PYTHON + TRACE,),
        (PYTHON + "\nshipped at 12:00:0{0}\nSELECT 1",),
        (ACCESS,),
        (PYTHON + "\n" + '  {{\n    "a": 1\n  }}',),
    ],
)
def test_what_belongs_to_an_event_makes_no_format_of_its_own(forms: tuple[str, ...]) -> None:
    rows = lines(*forms)
    assert "+" not in parsers.detect(rows, "UTC")[0].name


def test_every_line_is_read_as_if_it_were_of_a_file_of_its_own() -> None:
    rows = lines(ACCESS, PYTHON + TRACE, JSON)
    events = read(parsers.detect(rows, "UTC")[0], rows)
    for name, form in (("combined", ACCESS), ("python", PYTHON + TRACE), ("json", JSON)):
        alone = read(parsers.named(name, "UTC"), lines(form))
        told = {to_json(event)["raw"]: to_json(event) for event in events}
        for event in alone:
            assert {**told[to_json(event)["raw"]], "line": 0} == {**to_json(event), "line": 0}


def test_a_stack_trace_below_a_line_of_the_server_belongs_to_it() -> None:
    rows = lines(ACCESS + TRACE, PYTHON)
    found = read(parsers.detect(rows, "UTC")[0], rows)
    (first, *_) = [event for event in found if "path" in event]
    assert (first["path"], first["exception"], first["stack"]["function"]) == ("/0", "KeyError", "f")


def test_a_line_of_none_of_them_is_a_fault() -> None:
    (event,) = read(parsers.named("combined+json"), [b"nonsense"])
    assert event.kind == "fault"
    assert "combined" in event["reason"]


def test_a_name_of_several_has_to_hold_names() -> None:
    with pytest.raises(ConfigError, match="did you mean 'combined'"):
        parsers.named("json+combine")
