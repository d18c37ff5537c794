"""Words in one file, searched the short way: the same lines as the long way, or none of its business."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import parsers
from fanlight.pipeline.files import mapped
from fanlight.pipeline.files.answer import Answer
from fanlight.pipeline.files.glance import access_log, kind_of
from fanlight.pipeline.files.plainly import opened
from fanlight.pipeline.files.search import Wishes
from fanlight.query.plainly import words_of
from fanlight.query.query import Query

SAMPLES = [
    row.removeprefix("line = '").removesuffix("'")
    for name in ("common", "combined", "combined-time", "combined-vhost", "performance", "json", "plain")
    for row in (Path(parsers.FOLDER) / f"{name}.toml").read_text("utf-8").splitlines()
    if row.startswith("line = '")
]
stamps = st.sampled_from(
    [
        "31/Jan/2026:23:59:59 +0100",
        "29/Feb/2024:00:00:00 -0330",
        "31/Apr/2026:00:00:00 +0000",
        "01/jan/2026:00:00:00 +0000",
        "10/Oct/2000:24:00:00 -0700",
        "10/Oct/2000:13:55:60 -0700",
        "10/Oct/2000:13:55:36 -2900",
        "10/Oct/2000:13:55:36 UTC",
    ]
)
asked = st.sampled_from(
    [
        "GET /blue HTTP/1.1",
        "GET /Red?x=y HTTP/1.0",
        "-",
        "",
        "\\x16",
        'a \\" b',
        "GET /é HTTP/1.1",
        "\t",
        "CONNECT",
    ]
)
lines = st.builds(
    '{} {} {} [{}] "{}"{}{}'.format,
    st.sampled_from(["10.0.0.1", "::1", "", "a b", "é"]),
    st.sampled_from(["-", ""]),
    st.sampled_from(["-", "blue", "x y"]),
    stamps,
    asked,
    st.sampled_from([" 200 17", " 404 -", " - -", " 2000 1", " 200 17 ", " 200  17", " 200"]),
    st.sampled_from(
        [
            "",
            ' "-" "curl"',
            ' "-" "red"',
            ' "-" "curl" 0.25',
            ' "-" "curl" -',
            ' "-"',
            ' "-" "x" "y"',
            ' "-" "cu',
        ]
    ),
)
usual = st.builds(
    '10.0.0.1 - {} [31/Jan/2026:23:59:59 +0100] "GET /{} HTTP/1.1" 200 17{}'.format,
    st.sampled_from(["-", "ann"]),
    st.sampled_from(["blue", "RED", "bot", "Blue/red", "x"]),
    st.just(' "-" "curl" 0.25'),
)
tokens = st.sampled_from(
    ["blue", "Red", "bot", "AND", "NOT", "and", "or", "5xx", "a-b", "blue red", "x:y", "", " ", "in"]
)


@given(some=st.lists(st.one_of(usual, lines, st.sampled_from(SAMPLES)), max_size=3))
def test_what_a_glance_is_sure_of_is_what_is_detected(some: list[str]) -> None:
    raw = [line.encode() for line in some]
    found, sure = parsers.detect(raw, "UTC")
    if name := access_log(raw):
        assert {kind_of(line) for line in raw if line.strip()} == {found.name} == {name}
        assert parsers.fitted(found, raw) is found
        assert sure == found.said
        assert found.raw_is_text
        assert found.heads is None
        assert not found.hidden


def test_a_glance_knows_the_usual_lines() -> None:
    assert kind_of(b'::1 - - [31/Dec/2025:23:59:59 +0000] "-" 408 -') == "common"
    assert kind_of(b'1 - - [31/Dec/2025:23:59:59 +0000] "GET / HTTP/1.1" 200 1 "-" "curl"') == "combined"
    assert kind_of(b'1 - - [29/Feb/2024:23:59:59 +0000] "GET / HTTP/1.1" 200 1 "-" "curl" 0.2') == ""
    assert (
        kind_of(b'1 - - [28/Feb/2024:23:59:59 +0000] "GET / HTTP/1.1" 200 1 "-" "a" 0.2') == "combined-time"
    )


@given(arguments=st.lists(tokens, min_size=1, max_size=6))
def test_words_mean_what_the_grammar_says(arguments: list[str]) -> None:
    for given_as in (arguments, [" ".join(arguments)]):
        words = words_of(given_as)
        if words is None:
            continue
        query = Query.from_args(given_as)
        assert query.keywords_united == bool(words.united)
        text = " OR ".join(words.united) or " AND ".join(
            [*words.wanted, *(f"NOT {word}" for word in words.unwanted)]
        )
        assert str(Query(str(query.node).lower())) == str(Query(text.lower()))


@pytest.mark.parametrize(
    "text", ["blue", "blue red", "blue AND red", "blue AND NOT bot", "blue AND NOT bot AND red"]
)
def test_the_usual_ways_to_ask_for_words_are_words(text: str) -> None:
    assert words_of(text.split(" ")) is not None
    assert (words_of([text]) is None) == (text == "blue red")


@pytest.mark.parametrize("engine", ["aho-corasick", "hyperscan", "bytes"])
@given(
    some=st.lists(usual, min_size=1, max_size=30),
    odd=st.lists(st.one_of(lines, st.sampled_from(["", "é blue", "red\x00", "blue\r"])), max_size=5),
    end=st.sampled_from(["", "\n"]),
    text=st.sampled_from(
        ["blue", "blue red", "RED AND blue", "blue AND NOT red", "bot AND NOT ann AND NOT blue"]
    ),
)
def test_the_short_way_finds_what_the_long_way_finds(
    tmp_path_factory: pytest.TempPathFactory,
    engine: str,
    some: list[str],
    odd: list[str],
    end: str,
    text: str,
) -> None:
    # What is odd stands where a format is not detected any more.
    data = ("\n".join([*(some * 70)[:70], *odd]) + end).encode()
    path = file_of(tmp_path_factory, data)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("PIECE", 8192), ("ALIGNED", 4096), ("WORTH", 1)):
            patch.setattr(mapped, name, value)
        for name in {"hyperscan": ["ahocorasick_rs"], "bytes": ["ahocorasick_rs", "hyperscan"]}.get(
            engine, []
        ):
            patch.setitem(sys.modules, name, None)
        search = opened(words_of(text.split(" ")), str(path))  # type: ignore[arg-type]
        assert search is not None
        found = b"".join(search.found())
        search.source.close()
        answer = Answer(Query(text), [str(path)], Wishes(zone="UTC"))
        assert found == b"".join(each.raw() for each in answer.found())
        assert search.count == found.count(b"\n")


def file_of(factory: pytest.TempPathFactory, data: bytes) -> Path:
    path = factory.getbasetemp() / "plainly.log"
    path.write_bytes(data)
    return path


def test_what_is_no_plain_access_log_is_asked_the_long_way(tmp_path: Path) -> None:
    words = words_of(["blue"])
    assert words is not None
    for data in (b"", b"blue\n", b"\xef\xbb\xbf" + SAMPLES[0].encode() + b"\n", b"\x1f\x8b\x08\x00"):
        (tmp_path / "x").write_bytes(data)
        assert opened(words, str(tmp_path / "x")) is None
