"""Files of several years whose times tell none: read from the end backwards, each year as it was."""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fanlight.event.packing import unpack
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.portions import Portions, known
from fanlight.pipeline.files.reading import Reading
from fanlight.pipeline.files.search import Wishes
from fanlight.query.query import Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

END = datetime(2026, 5, 20, 12, 0, 0, tzinfo=UTC)


def written(path: Path, moments: list[datetime]) -> str:
    lines = [
        f"{when:%b} {when.day:2} {when:%H:%M:%S} host app[7]: it was {when:%Y-%m-%d}" for when in moments
    ]
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (END.timestamp(), END.timestamp()))
    return str(path)


def every(days: float, years: float) -> list[datetime]:
    count = int(years * 365 / days)
    return [END - timedelta(days=days) * number for number in range(count, -1, -1)]


def packed(path: str) -> str:
    """Answer the path of a file in a form that cannot be sought, as old as it was."""
    with open(path, "rb") as file:
        content = gzip.compress(file.read())
    target = f"{path}.gz"
    with open(target, "wb") as file:
        file.write(content)
    os.utime(target, (END.timestamp(), END.timestamp()))
    return target


@pytest.mark.parametrize(
    ("days", "years"), [(1, 0.9), (1, 1.1), (1, 3.3), (0.1, 2.5), (7, 6), (30, 4), (0.02, 1.4)]
)
def test_every_line_is_of_its_year(days: float, years: float, tmp_path: Path) -> None:
    path = written(tmp_path / "syslog", every(days, years))
    for name in (path, packed(path)):
        for event in Reading(name, None, "UTC").run():
            assert event["message"] == f"it was {str(event.time)[:10]}", event


def test_a_search_knows_the_years_too(tmp_path: Path) -> None:
    path = written(tmp_path / "syslog", every(0.5, 2.5))
    query = Query("from:2024-02-01T00:00:00Z to:2024-02-02T23:59:59Z app")
    lines = (tmp_path / "syslog").read_text().split("\n")
    for name in (path, packed(path)):
        answer = Answer(query, [name], Wishes(zone="UTC", counts_lines=True))
        found = list(answer.events())
        assert [event["message"] for event in found] == ["it was 2024-02-01"] * 2 + ["it was 2024-02-02"] * 2
        assert [lines[(event.line or 0) - 1] for event in found] == [event.raw for event in found]


@pytest.mark.parametrize("form", [str, packed])
def test_an_import_knows_them_too_wherever_it_goes_on(form: Callable[[str], str], tmp_path: Path) -> None:
    path = form(written(tmp_path / "syslog", every(0.1, 3.2)))
    file = known(path, [])
    count = 0
    for piece in Portions(file, zone="UTC"):
        for packed in piece.events:
            event = unpack(packed)
            assert event["message"] == f"it was {str(event.time)[:10]}"
            count += 1
        position = piece.position
        if count < 6000:
            file = piece.file
            first = file._replace(id=1, position=position, tail=piece.tail, lines=piece.lines)
    assert count == len(every(0.1, 3.2))
    again = [unpack(packed) for piece in Portions(first, zone="UTC") for packed in piece.events]
    assert all(event["message"] == f"it was {str(event.time)[:10]}" for event in again)
    assert 0 < len(again) < count


def test_times_that_tell_their_year_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2026-01-31 12:00:00 a\n2024-01-31 12:00:00 b\n" * 50)
    found = [str(event.time)[:4] for event in Reading(str(path), None, "UTC").run()]
    assert found == ["2026", "2024"] * 50


def test_lines_that_are_late_make_no_year(tmp_path: Path) -> None:
    moments = every(1, 0.8)
    moments[40::40] = [when - timedelta(days=20) for when in moments[40::40]]
    path = written(tmp_path / "syslog", moments)
    for name in (path, packed(path)):
        for event in Reading(name, None, "UTC").run():
            assert event["message"] == f"it was {str(event.time)[:10]}"
