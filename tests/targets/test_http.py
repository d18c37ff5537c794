"""HTTP: one POST for the messages of an instant, to a real server."""

from __future__ import annotations

import json
import os

import pytest

from fanlight.errors import ConfigError
from fanlight.targets import Place, target
from fanlight.targets.http import ANSWER_BYTES

PLACE = Place({}, 5.0)


def test_objects_are_one_array(web):
    ours = target("http", PLACE, {"url": f"{web.address}/in?x=1", "headers": {"x-scope": "tests"}})
    ours.send(['{"a":1}', '{"b":2}'])
    path, headers, body = web.got[0]
    assert path == "/in?x=1"
    assert headers["content-type"] == "application/json"
    assert headers["x-scope"] == "tests"
    assert json.loads(body) == [{"a": 1}, {"b": 2}]
    ours.close()


def test_other_texts_are_lines(web):
    ours = target("http", PLACE, {"url": web.address})
    ours.send(["a=1", "b=2"])
    assert web.got[0][1]["content-type"].startswith("text/plain")
    assert web.got[0][2] == b"a=1\nb=2\n"
    ours.close()


def test_nothing_is_not_posted(web):
    ours = target("http", PLACE, {"url": web.address})
    ours.send([])
    assert web.got == []


def test_an_answer_without_end_is_read_no_further_and_ends_its_connection_alone(web):
    web.status, web.said = 200, bytes(ANSWER_BYTES + 1)
    ours = target("http", PLACE, {"url": web.address})
    for _ in range(2):
        ours.send(["{}"])
        assert ours.connection is None
    web.said = b"taken"
    ours.send(["{}"])
    assert ours.connection is not None
    assert len(web.got) == 3
    ours.close()


@pytest.mark.parametrize("status", [302, 307, 404, 500])
def test_a_refusal_is_an_error_and_a_redirect_is_not_followed(web, status):
    web.status = status
    ours = target("http", PLACE, {"url": web.address})
    with pytest.raises(OSError, match=f"answered {status}"):
        ours.send(["{}"])
    assert len(web.got) == 1
    ours.close()


def test_a_token_is_read_from_a_file_of_its_own_each_time(web, tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    file.chmod(0o600)
    ours = target("http", PLACE, {"url": web.address, "token_file": str(file)})
    ours.send(["{}"])
    file.write_text("second\n")
    ours.send(["{}"])
    assert [got[1]["authorization"] for got in web.got] == ["Bearer first", "Bearer second"]
    os.chmod(file, 0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        ours.send(["{}"])
    ours.close()


def test_a_server_that_ended_the_connection_gets_a_new_one(web):
    ours = target("http", PLACE, {"url": web.address})
    ours.send(["{}"])
    ours.connection.sock.shutdown(2)
    ours.send(["{}"])
    assert len(web.got) == 2
    ours.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "'' is no url"),
        ({"url": "ftp://example.org"}, "expected https://HOST/PATH"),
        ({"url": "https://user:pass@example.org"}, "no password"),
        ({"url": "http://example.org", "token_file": "/x"}, "use https"),
        ({"url": "https://example.org", "headers": {"a": "b\r\nc: d"}}, "line end"),
        ({"url": "https://example.org", "headers": {"a": 1}}, "a table of names and texts"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(options, said):
    with pytest.raises(ConfigError, match=said):
        target("http", PLACE, options)
