"""What is piped in is read as it comes, and its years are told where its end is near."""

from __future__ import annotations

import gzip
import os
from collections import deque
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from fanlight.pipeline.files import source
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.reading import Reading
from fanlight.pipeline.files.search import Wishes
from fanlight.pipeline.files.source import AHEAD, open_source
from fanlight.query.query import Query

if TYPE_CHECKING:
    from pathlib import Path


def lines(days: float, years: float) -> bytes:
    """Answer lines of some years up to now, the times of which tell none."""
    end = datetime.now(UTC) - timedelta(minutes=1)
    some = (end - timedelta(days=days) * number for number in range(int(years * 365 / days), -1, -1))
    return b"".join(
        f"{when:%b} {when.day:2} {when:%H:%M:%S} host app[7]: it was {when:%Y-%m-%d}\n".encode()
        for when in some
    )


@pytest.fixture
def pipe(tmp_path: Path) -> str:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return str(path)


def wrote(path: str, content: bytes) -> Thread:
    def write() -> None:
        with open(path, "wb") as file:
            file.write(content)

    writer = Thread(target=write)
    writer.start()
    return writer


@pytest.mark.parametrize("form", [bytes, gzip.compress])
def test_every_line_that_is_piped_in_is_of_its_year(form: type[bytes], pipe: str) -> None:
    content = lines(0.5, 3.2)
    for found in (
        lambda: Reading(pipe, None, "UTC").run(),
        lambda: Answer(Query("app"), [pipe], Wishes(zone="UTC")).events(),
    ):
        writer = wrote(pipe, form(content))
        events = list(found())
        writer.join(60)
        assert len(events) == content.count(b"\n")
        for event in events:
            assert event["message"] == f"it was {str(event.time)[:10]}"


def test_what_is_there_already_is_looked_at_however_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    content = lines(2, 3.2)
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    monkeypatch.setattr(source, "AHEAD_S", 1e-9)
    try:
        events = list(Answer(Query("app"), [f"/dev/fd/{reading}"], Wishes(zone="UTC")).events())
    finally:
        os.close(reading)
    assert [event["message"] for event in events] == [f"it was {str(event.time)[:10]}" for event in events]
    assert len(events) == content.count(b"\n")


def test_of_a_long_pipe_the_last_year_is_told_and_that_there_were_others(pipe: str) -> None:
    content = lines(0.005, 1.6)
    content = content.replace(b"it was", b"it was" + b"." * (2 * AHEAD // content.count(b"\n")))
    writer = wrote(pipe, content)
    answer = Answer(Query("app"), [pipe], Wishes(zone="UTC"))
    (last,) = deque(answer.events(), 1)
    writer.join(60)
    assert last["message"].endswith(str(last.time)[:10])
    assert any("an earlier year" in told for told in answer.searches[0].notes())


def test_an_event_is_there_before_the_next_one_is_written(pipe: str) -> None:
    ends: list[int] = []
    opener = Thread(target=lambda: ends.append(os.open(pipe, os.O_WRONLY)))
    opener.start()
    reading, writing = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), 0
    opener.join(60)
    try:
        (writing,) = ends
        os.write(writing, b"2026-01-31 12:00:00 one\nTraceback (most recent call last):\n")
        found = Answer(Query("one"), [pipe], Wishes(zone="UTC")).events()
        events = iter(found)
        assert next(events)["message"].startswith("one")
        os.write(writing, b"2026-01-31 12:00:01 no\n2026-01-31 12:00:02 one again\n")
        assert next(events)["message"] == "one again"
        os.close(writing)
        writing = 0
        assert list(events) == []
    finally:
        os.close(reading)
        if writing:
            os.close(writing)


def test_a_pipe_without_a_byte_has_no_event(pipe: str) -> None:
    writer = wrote(pipe, b"")
    assert list(Answer(Query("app"), [pipe], Wishes()).events()) == []
    writer.join(60)
    writer = wrote(pipe, b"no line end")
    source = open_source(pipe)
    assert source.readinto(memoryview(bytearray(100))) == len("no line end")
    assert source.readinto(memoryview(bytearray(100))) == 0
    source.close()
    writer.join(60)


def test_what_the_kernel_makes_up_while_it_is_read_is_read() -> None:
    with open("/proc/self/status", "rb") as file:
        wanted = [line for line in file.read().splitlines() if line.startswith(b"Name:")]
    assert wanted
    answer = Answer(Query('"name:"'), ["/proc/self/status"], Wishes(format="plain"))
    assert b"".join(found.raw() for found in answer.found()).splitlines() == wanted


def test_who_cannot_read_on_says_which_file_that_is() -> None:
    # It can be opened, and of its first bytes nothing can be read.
    with pytest.raises(OSError, match="/proc/self/mem"):
        list(Answer(Query("app"), ["/proc/self/mem"], Wishes()).found())
