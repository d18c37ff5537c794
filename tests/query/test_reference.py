"""Every example of the reference page does what it says there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import UTC
from pathlib import Path

import pytest
from test_query import NOON_NS, event_of

from fanlight import Query
from fanlight.errors import QueryError
from fanlight.query.stages import BUILT_IN

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "query.md").read_text()
ROW = re.compile(r"^\| (.*?) \|$", re.MULTILINE)
EVENT = re.compile(r'(?:"(.*?)"|([^=]+))=(?:"(.*)"|(.*))')


def rows(*head: str) -> list[list[str]]:
    """Answer the cells of every table with this head."""
    found = []
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells == list(head):
            inside = True
        elif not cells:
            inside = False
        elif inside and set(cells[0]) - set("-"):
            found.append([cell.replace("\\|", "|") for cell in cells])
    return found


def read(cell: str) -> Query:
    return Query(cell.strip("`"), now_ns=NOON_NS, zone=UTC)


def selected(query: Query, cell: str) -> bool:
    found = EVENT.fullmatch(cell.strip("`"))
    assert found
    quoted, name, text, word = found.groups()
    value = text if text is not None else word
    number = name not in ("time", "duration") and value.isdigit() and text is None
    return query.matches(event_of({quoted or name: int(value) if number else value}))


@pytest.mark.parametrize(("query", "right", "wrong"), rows("query", "selects", "does not select"))
def test_an_example_selects_what_it_says(query: str, right: str, wrong: str) -> None:
    assert selected(read(query), right)
    assert not selected(read(query), wrong)


@pytest.mark.parametrize(("query", "meaning"), rows("query", "means"))
def test_an_example_means_what_it_says(query: str, meaning: str) -> None:
    assert str(read(query)) == meaning.strip("`")
    assert read(query) == read(meaning)


@pytest.mark.parametrize(("query", "deed"), rows("query", "does"))
def test_a_stage_of_an_example_reads_and_prints_itself(query: str, deed: str) -> None:
    assert str(read(query)) == query.strip("`")


CONSOLE = re.search(r"```console\n\$ cat shop.log\n(.*?)\n```", PAGE, re.DOTALL)
assert CONSOLE
LINES, *ASKED = re.split(r"\n\n\$ (fanlight query .*)\n", CONSOLE[1])


@pytest.mark.parametrize(("command", "answer"), list(zip(ASKED[::2], ASKED[1::2], strict=True)))
def test_a_command_of_the_page_answers_what_stands_there(
    command: str, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.log").write_text(f"{LINES}\n")
    words = [sys.executable, "-m", *shlex.split(command)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"{answer}\n"
    assert done.stderr == ""


@pytest.mark.parametrize("stage", BUILT_IN)
def test_every_stage_is_seen_at_work_on_the_page(stage: str) -> None:
    assert any(f"| {stage}" in command for command in ASKED[::2])


ERRORS = re.findall(r"```text\n(column .*?\n  (.*)\n +\^)\n```", PAGE)


@pytest.mark.parametrize(("message", "query"), ERRORS)
def test_an_error_is_told_as_on_the_page(message: str, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        read(query)
    assert str(caught.value) == message


def test_the_page_has_examples_of_each_sort() -> None:
    assert len(rows("query", "selects", "does not select")) > 25
    assert len(ERRORS) == 2
