"""Whatever a seed writes, spoils and asks: nothing fails or hangs, no line is lost, all answer alike."""

from __future__ import annotations

import json
import math
import os
import random
import time
from contextlib import contextmanager
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from spoilt import NAMES, ODD, SAMPLES, accounted, parsed

from fanlight import Query
from fanlight.errors import QueryError
from fanlight.event.coding import to_json
from fanlight.event.packing import pack
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.search import Wishes
from fanlight.query.answer import in_memory
from fanlight.stores import open_store
from fanlight.stores.imports import Imported, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fanlight import Event

LONGEST_S = 30.0
"""CPU seconds for what a seed makes; most take some thousandths."""
NOW_NS = 1_770_000_000_000_000_000
SOAK = (pytest.mark.soak, pytest.mark.timeout(7200))
"""Many seeds take minutes, on a machine with other work many."""
TIMES = int(os.environ.get("FANLIGHT_TEST_SEEDS", "1"))

WORDS = [
    *(
        "GET",
        "get",
        "größe",
        "GRÖSSE",
        "K",
        "\u212a",
        "İ",
        "\u017f",
        "ς",
        "😀",
        "503",
        "42",
        "-5",
        "nan",
        "1e308",
    ),
    *("null", "true", "it's", 'say "x"', "back\\slash", "a\tb", "%", "_", "x' OR 1=1 --", "5ms", "4KiB"),
    *("/api/x", "/Api/x", "2026-01-01", "2026-01-01T12:00:00Z", "", " "),
]
KEYS = [
    "status",
    "user",
    "path",
    "a.b",
    "a",
    "a.b.c",
    "a.c.d",
    "größe",
    'we"ird',
    "it's",
    "x); --",
    "level",
    "message",
    "#1",
]
VALUES = [*WORDS, 0, -1, 42, 503, 2**53 + 1, 2**63 - 1, -(2**63), 0.5, 1e308, -0.0, True, False, None]
HOLDING: list[Any] = [
    *({"b": "GET"}, {"b": 503, "c": {"d": 1}}, [], {}, [42, "GET"], 2**70, {"b": {"c": "GET"}}, [{"b": 42}]),
    *({"b.c": 503, "b": {"c": 42}}, {"c": {"d": [0.5, True]}}, {"b": None, "c.d": "größe"}),
]


class Said(NamedTuple):
    """Names and texts that queries are made of."""

    keys: list[str]
    words: list[str]


SAID = Said(KEYS, WORDS)
SIGNS = [":", ":", ":", "=", "!=", "~", "!~", ":>", ":<=", ">", ">=", "<", "<="]
MEANT = ["5xx", "1..100", "1ms..1s", "G.T", "^/api", "(a|b)", ".*", "T$", "\\d+", "1e400", str(2**64), "now"]
PIECES = [
    *(
        "status",
        "größe",
        "#1",
        "@x",
        "from",
        "last:15m",
        "from:",
        "exists(",
        "span.",
        "in (",
        "time:1m",
        "()",
    ),
    *(
        "(",
        ")",
        '"',
        "'",
        "/re/",
        "//",
        "[",
        "]",
        "{",
        "\\",
        "*",
        "+",
        "?",
        "^",
        "$",
        ".",
        ",",
        "..",
        "|",
        "||",
    ),
    *("NOT", "-", "!", "and", "OR", "--x", "--case-sensitive", ":", "=", "!~", ">", "<=", "5xx", "1s", "-5"),
    *(
        "stats count",
        "top 3",
        "timechart 1m",
        "sort -",
        "head 3",
        "uniq",
        "fields",
        "by",
        "p95(",
        "٣",
        "\x00",
    ),
    *(" ", " ", " ", "\t", "\n", "\x1c", "\u00a0", "\u2028", "😀", "K"),
]
"""What queries and no queries are made of."""


def seeds(count: int) -> range | list[int]:
    """Answer the seeds to go through, or the one that the environment names."""
    chosen = os.environ.get("FANLIGHT_TEST_SEED")
    return [int(chosen)] if chosen else range(count)


@contextmanager
def chance(seed: int) -> Iterator[random.Random]:
    """Yield what a seed decides; a failure names the seed, and so does what takes too long."""
    began = time.process_time()
    try:
        yield random.Random(seed)
        took_s = time.process_time() - began
        assert took_s < LONGEST_S, f"took {took_s:.1f} s of CPU"
    except BaseException as error:
        error.add_note(f"FANLIGHT_TEST_SEED={seed} repeats it")
        raise


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def a_term(chosen: random.Random, depth: int = 0, said: Said = SAID) -> str:
    sort = chosen.random()
    if depth < 3 and sort < 0.2:
        one, other = (a_term(chosen, depth + 1, said) for _ in range(2))
        return f"({one} {chosen.choice(['AND', 'OR', ''])} {other})"
    if depth < 3 and sort < 0.3:
        return f"{chosen.choice(['NOT ', '!'])}{a_term(chosen, depth + 1, said)}"
    if sort < 0.45:
        return quoted(chosen.choice(said.words) or "x")
    if sort < 0.5:
        return chosen.choice(["/G.T/", "/[0-9]+/", "/^$/", "/ö/", "/4.4/", "/(?i)get/", "/ESS|0/", "/zzq+/"])
    key = chosen.choice(said.keys)
    name = key if key.isalnum() or key in ("a.b", "a.b.c", "a.c.d", "#1") else quoted(key)
    value = quoted(chosen.choice([*said.words, *MEANT]))
    return chosen.choice(
        [f"exists({name})", f"{name} in ({value}, 42)", f"{name}{chosen.choice(SIGNS)}{value}"]
    )


def a_stage(chosen: random.Random, said: Said = SAID) -> str:
    def name() -> str:
        return quoted(chosen.choice([key for key in said.keys if key != "#1"]))

    function = chosen.choice(
        ["count", "count", *(f"{each}({name()})" for each in ("sum", "avg", "min", "max", "p50", "distinct"))]
    )
    return chosen.choice(
        [
            *(f"stats {function}", f"stats count, {function} by {name()}", f"stats {function} by time:1m"),
            *(f"top 3 {name()}", f"timechart 1m {function}", f"sort {name()}", f"sort -{name()}"),
            *("head 3", "tail 3", f"uniq {name()}"),
        ]
    )


def a_query(chosen: random.Random, said: Said = SAID) -> str:
    one, two = (a_term(chosen, said=said) for _ in range(2))
    text = chosen.choice(["", one, f"{one} {two}"])
    text += chosen.choice(["", "", "", " --case-sensitive", " --case-insensitive"])
    return text + "".join(f" | {a_stage(chosen, said)}" for _ in range(chosen.choice([0, 0, 1, 1, 2])))


def asked(text: str) -> Query | None:
    """Answer the query of a text; None where it is none, and its error says where."""
    try:
        return Query(text, zone=UTC, now_ns=NOW_NS)
    except QueryError as error:
        if not (error.code and 1 <= error.column <= len(text) + 1):
            raise
        return None


FEW_OR_MANY = [100, pytest.param(TIMES * 5_000, marks=SOAK)]


@pytest.mark.parametrize("count", FEW_OR_MANY, ids=["few", "many"])
def test_a_text_is_a_query_that_prints_itself_or_an_error_with_a_column(count: int) -> None:
    for seed in seeds(count):
        with chance(seed) as chosen:
            for _ in range(20):
                text = "".join(chosen.choices(PIECES, k=chosen.randint(1, 14)))
                for each in (text, a_query(chosen)):
                    query = asked(each)
                    if query is not None:
                        assert asked(str(query)) == query, each


def spoilt(chosen: random.Random, name: str) -> bytes:
    """Answer some samples below one another, with pieces taken out, put in and put twice."""
    text = "\n".join(chosen.choices(SAMPLES[name], k=chosen.randint(1, 5))).encode()
    for _ in range(chosen.randint(0, 8)):
        begin = chosen.randint(0, len(text))
        piece = chosen.choice([*ODD, b"", text[begin : begin + 40], chosen.randbytes(chosen.randint(0, 6))])
        text = text[:begin] + piece + text[begin + chosen.randint(0, 12) :]
    return text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [10, pytest.param(TIMES * 200, marks=SOAK)], ids=["few", "many"])
def test_a_spoilt_file_is_accounted_for_line_by_line_whatever_is_asked(count: int, name: str) -> None:
    for seed in seeds(count):
        with chance(seed) as chosen:
            text = spoilt(chosen, name)
            accounted(name, text)
            query = asked(a_term(chosen))
            if query is not None:
                before = [to_json(each) for each in parsed(name, text, query)[0] if not each.is_control]
                events = [each for each in parsed(name, text)[0] if not each.is_control]
                assert before == [to_json(query.shown(each)) for each in events if query.matches(each)]


def a_log(chosen: random.Random) -> list[str]:
    """Answer lines of JSON, each later than the one before."""
    names = chosen.sample(KEYS[:-1], chosen.randint(2, 5))
    values = chosen.sample(VALUES, chosen.randint(3, 12)) + (HOLDING if chosen.random() < 0.3 else [])
    return [
        json.dumps(
            {"time": f"2026-01-31T23:{minute:02}:00Z"}
            | {chosen.choice(names): chosen.choice(values) for _ in range(chosen.randint(0, 4))},
            ensure_ascii=chosen.random() < 0.5,
        )
        for minute in range(chosen.randint(1, 25))
    ]


def told(event: Event) -> list[Any]:
    return [event.kind, event.time_ns, *((each.name, each.value, each.type, each.unit) for each in event)]


def are_alike(one: Any, other: Any) -> bool:
    """Tell whether two answers are the same; sums of fractions may be added up in any order."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(are_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9) or repr(one) == repr(other)
    return repr(one) == repr(other)


@pytest.mark.parametrize("count", [10, pytest.param(TIMES * 100, marks=SOAK)], ids=["few", "many"])
def test_a_file_and_every_store_answer_what_the_predicate_and_the_stages_do(
    count: int, tmp_path: Path
) -> None:
    for seed in seeds(count):
        with chance(seed) as chosen:
            lines = a_log(chosen)
            path = tmp_path / f"{seed}.log"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            events = parsed("json", "\n".join(lines).encode())[0]
            assert len(events) == len(lines)
            piece = Piece(Imported(0, "f", "json", "1:1", "h", 9), "t", 9, len(lines), [*map(pack, events)])
            places = {"memory": "", "duckdb": f"{path}.d"}
            stores = [open_store(f"{name}:{place}") for name, place in places.items()]
            try:
                for store in stores:
                    store.imports.keep(piece, NOW_NS)
                for _ in range(20):
                    query = asked(a_query(chosen))
                    if query is None:
                        continue
                    right = [*map(told, in_memory(query, filter(query.matches, events)))]
                    for store in stores:
                        assert are_alike([*map(told, store.answer(query))], right), f"{query} of {store}"
                    file = Answer(query, [str(path)], Wishes(format="json", zone="UTC"))
                    assert are_alike([*map(told, file.events())], right), f"{query} of the file"
            finally:
                for store in stores:
                    store.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [3, pytest.param(TIMES * 10, marks=SOAK)], ids=["few", "many"])
def test_every_store_answers_alike_of_whatever_a_format_reads(count: int, name: str, tmp_path: Path) -> None:
    for seed in seeds(count):
        with chance(seed) as chosen:
            text = b"\n".join(spoilt(chosen, name) for _ in range(chosen.randint(1, 4)))
            events = [each for each in parsed(name, text)[0] if not each.is_control]
            if not events:
                continue
            never = -(2**64)
            events.sort(key=lambda each: (never if each.time_ns is None else each.time_ns, each.number))
            values = [
                value for each in events for value in each.read()[1] if isinstance(value, int | float | str)
            ]
            words = [str(value)[at : at + chosen.randint(1, 12)] for value in values[:60] for at in (0, 3)]
            names = sorted({each.name for event in events for each in event})
            said = Said(
                [*names, "#1", "raw", "line", "kind", "time", "a.b"], [*filter(str.isprintable, words), "x"]
            )
            piece = Piece(Imported(0, "f", name, "1:1", "h", 9), "t", 9, len(events), [*map(pack, events)])
            stores = [open_store("memory:"), open_store(f"duckdb:{tmp_path / str(seed)}")]
            try:
                for store in stores:
                    store.imports.keep(piece, NOW_NS)
                for _ in range(20):
                    query = asked(a_query(chosen, said))
                    if query is not None:
                        right = [*map(told, in_memory(query, filter(query.matches, events)))]
                        for store in stores:
                            assert are_alike([*map(told, store.answer(query))], right), f"{query} of {store}"
            finally:
                for store in stores:
                    store.close()
