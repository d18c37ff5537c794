"""What engines find where lines end, and of a number in its own place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.search import Wishes
from fanlight.query.query import Query

if TYPE_CHECKING:
    from pathlib import Path

ACCESS = b'1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 %d'


@pytest.mark.parametrize("missing", [[], ["hyperscan"], ["hyperscan", "re2"]])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_number_at_the_end_of_a_line_is_found_by_every_engine(
    end: bytes, missing: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "access.log"
    path.write_bytes(b"".join(ACCESS % number + end for number in range(0, 200_000, 4000)))
    found = [found.raw() for found in Answer(Query("bytes:>97000"), [str(path)], Wishes()).found()]
    assert b"".join(found) == b"".join(ACCESS % number + end for number in range(100_000, 200_000, 4000))


@pytest.mark.parametrize("text", ["duration:>1s", "duration:>1s OR status:404", "NOT duration:>1s"])
def test_a_duration_is_looked_for_in_its_own_place(text: str, tmp_path: Path) -> None:
    pytest.importorskip("hyperscan")
    path = tmp_path / "access.log"
    tail = b' "-" "curl" %d.250\n'
    path.write_bytes(b"".join(ACCESS % 5 + tail % (not number % 50) for number in range(20_000)))
    answer = Answer(Query(text), [str(path)], Wishes())
    found = sum(found.raw().count(b"\n") for found in answer.found())
    assert found == (19_600 if "NOT" in text else 400)
    # Not "until hits were dense", as where the status is mistaken for it.
    assert answer.searches[0].engine == "hyperscan"
