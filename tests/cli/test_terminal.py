"""Nothing that comes from outside can steer a terminal."""

import io
import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.cli import terminal

anything = st.text(alphabet=st.characters())


def is_obeyed(letter):
    """Answer whether a terminal would do something else than show a character."""
    code = ord(letter)
    return (
        code < 0x20
        or 0x7F <= code <= 0x9F
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or code in (0x2028, 0x2029, 0x200E, 0x200F, 0x061C, 0xFEFF)
        or unicodedata.category(letter) == "Cs"
    )


@given(anything)
@example("\x1b]0;owned\x07\x1b[2J")
@example("\u202egnp.exe")
@example("\x9b31m")
@example("\ud800")
def test_no_control_character_of_content_is_left(content):
    assert not [letter for letter in terminal.clean(content) if is_obeyed(letter)]


@given(st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs", "Cf", "Zl", "Zp"))))
def test_harmless_content_is_shown_as_it_is(content):
    assert terminal.clean(content) == content


def test_what_was_there_stays_visible():
    assert terminal.clean("a\x1b[31mb\r\n\x7f\x85\u202e") == "a␛[31mb␍␊␡<U+0085><U+202E>"


@given(anything)
def test_a_written_line_has_only_our_own_tabs_and_line_ends(content):
    stream = io.StringIO()
    terminal.write(content, stream)
    written = stream.getvalue()
    assert written.endswith("\n")
    assert not [letter for letter in written if is_obeyed(letter) and letter not in "\t\n"]


def test_a_terminal_that_lacks_a_letter_gets_an_escape_and_no_error():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal.write("café", stream)
    stream.seek(0)
    assert stream.read() == "caf\\xe9\n"


@given(st.dictionaries(anything, st.one_of(anything, st.integers(), st.none())))
def test_json_is_exact_and_holds_no_control_character(document):
    import contextlib

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        terminal.write_json(document)
    assert json.loads(said.getvalue()) == document
    assert not [letter for letter in said.getvalue() if is_obeyed(letter) and letter != "\n"]


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({"NO_COLOR": ""}, True)],
)
def test_colour_is_for_terminals_whose_user_did_not_refuse(monkeypatch, environ, wanted):
    class Screen(io.StringIO):
        def isatty(self):
            return True

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert terminal.has_colour(Screen()) is wanted
    assert terminal.has_colour(io.StringIO()) is False
