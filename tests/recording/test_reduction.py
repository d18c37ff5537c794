"""Whatever an application annotates becomes text or a number, and no code of its own runs for it."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.recording.redaction import Scrubber, secret
from fanlight.recording.reduction import ENTRIES, PLAIN, characters, described, plain, reduced


class Loud:
    def __repr__(self) -> str:
        raise AssertionError("nobody may ask")

    __str__ = __repr__


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("nobody may ask")


class Color(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (1, 1),
        (True, True),
        (None, None),
        (1.5, 1.5),
        (Text("sub"), "sub"),
        (Color.RED, 1),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (b"secret", "<6 bytes>"),
        ([1, "a"], "[1, 'a']"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        ({"a": 1, "api_key": 2}, "{'a': 1, 'api_key': <redacted>}"),
        ([[[[1]]]], "[[[<builtins.list>]]]"),
    ],
)
def test_values_become_short_and_plain(value, text):
    assert plain(value) == text
    assert type(plain(value)) in PLAIN


def test_objects_of_the_application_are_named_by_their_class_only():
    assert plain(Loud()).endswith("Loud>")
    assert plain([Loud()]).endswith("Loud>]")
    assert plain({"a": Loud()}).endswith("Loud>}")


def test_a_class_that_lies_about_itself_harms_nobody():
    class Liar:
        @property
        def __class__(self):
            raise AssertionError("nobody may ask")

    liar = Liar()
    # Whatever an instance says about itself, its type is what it is.
    assert plain([liar]).endswith("Liar>]")


def test_a_payload_keeps_its_shape_one_level_deep():
    payload = {"sql": "x", "binds": (1, Loud()), "more": {"k": [1]}, 5: 6}
    answer = reduced(payload)
    assert answer["binds"][0] == 1
    assert answer["binds"][1].endswith("Loud>")
    assert answer["more"] == {"k": "[1]"}
    assert answer["5"] == 6


def test_of_a_long_dict_the_first_entries_are_kept_and_the_others_counted():
    payload = {"more": {f"k{n}": n for n in range(ENTRIES + 3)}, "all": {f"k{n}": n for n in range(ENTRIES)}}
    answer = reduced(payload)
    assert answer["more"] == {f"k{n}": n for n in range(ENTRIES)} | {"…": 3}
    assert answer["all"] == payload["all"]


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.text(), st.floats(), st.binary()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner)),
        max_leaves=30,
    )
)
def test_nothing_but_plain_values_comes_out(value):
    answer = plain(value)
    assert type(answer) in PLAIN
    if not isinstance(value, str | int | float):
        assert answer is None or len(answer) <= 201


def test_characters_are_counted_wherever_they_stand():
    held = ("ab", 1, [{"key": "cde", "more": ("fghi", None)}], 2.5)
    assert characters(held) == 9
    assert characters(held, 3) == 7
    assert characters(5) == 0


def test_an_exception_is_its_type_and_its_words():
    class OddError(Exception):
        def __str__(self) -> str:
            raise AssertionError("broken")

    assert described(ValueError("x" * 10_000)) == ("ValueError", "x" * 4096)
    name, message = described(OddError())
    assert name.endswith("OddError")
    assert message == ""
    assert described(decimal.InvalidOperation("n"))[0] == "decimal.InvalidOperation"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "user_password",
            "PASSWD",
            "db-passwd",
            "client.secret",
            "api.key",
            "Authorization",
            "Cookie",
        ),
        *(
            "set-cookie",
            "X-Api-Key",
            "apikey",
            "API_KEY",
            "session_id",
            "sessionid",
            "csrf_token",
            "X-XSRF-Token",
        ),
        *("access_key", "private key", "refresh_token", "jwt", "credentials", "pwd"),
    ],
)
def test_names_of_secrets_are_known_in_any_dress(name):
    assert secret(name)


@pytest.mark.parametrize("name", ["items", "status", "user", "path", "key", "session", "passenger", "total"])
def test_other_names_are_no_secrets(name):
    assert not secret(name)


@pytest.mark.parametrize(
    ("message", "scrubbed"),
    [
        ("nothing to hide", "nothing to hide"),
        ("password=hunter2 is wrong", "password=<redacted> is wrong"),
        ("bad api_key: 'a b c', retry", "bad api_key: <redacted>, retry"),
        ('{"token": "abc", "n": 1}', '{"token": <redacted>, "n": 1}'),
        ("Authorization: Bearer abc.def.ghi", "Authorization: <redacted>"),
        ("sent Bearer abcdef123456 twice", "sent Bearer <redacted> twice"),
        ("postgres://shop:hunter2@db:5432/x failed", "postgres://shop:<redacted>@db:5432/x failed"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln-_x, expired", "got <redacted>, expired"),
        ("eyJ is how it begins. eyJhbGci too", "eyJ is how it begins. eyJhbGci too"),
        ("first\nsecond password=x", "first"),
        ("while handling http://shop:80/orders/anna/9.9:", "while handling http://shop:80/<path>:"),
        (
            "404 for url: https://anna:pw@api/v1/anna?mail=anna",
            "404 for url: https://anna:<redacted>@api/<path>?<query>",
        ),
        (
            "no https://shop/ and no https://shop, see (wss://shop/anna).",
            "no https://shop/ and no https://shop, see (wss://shop/<path>).",
        ),
        ("404 for url: https://api/Users('anna')/orders(17)/anna", "404 for url: https://api/<path>"),
        (
            "retries exceeded with url: /v1/anna?mail=x (refused)",
            "retries exceeded with url: /<path>?<query> (refused)",
        ),
        ("404 GET /v1/anna?mail=x (127.0.0.1) 1.02ms", "404 GET /<path>?<query> (127.0.0.1) 1.02ms"),
        (
            'no view: "HEAD /anna HTTP/1.1", GET /, get /up',
            'no view: "HEAD /<path> HTTP/1.1", GET /, get /up',
        ),
        ("404 GET /o'neil/anna?b=o'anna (127.0.0.1) 1ms", "404 GET /<path>?<query> (127.0.0.1) 1ms"),
        ("404 GET /a(b/anna (::1), PUT /a)b/anna", "404 GET /<path> (::1), PUT /<path>"),
        ("GET /a(anna) (::1), no GET /(anna)", "GET /<path> (::1), no GET /<path>"),
        (
            "GET /a?anna (::1), GET /?anna or GET /?, /a?",
            "GET /<path>?<query> (::1), GET /?<query> or GET /?, /a?",
        ),
        (
            "get('http://shop/o'neil/anna'), (http://shop/a)",
            "get('http://shop/<path>'), (http://shop/<path>)",
        ),
        ("retries exceeded with url: / (refused)", "retries exceeded with url: / (refused)"),
        (
            "bad sql: SELECT * FROM u WHERE mail='a@b.c' AND n=42",
            "bad sql: SELECT * FROM u WHERE mail=? AND n=?",
        ),
        ("x" * 600, "x" * 500 + "…"),
        ("", ""),
        # As MariaDB, PostgreSQL, asyncpg, SQLite, Redis and MongoDB word it.
        (
            "(1062, \"Duplicate entry 'it's anna' for key 'name'\")",
            "(1062, \"Duplicate entry ? for key 'name'\")",
        ),
        ("Duplicate entry 'anna for key", "Duplicate entry ?"),
        (
            "(1366, \"Incorrect integer value: 'anna' for column `a`.`b`.`n` at row 1\")",
            '(1366, "Incorrect integer value: ? for column `a`.`b`.`n` at row 1")',
        ),
        ("Truncated incorrect DOUBLE value: 'anna'", "Truncated incorrect DOUBLE value: ?"),
        (
            "(1300, \"Invalid utf8mb4 character string: 'FF7333'\")",
            '(1300, "Invalid utf8mb4 character string: ?',
        ),
        (
            "(1064, \"… the right syntax to use near 'frm x where y='anna'' at line 1\")",
            '(1064, "… the right syntax to use near ? at line 1")',
        ),
        ("(1105, \"XPATH syntax error: '~anna'\")", '(1105, "XPATH syntax error: ?'),
        (
            "Variable 'sql_mode' can't be set to the value of 'anna'",
            "Variable 'sql_mode' can't be set to the value of ?",
        ),
        ('invalid input syntax for type uuid: "anna"', "invalid input syntax for type uuid: ?"),
        ('invalid input value for enum mood: "anna"', "invalid input value for enum mood: ?"),
        ('date/time field value out of range: "anna"', "date/time field value out of range: ?"),
        ('value "999" is out of range for type integer', "value ? is out of range for type integer"),
        ('malformed array literal: "anna"', "malformed array literal: ?"),
        ('unterminated quoted string at or near "\'anna"', "unterminated quoted string at or near ?"),
        (
            "invalid input for query argument $2: 'anna (9)' ('str' is no integer)",
            "invalid input for query argument $2: ? ('str' is no integer)",
        ),
        (
            "invalid input for query argument $1: 5 (expected str, got int)",
            "invalid input for query argument $1: ? (expected str, got int)",
        ),
        (
            "unknown command 'X', with args beginning with: 'anna' 'b'",
            "unknown command 'X', with args beginning with: ?",
        ),
        (
            'E11000 duplicate key error collection: a.b index: mail_1 dup key: { mail: "anna" }',
            "E11000 duplicate key error collection: a.b index: mail_1 dup key: ?",
        ),
        ("Unknown column 'x' in 'SELECT'", "Unknown column 'x' in 'SELECT'"),
        ('syntax error at or near "FROMM"', 'syntax error at or near "FROMM"'),
    ],
)
def test_messages_lose_their_secrets(message, scrubbed):
    assert Scrubber().scrub(message, 500) == scrubbed


@given(st.text(max_size=2000), st.sampled_from(["password", "token", "api_key", "Authorization"]))
def test_no_message_keeps_what_follows_a_secrets_name(before, name):
    assert "hunter2" not in Scrubber().scrub(f"{before} {name}=hunter2".replace("\n", " "), 5000)


@pytest.mark.parametrize(
    "repeated",
    [
        ("'",),
        ("http://a/.", "."),
        ("GET /(a)b", "'a"),
        ("GET /", "(a)b", "."),
        ("password ",),
        ("a",),
        ("=",),
        ("select ",),
        ("select a from ", "select "),
        ("update ", "set ", "update "),
        ("x=\"'",),
    ],
)
def test_scrubbing_takes_time_in_proportion(repeated):
    scrubber = Scrubber()

    def took_ns(characters):
        text = "".join(each * (characters // len("".join(repeated))) for each in repeated)
        begun_ns = time.thread_time_ns()
        scrubber.scrub(text, characters)
        return time.thread_time_ns() - begun_ns

    # The least of some turns: other work on the machine only ever adds.
    short_ns, long_ns = (
        min(took) for took in zip(*((took_ns(8000), took_ns(32000)) for _ in range(5)), strict=True)
    )
    assert long_ns < 8 * short_ns, "four times as much in proportion, sixteen times where it is squared"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("it is 5: update t set a = 7", "it is 5: update t set a = ?"),
        ("7 é: SELECT 'a' FROM t, 8", "7 é: SELECT ? FROM t, ?"),
        ("5 selected 6, select 7 from t", "5 selected 6, select ? from t"),
        ("1 update 2, 3 insert  into t values (4)", "1 update 2, 3 insert  into t values (?)"),
        ("1 delete from t where a = 2, insert into t 3", "1 delete from t where a = ?, insert into t ?"),
        ("1 select 2, set 3 update 4", "1 select 2, set 3 update 4"),
        ("1 \u017felect 2 from t", "1 \u017felect ? from t"),
    ],
)
def test_literals_go_from_where_the_first_statement_begins(line: str, expected: str) -> None:
    assert Scrubber().scrub(line, 500) == expected
