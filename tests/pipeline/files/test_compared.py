"""Comparisons decided on the groups of a line: what is remembered of a text changes no answer."""

from __future__ import annotations

import pytest

from fanlight import parsers
from fanlight.event.event import Event
from fanlight.pipeline.files import compared
from fanlight.pipeline.files.compared import comparing
from fanlight.query.query import Query

LINE = '10.0.0.1 - - [{when}] "GET {path} HTTP/1.1" {status} 17 "-" "curl" 0.250'
TIME = "31/Jan/2026:12:00:00 +0000"


def lines(count: int) -> list[bytes]:
    """Answer lines of which each path comes several times, in turns with others, and some cannot be read."""
    paths = [f"/api/{number % 40}" for number in range(count)]
    paths[::7] = ["/x" * 300] * len(paths[::7])
    whens = ["99/Jan/2026:12:00:00 +0000" if number % 11 == 0 else TIME for number in range(count)]
    told = zip(whens, paths, range(count), strict=True)
    return [
        LINE.format(when=when, path=path, status=(200, 500, "-")[number % 3]).encode()
        for when, path, number in told
    ]


@pytest.mark.parametrize("text", ["path:^/api/1 AND status:5xx", "path!=/api/3", "status<300", "path:/x"])
def test_texts_that_come_again_are_decided_as_they_were(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "KNOWN", 8)
    query, found = Query(text), parsers.named("combined-time", "UTC")
    unread: list[bytes] = []
    verdict = comparing(query, found, lambda raw: bool(unread.append(raw)))
    assert verdict is not None
    reader = found.reader()
    wanted, wrong = [], []
    for line in lines(200):
        try:
            wanted.append(query.matches(Event.lazy(reader, line, 0)))
        except ValueError:
            wanted.append(False)
            wrong.append(line)
    assert [verdict(line) for line in lines(200)] == wanted
    assert any(wanted)
    assert wrong
    assert unread == wrong
