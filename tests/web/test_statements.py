"""SQL over several lines: cases from a file, and the law that nothing but white space changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.web.statements import BRIEF, SHORT, TOKEN, brief, pretty, statement

CASES = (Path(__file__).parent / "statements.sql").read_text("utf-8").strip().split("\n\n")


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_a_statement_has_a_line_for_each_of_its_parts(case) -> None:
    given_line, *lines = case.split("\n")
    assert pretty(given_line) == "\n".join(lines)


@given(
    st.lists(
        st.sampled_from([*"(),;'\"`[]-*/?=<>", " ", "select", " from ", "and", "between", "é", "\n", "\0"]),
        min_size=20,
    ).map("".join)
)
def test_nothing_but_white_space_changes(text) -> None:
    assert "".join(TOKEN.findall(text)) == text
    assert "".join(pretty(text).split()) == "".join(text.split())


def test_a_short_or_a_huge_one_stays_as_it_is() -> None:
    assert pretty("SELECT a FROM b WHERE c = ?") == "SELECT a FROM b WHERE c = ?"
    huge = "SELECT " + "a, " * 10_000
    assert pretty(huge) == huge
    assert len(pretty("SELECT a FROM b " + "(" * SHORT)) > SHORT


def test_the_beginning_of_a_long_one_tells_the_table_before_the_columns() -> None:
    columns = ", ".join(f'"shop_product"."column_{number}"' for number in range(40))
    nested = f"SELECT (SELECT max(a) FROM b), {columns} FROM shop_product WHERE shop_product.id = ?"
    assert brief(nested).startswith("SELECT … FROM shop_product WHERE shop_product.id = ?")
    assert brief(f"INSERT INTO shop_product ({columns}) VALUES (?)").startswith('INSERT INTO shop_product ("')
    assert brief("SELECT a FROM b") == "SELECT a FROM b"
    assert len(brief("(" * 100_000)) == BRIEF + 1


def test_what_is_long_is_folded_whatever_it_is() -> None:
    assert statement("SELECT a FROM b", "db.sql.query").formatted == ""
    assert statement("https://shop.example/prices", "api.http").formatted == ""
    url = "https://shop.example/" + "x" * 500
    assert statement(url, "api.http") == (url, brief(url), url)
