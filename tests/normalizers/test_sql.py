"""SQL leaves the process only sanitised: cases as data, and laws."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.normalizers.sql import INPUT_CHARS, MEMO_ENTRIES, TEXT_CHARS, Memo, normalize, sanitize

CASES = [
    (f"{path.stem}-{number}", case)
    for path in sorted((Path(__file__).parent.parent / "cases" / "sql").glob("*.toml"))
    for number, case in enumerate(tomllib.loads(path.read_text())["case"], 1)
]
SECRET = "hunter2"


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_a_statement_gets_its_title_and_text(case: dict[str, str]) -> None:
    assert sanitize(case["input"]) == (case["title"], case["text"])


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_a_sanitised_text_is_its_own_sanitised_text(case: dict[str, str]) -> None:
    if case["text"]:
        assert sanitize(case["text"])[1].replace(" ?", "?") == case["text"].replace(" ?", "?")


# A literal that holds the secret, quotes, comment marks and whatever else, as a driver writes it.
noise = st.text(st.sampled_from("ab '\"\\`#-/*$()[],;:?\n%@é"), max_size=12)
data = st.builds(lambda before, after: f"{before} {SECRET} {after}", noise, noise)
standard = data.map(lambda text: "'" + text.replace("'", "''") + "'")
escaping = data.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'")
doubling_both = data.map(lambda text: "'" + text.replace("\\", "\\\\").replace("'", "''") + "'")
extended = escaping.map(lambda text: "E" + text)
in_double_quotes = data.map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
dollars = data.map(lambda text: f"$q9$ {text} $q9$")
SHAPES = [
    "SELECT * FROM t WHERE a = {0} AND b = {1}",
    "INSERT INTO t (a, b) VALUES ({0}, {1}), ({1}, {0})",
    "UPDATE t SET a = {0} WHERE b IN ({1}, {0}) AND c LIKE {1}",
    "SELECT f({0}, {1}), {0} || {1} FROM s.t -- end",
    "DELETE FROM t WHERE a={0}AND b={1}",
    "WITH x AS (SELECT {0}) SELECT * FROM x WHERE y = {1}::text",
]


DIALECTS = {
    "standard": standard,
    "escaping": escaping,
    "doubling": doubling_both,
    "postgresql": st.one_of(standard, extended, dollars),
    "mysql": st.one_of(escaping, doubling_both, in_double_quotes),
}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(found=st.data())
def test_no_literal_survives_in_any_dialect(dialect: st.SearchStrategy[str], found: st.DataObject) -> None:
    shape = found.draw(st.sampled_from(SHAPES))
    statement = shape.format(found.draw(dialect), found.draw(dialect))
    title, text = sanitize(statement)
    assert SECRET not in title + text


PLANTED = [
    'SELECT "hunter2"',
    'SELECT a, "hunter2" FROM t',
    'SELECT * FROM t WHERE "hunter2" = a',
    'SELECT * FROM t WHERE a = b AND ("hunter2") = a',
    'SELECT * FROM t WHERE a IN (b, "hunter2")',
    'SELECT DISTINCT "hunter2" FROM t',
    'SELECT COUNT("hunter2"), MD5("hunter2") FROM t',
    'UPDATE t SET a = CASE WHEN "hunter2" THEN 1 END, b = concat(a, "hunter2")',
    'INSERT INTO t (a) SELECT "hunter2"',
    'INSERT INTO t (a, b) VALUES (upper("hunter2"), "hunter2")',
    'SELECT * FROM t WHERE a IS DISTINCT FROM "hunter2"',
    'SELECT * FROM t WHERE (a, b) = (1, "hunter2") HAVING "hunter2" OR NOT "hunter2"',
    'SELECT a, "hunter2" = b FROM t GROUP BY a, "hunter2" = b ORDER BY "hunter2" = b',
    'SELECT a FROM t ORDER BY "hunter2" || b',
    'UPDATE t SET a = 1, b = 2 RETURNING b, "hunter2" = c',
    'INSERT INTO t (a) VALUES (1) RETURNING ("hunter2"), upper("hunter2")',
    'INSERT INTO t DEFAULT VALUES RETURNING ("hunter2")',
    'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = ("hunter2"), b = coalesce(b, "hunter2")',
    'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1 WHERE ("hunter2" = a)',
    'INSERT INTO t (a) SELECT b FROM c JOIN d ON upper("hunter2") = b',
    'VACUUM main INTO "/srv/hunter2"',
    'ALTER TABLE t ADD COLUMN a DEFAULT ("hunter2") CHECK ("hunter2" <> a)',
    'CREATE INDEX i ON t (a, "hunter2" || b) WHERE a <> ("hunter2") AND lower("hunter2") = a',
    'CREATE TRIGGER g INSERT ON t WHEN ("hunter2" = a) BEGIN UPDATE t SET a = ("hunter2"), b = f("hunter2")',
]


@pytest.mark.parametrize("dialect", ["mysql", "sqlite"])
@pytest.mark.parametrize("statement", PLANTED)
def test_what_may_be_a_string_in_double_quotes_stays_here(statement: str, dialect: str) -> None:
    title, text = normalize(f"sql.query.{dialect}", statement)[1:3]
    assert SECRET not in title + text
    assert "?" in text


@given(found=st.data())
def test_nothing_in_double_quotes_leaves_that_mysql_was_sent(found: st.DataObject) -> None:
    shape = found.draw(
        st.sampled_from(
            ["SELECT {0} FROM t", *SHAPES, *(each.replace('"hunter2"', "{0}") for each in PLANTED)]
        )
    )
    words = st.one_of(st.just(f'"{SECRET}"'), in_double_quotes)
    title, text = sanitize(shape.format(found.draw(words), found.draw(words)), "mysql")
    assert SECRET not in title + text


@pytest.mark.parametrize(
    ("statement", "title"),
    [
        ('SELECT "t"."a", COUNT(*) AS "n" FROM "t" GROUP BY "t"."a" ORDER BY "n" DESC', "SELECT FROM t"),
        ('INSERT INTO "t" ("a", "b") VALUES (?)', "INSERT INTO t"),
        ('UPDATE "t" SET "a" = ?, "b" = ? WHERE "t"."id" = ?', "UPDATE t"),
        ('DELETE FROM "t" WHERE "t"."id" IN (?)', "DELETE FROM t"),
        ('CREATE TABLE "t" ("id" integer, "a" text)', "CREATE TABLE t"),
        ('CREATE TABLE IF NOT EXISTS "main"."t" ("id" integer NOT NULL)', "CREATE TABLE main.t"),
        ('DROP TABLE IF EXISTS "t"', "DROP TABLE t"),
        ('CREATE INDEX "i" ON t ("a", "b" DESC)', "CREATE INDEX i"),
        ('INSERT INTO t ("a") VALUES (?) ON CONFLICT ("a") DO UPDATE SET "a" = ?, "b" = ?', "INSERT INTO t"),
        ('UPDATE t SET "a" = (SELECT b FROM u WHERE b = c), "d" = ?', "UPDATE t"),
    ],
)
def test_what_only_a_name_can_be_stays_a_name_on_sqlite(statement: str, title: str) -> None:
    assert sanitize(statement, "sqlite") == (title, statement)


@given(number=st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_no_number_survives(number: float) -> None:
    assert sanitize(f"SELECT * FROM t WHERE a = {number}")[1] == "SELECT * FROM t WHERE a = ?"


@given(text=st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    for statement in (text, f"SELECT {text}", f"SELECT * FROM {text}", f"INSERT INTO t VALUES ({text}"):
        title, description = sanitize(statement)
        assert title
        assert len(description) <= TEXT_CHARS


@given(literals=st.lists(st.integers(), min_size=1, max_size=20))
def test_lists_of_any_length_share_one_text(literals: list[int]) -> None:
    one = sanitize("SELECT * FROM t WHERE a IN (1)")
    assert sanitize(f"SELECT * FROM t WHERE a IN ({', '.join(map(str, literals))})") == one


HOSTILE = [
    *(
        "'",
        '"',
        "`",
        "[",
        "(",
        "[a",
        "$a$",
        "/*",
        "/* */",
        "--",
        "#",
        "(a,",
        "IN (",
        "VALUES (1),",
        "f(",
        "\\'",
    ),
    *(
        "FROM (SELECT ",
        "FROM WITH ",
        "WITH x AS (",
        '"a"',
        "'a'\\'",
        "1.",
        "e+",
        ": ",
        "%(",
        "[1,",
        "ROW(",
        "q'[",
    ),
    *('((((f("a"),', "CASE WHEN ", "a.b.", "@", "\n", " ", "é", "x'"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_megabyte_of_anything_takes_bounded_time(piece: str) -> None:
    statement = "SELECT " + piece * (1_048_576 // len(piece))
    begun = time.process_time()
    sanitize(statement)
    # 64 KiB take 50 to 200 ms; quadratic time would be minutes.
    assert time.process_time() - begun < 30


def test_a_cut_inside_of_a_literal_loses_the_literal() -> None:
    title, text = sanitize("SELECT * FROM t WHERE a = '" + SECRET * INPUT_CHARS)
    assert (title, text) == ("SELECT FROM t", "SELECT * FROM t WHERE a = ?")


def test_a_long_text_is_cut() -> None:
    _, text = sanitize("SELECT " + ", ".join(f"column_{n}" for n in range(2_000)) + " FROM t")
    assert len(text) == TEXT_CHARS
    assert text.endswith("…")


def test_the_memo_stays_small() -> None:
    memo = Memo()
    for number in range(MEMO_ENTRIES * 2 + 5):
        assert memo.get(f"SELECT {number} FROM t") == ("SELECT FROM t", "SELECT ? FROM t")
    assert len(memo.known) <= MEMO_ENTRIES


def test_the_memo_is_bounded_in_characters_too() -> None:
    memo = Memo()
    for number in range(200):
        memo.get(f"SELECT {number}, '{'x' * 30_000}' FROM t")
    assert sum(map(len, memo.known)) <= 1_200_000


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("SELECT 1", ("db.sql.query", "SELECT", "SELECT ?", None)),
        (
            ("SELECT 1", "OperationalError"),
            ("db.sql.query", "SELECT", "SELECT ?", {"error": "OperationalError"}),
        ),
        ({"sql": "SELECT 1", "error": ""}, ("db.sql.query", "SELECT", "SELECT ?", None)),
        (None, ("db.sql.query", "SQL", "", None)),
        (3, ("db.sql.query", "SQL", "", None)),
        ({"sql": 7}, ("db.sql.query", "SQL", "", None)),
        (b"SELECT \xff", ("db.sql.query", "SQL", "", None)),
        ("SELECT '\udcff\0' FROM t", ("db.sql.query", "SELECT FROM t", "SELECT ? FROM t", None)),
    ],
)
def test_payloads_of_every_form_are_read(payload: object, expected: tuple[object, ...]) -> None:
    assert normalize("sql.query", payload) == expected
