"""What is said of a property that lines may have and do not."""

from __future__ import annotations

import pytest

from fanlight import Query
from fanlight.parsers import named
from fanlight.pipeline.files.lacking import lacking

PLAIN = [b"2026-01-31 10:00:00 it began", b"2026-01-31 10:00:01 it broke", b""]
LEVELLED = [b"2026-01-31 10:00:00 INFO it began"]
TOLD = "none of the first 2 lines tells a 'level', which stamped may have"
CASED = "values are compared with their case; --case-insensitive would select some of the first lines"


@pytest.mark.parametrize(
    ("text", "lines", "is_empty", "told"),
    [
        ("level:error", PLAIN, True, [TOLD]),
        ("level:error", PLAIN, False, []),
        ("level:error", LEVELLED, True, []),
        ("level:info", LEVELLED, True, [CASED]),
        ("level:info", LEVELLED, False, []),
        ("level:info --case-insensitive", LEVELLED, True, []),
        ("level:info message:lost", LEVELLED, True, []),
    ],
)
def test_a_level_that_is_not_there_and_a_case_that_differs_are_told(
    text: str, lines: list[bytes], is_empty: bool, told: list[str]
) -> None:
    assert lacking(Query(text), named("stamped", "UTC"), lines, is_empty=is_empty) == told
