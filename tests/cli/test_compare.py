"""`fanlight compare`: what it asks and what it shows, of a server with a store of its own."""

from __future__ import annotations

import json
import time

import pytest
from commits import Part, Request, commit

from fanlight.cli import main
from fanlight.server.answers import Answers
from fanlight.stores import open_store

MS = 1_000_000
MINUTE = 60_000 * MS
QUERY = ("db.sql.query", "SELECT FROM product", "SELECT ?")


def request(number, start_ns, statements, release):
    """Answer a request that asks so often for 10 ms, after 4 ms of its own."""
    queries = [
        Part(QUERY, 0, 10 * MS * at, 10 * MS, (("location", "shop/cart.py:88"),)) for at in range(statements)
    ]
    took = (4 + 10 * statements) * MS
    group = ("shop", "POST /checkout", "html")
    return Request(start_ns, took, number, group, tuple(queries), release=release)


@pytest.fixture
def shop(tmp_path, serving):
    """A data directory whose shop got slower with its second release, 40 minutes ago."""
    now = time.time_ns() // MINUTE * MINUTE
    rows = [
        request(ago, now - ago * MINUTE, 6 if ago < 40 else 2, "2026.9.2" if ago < 40 else "2026.9.1")
        for ago in range(1, 80)
    ]
    store = open_store("memory:")
    store.apply(1, [(1, commit(rows))])
    with serving(str(tmp_path / "data"), Answers(store, dict)) as path:
        yield path


def test_two_releases_are_compared_and_what_got_slower_is_told_with_its_place(shop, capsys):
    assert main(["compare", "2026.9.1", "2026.9.2", "--data", shop]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "shop: A request took 64 ms on average, 40 ms more than before (+167%)."
    assert "  release 2026.9.1: " in said.out
    assert any(line.split() == ["On", "average", "24", "ms", "64", "ms", "+167%"] for line in lines)
    slower = lines[lines.index("What got slower:") + 1 :]
    assert slower[0].split()[:3] == ["100%", "+40", "ms"]
    assert "runs 6 times a request instead of 2" in slower[0]
    assert slower[1].strip() == "shop/cart.py:88"
    assert "Nothing got faster." in lines
    assert "kept requests" in said.err


def test_the_json_is_the_servers(shop, capsys):
    assert main(["compare", "--last", "30m", "--against", "before", "--json", "--data", shop]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["names"] == ["the time before", "this time"]
    assert found["after"]["count"] in (29, 30)


def test_a_query_an_endpoint_and_an_environment_narrow_it(shop, capsys):
    main(["compare", "--where", "duration:>1h", "--endpoint", "POST /checkout", "--data", shop])
    said = capsys.readouterr()
    assert (said.out, "no request in either time" in said.err) == ("", True)
    main(["compare", "--env", "production", "--data", shop, "--service", "shop"])
    assert "no request in either time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["2026.9.1"], "one release is compared with another"),
        (["2026.9.1", "2027"], "no such release ran in this time"),
        (["--last", "soon"], "soon"),
        (["--against", "yesterday"], "yesterday"),
        (["--where", "duration:>"], "duration"),
    ],
)
def test_what_cannot_be_compared_is_a_mistake_that_says_what_was_wanted(shop, capsys, words, told):
    assert main(["compare", *words, "--data", shop]) == 2
    said = capsys.readouterr()
    assert (said.out, told in said.err) == ("", True), said.err
