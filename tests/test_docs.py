"""The documentation speaks of what exists, leads somewhere, and leaves nothing out."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import fanlight
import reference
import tidy
from fanlight import config
from fanlight.cli.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in tidy.tracked(ROOT) if path.suffix == ".md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
VARIABLE = re.compile(r"\bFANLIGHT_[A-Z][A-Z_]*[A-Z]\b")
PAGE_LINES = 60


def prose(text: str) -> str:
    """Answer a page without its code."""
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """Answer what a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def dead_links(root: Path, page: Path) -> list[str]:
    """Answer the relative links of a page that lead nowhere."""
    text = (root / page).read_text()
    dead = []
    for link in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (root / page).parent / name if name else root / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert dead_links(ROOT, page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One\n[b](b.md) [c](#one) [d](#two) [e](https://example.org)\n")
    assert dead_links(tmp_path, Path("a.md")) == ["b.md", "#two"]


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    seen: set[Path] = set()
    pending = [index]
    while pending:
        page = pending.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        pending += [page.parent / link.partition("#")[0] for link in LINK.findall(page.read_text())]
    missing = [str(page) for page in PAGES if page.parts[0] == "docs" and (ROOT / page) not in seen]
    assert missing == []


@cache
def options(command: str) -> set[str]:
    """Answer the options that a command's own help names."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", reference.help_of(command))) | {"--help"}


def commands_in(text: str) -> Iterator[list[str]]:
    """Answer the words of every command of ours that a page shows, in fences and in sentences."""
    for language, code in FENCE.findall(text):
        if language in ("console", "ini", "sh"):
            for line in code.replace("\\\n", " ").splitlines():
                words = line.removeprefix("$ ").split("#")[0].removeprefix("ExecStart=")
                yield from ours(words)
    for code in re.findall(r"`([^`\n]+)`", prose(text)):
        yield from ours(code)


def ours(line: str) -> Iterator[list[str]]:
    """Answer a line's words when it runs one of our commands or recipes."""
    try:
        words = shlex.split(line)
    except ValueError:
        return
    if len(words) > 1 and words[0].rpartition("/")[2] in ("fanlight", "make"):
        yield [words[0].rpartition("/")[2], *words[1:]]


def complaints(words: list[str]) -> list[str]:
    """Answer what of a shown command does not exist."""
    program, name, *rest = words
    if program == "make":
        recipes = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        named = [word for word in words[1:] if "=" not in word]
        return [word for word in named if word not in recipes]
    if name.startswith("-"):
        return [] if name in ("--help", "--version", "-h", "-vv") else [name]
    if not name.islower():
        return []  # a placeholder: fanlight COMMAND
    if name not in COMMANDS:
        return [name]
    if name == "run":
        rest = before_the_program(rest)
    return [word for word in rest if word.startswith("-") and word.partition("=")[0] not in options(name)]


def before_the_program(words: list[str]) -> list[str]:
    """Answer what belongs to `run` itself: options, each with its value, up to the first other word."""
    own: list[str] = []
    while words[len(own) :] and words[len(own)].startswith("--") and words[len(own)] != "--":
        own += words[len(own) : len(own) + 2]
    return own


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    wrong = {
        shlex.join(words): complaint
        for words in commands_in((ROOT / page).read_text())
        if (complaint := complaints(words))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("fanlight quary", ["quary"]),
        ("fanlight status --jason", ["--jason"]),
        ("fanlight run --service shop gunicorn -w 2 --reload shop:app", []),
        ("fanlight run --servise shop gunicorn", ["--servise"]),
        ("make tests", ["tests"]),
        ('make demo ARGS="--for 20s --json"', []),
    ],
)
def test_a_command_that_does_not_exist_is_found(line: str, complaint: list[str]) -> None:
    (words,) = commands_in(f"```sh\n{line}\n```\n")
    assert complaints(words) == complaint


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    """`make docs` writes it anew."""
    assert (reference.FOLDER / name).read_text() == reference.PAGES[name]()


def test_every_command_is_explained_beyond_its_own_help() -> None:
    pages = "".join((ROOT / page).read_text() for page in PAGES if page.name != "cli.md")
    assert [name for name in COMMANDS if f"fanlight {name}" not in pages] == []


def test_every_document_of_a_command_has_its_shape_on_the_page_about_json() -> None:
    page = (ROOT / "docs/reference/json.md").read_text()
    helps = (ROOT / "docs/reference/cli.md").read_text().split("\n## fanlight ")[1:]
    named = [text.split()[0] for text in helps if re.search(r"^ +--json ", text, re.MULTILINE)]
    assert "endpoints" in named
    assert [name for name in named if not re.search(rf"`fanlight {name}( show)? --json", page)] == []


def test_every_variable_that_the_code_reads_is_listed() -> None:
    listed = VARIABLE.findall((reference.FOLDER / "settings.md").read_text())
    used = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for name in VARIABLE.findall(node.value)
        if not name.startswith(config.INTERNAL) and name not in config.FOREIGN
    }
    assert sorted(used - set(listed)) == []


def test_every_public_name_can_be_had_and_has_a_docstring() -> None:
    names = [name for name in fanlight.__all__ if not name.startswith("__")]
    assert names == sorted(names)
    assert all(getattr(fanlight, name).__doc__ for name in names)


def python_blocks() -> list[tuple[str, str]]:
    return [
        (f"{page}:{number}", re.sub(r"^   ", "", code, flags=re.MULTILINE) if code[:3] == "   " else code)
        for page in PAGES
        for number, (language, code) in enumerate(FENCE.findall((ROOT / page).read_text()))
        if language == "python"
    ]


@pytest.mark.parametrize(("where", "code"), python_blocks(), ids=[where for where, _ in python_blocks()])
def test_python_in_a_page_compiles_and_uses_names_that_exist(where: str, code: str) -> None:
    wrapped = "def f():\n" + "\n".join(f"    {line}" for line in code.splitlines())
    tree = ast.parse(wrapped)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "fanlight"
    }
    assert sorted(used - set(fanlight.__all__)) == [], where


def test_the_tutorial_s_application_answers_as_the_tutorial_says(tmp_path: Path) -> None:
    """Before and after mending, forty products; both run in a process of their own, as a reader's do."""
    page = (ROOT / "docs" / "tutorial" / "first-trace.md").read_text()
    shop, mended = [code for language, code in FENCE.findall(page) if language == "python"]
    ask = "\nassert app.test_client().get('/products').json == {str(n): 7 for n in range(40)}\n"
    after = shop[: shop.index('@app.route("/products")')] + mended
    for program in (shop, after):
        command = [sys.executable, "-c", program + ask]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


OWN_CODE = """
import fanlight
from fanlight.recording.recorder import SWITCH

finished = []
SWITCH.sink = finished.append
basket = products = [1, 2]
app = work_out = load = check = id
write_invoices = import_rows = list
"""
OWN_CODE_FINISHED = """
(page, invoices) = finished
assert (invoices.endpoint, page.endpoint) == ("nightly invoices", "GET /orders/<id>")
blocks = [event for events, _, _ in page.records for event in events if type(event) is tuple]
titles = [block[2] for block in blocks if len(block) > 2]
expected = ["price the basket", "basket emptied", "warm the cache", "work_out", *["check the price"] * 2]
assert titles == expected, titles
"""


def test_the_examples_of_tracing_ones_own_code_run(tmp_path: Path) -> None:
    """All of a page in one process of its own, inside of a trace, in the order in which they stand."""
    page = (ROOT / "docs" / "howto" / "trace-your-own-code.md").read_text()
    examples = "".join(code for language, code in FENCE.findall(page) if language == "python")
    before, job, after = examples.partition('with fanlight.trace("nightly')
    program = (
        f"{OWN_CODE}with fanlight.trace('page'):\n{textwrap.indent(before + 'work_out(basket)', '    ')}"
    )
    command = [sys.executable, "-c", f"{program}\n{job}{after}{OWN_CODE_FINISHED}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_examples_of_what_an_event_is_run() -> None:
    page = (ROOT / "docs" / "explanation" / "event.md").read_text()
    program = "".join(code for language, code in FENCE.findall(page) if language == "python")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_decisions_are_short_complete_and_indexed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    decisions = sorted(folder.glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        lines = path.read_text().splitlines()
        headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
        assert headings == ["Context", "Decision", "Consequences"]
        assert len(lines) <= PAGE_LINES
        assert (
            f"[{path.name[:4]}]({path.name}) {lines[0].removeprefix('# ' + path.name[:4] + ' ')}\n" in index
        )


def test_the_architecture_fits_on_two_pages() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text().splitlines()) <= 2 * PAGE_LINES


def test_the_architecture_has_the_layers_that_the_gate_checks() -> None:
    told = re.search(r"\*\*One way\.\*\* `([^`]*)`", (ROOT / "ARCHITECTURE.md").read_text())
    assert told is not None
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    # In parentheses stands what is not there yet.
    checked = [[room for room in layer.split(" | ") if room[0] != "("] for layer in layers]
    assert [layer.split(" | ") for layer in " ".join(told[1].split()).split(" → ")] == [
        rooms for rooms in checked if rooms
    ]


def test_every_proof_that_a_page_names_is_a_test_that_exists() -> None:
    """A page names a proof as `tests/…/test_x.py` or `tests/…/test_x.py::test_name`."""
    for page in PAGES:
        for where in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", (ROOT / page).read_text()):
            file, _, name = where.partition("::")
            assert (ROOT / file).exists(), f"{page}: {where}"
            assert f"def {name}(" in (ROOT / file).read_text() or not name, f"{page}: {where}"
