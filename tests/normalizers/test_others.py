"""Requests, templates, calls to other services and notifications of the application's own."""

from __future__ import annotations

import pytest

from fanlight import normalizers


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("app.block", None, ("app.block", "", "", None)),
        (
            "view.cart",
            {"title": "Cart", "description": "d", "items": 3},
            ("view.cart", "Cart", "d", {"items": 3}),
        ),
        ("app.x", {"exception": ("ValueError", "hunter2")}, ("app.x", "", "", {"exception": "ValueError"})),
        ("db", {"title": 7}, ("db", "", "", None)),
        ("cache.get", "key", ("cache.get", "key", "", None)),
        ("other.x", ("a", 1), ("other.x", "", "", None)),
        ("application.lul", {"title": "x"}, None),
        ("cart.load", None, None),
        ("", None, None),
    ],
)
def test_a_name_in_a_tier_speaks_for_itself(name: str, payload: object, expected: object) -> None:
    assert normalizers.normalize(name, payload) == expected


def test_the_payload_stays_as_it_was() -> None:
    payload = {"title": "x", "n": 1}
    normalizers.normalize("app.x", payload)
    assert payload == {"title": "x", "n": 1}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (("GET", "api.example:8080", 200, ""), ("api.http.get", "GET api.example:8080", "", {"status": 200})),
        (
            ("post", "u:pw@h/p?q=1", 0, "TimeoutError"),
            ("api.http.post", "POST h", "", {"error": "TimeoutError"}),
        ),
        (("BREW", "h", 418, ""), ("api.http.other", "OTHER h", "", {"status": 418})),
        (
            {"method": "GET", "host": "https://u:secret@h:1/path?token=x"},
            ("api.http.get", "GET h:1", "", None),
        ),
        (None, ("api.http.other", "OTHER", "", None)),
        ((1, 2, 3), ("api.http.other", "OTHER", "", None)),
    ],
)
def test_a_call_is_named_by_method_and_host_alone(payload: object, expected: object) -> None:
    assert normalizers.normalize("http.request", payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (("find", "product", ""), ("db.mongo.find", "find product", "", None)),
        (("getMore", "", "AutoReconnect"), ("db.mongo.getmore", "getMore", "", {"error": "AutoReconnect"})),
        ({"command": "drop", "collection": "a"}, ("db.mongo.drop", "drop a", "", None)),
        (("hunter2", "a", ""), ("db.mongo.other", "other a", "", None)),
        (None, ("db.mongo.other", "other", "", None)),
    ],
)
def test_a_mongo_command_is_named_with_its_collection(payload: object, expected: object) -> None:
    assert normalizers.normalize("mongo.command", payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("GET", ("db.redis.get", "GET", "", None)),
        ("json.get", ("db.redis.json_get", "JSON.GET", "", None)),
        (("SET", "TimeoutError"), ("db.redis.set", "SET", "", {"error": "TimeoutError"})),
        (("PIPELINE", 3), ("db.redis.pipeline", "PIPELINE", "", {"commands": 3})),
        (
            (("PIPELINE", 3), "ResponseError"),
            ("db.redis.pipeline", "PIPELINE", "", {"commands": 3, "error": "ResponseError"}),
        ),
        ({"command": "DEL", "error": ""}, ("db.redis.del", "DEL", "", None)),
        ("hunter2", ("db.redis.other", "OTHER", "", None)),
        ("A" * 25, ("db.redis.other", "OTHER", "", None)),
        (None, ("db.redis.other", "OTHER", "", None)),
    ],
)
def test_a_redis_command_is_named_and_nothing_else(payload: object, expected: object) -> None:
    assert normalizers.normalize("redis.command", payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (
            {"server": "wsgi", "method": "HEAD", "status": 200, "path": "/secret"},
            ("app.wsgi.request", "GET", "", {"method": "HEAD", "status": 200}),
        ),
        ({"server": "evil", "method": "X" * 99, "status": "x"}, ("app.request", "", "", None)),
        (None, ("app.request", "", "", None)),
    ],
)
def test_a_request_keeps_method_and_status_alone(payload: object, expected: object) -> None:
    assert normalizers.normalize("request", payload) == expected


@pytest.mark.parametrize(
    ("payload", "title"),
    [("a/b.html", "a/b.html"), (None, "<string>"), ({"template": "x"}, "x"), (7, "<string>")],
)
def test_a_template_is_named_as_its_loader_does(payload: object, title: str) -> None:
    assert normalizers.normalize("view.render", payload) == ("view.render.template", title, "", None)


@pytest.mark.parametrize(
    ("payload", "notes"),
    [
        (("text/plain; charset=utf-8", True), {"type": "text/plain", "disposition": "attachment"}),
        ({"type": "image/png", "attachment": False}, {"type": "image/png", "disposition": "inline"}),
        (("", False), {"type": "application/octet-stream", "disposition": "inline"}),
        (("image/png", None), {"type": "image/png"}),
        ("/srv/hunter2", {"type": "application/octet-stream", "disposition": "inline"}),
    ],
)
def test_a_file_is_told_by_its_type_alone(payload: object, notes: object) -> None:
    assert normalizers.normalize("file.send", payload) == ("app.response.file", "send file", "", notes)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (("s3", "PutObject", 200, 0, ""), ("api.aws.s3", "s3 PutObject", "", {"status": 200})),
        (
            ("cognito-idp", "AdminGetUser", 503, 4, "ClientError"),
            (
                *("api.aws.cognito-idp", "cognito-idp AdminGetUser", ""),
                {"status": 503, "retries": 4, "error": "ClientError"},
            ),
        ),
        ({"service": "sqs", "operation": "hunter2/hunter2"}, ("api.aws.sqs", "sqs other", "", None)),
        ("hunter2", ("api.aws.other", "other other", "", None)),
    ],
)
def test_a_call_of_a_cloud_tells_no_parameter(payload: object, expected: object) -> None:
    assert normalizers.normalize("aws.call", payload) == expected


def test_ever_new_names_do_not_pile_up() -> None:
    for number in range(2_000):
        normalizers.normalize(f"made.up.{number}", None)
    assert len(normalizers.NORMALIZERS) <= 1_010


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("get hit", ("cache.get", "cache read", "", {"hit": True})),
        ("get miss", ("cache.get", "cache read", "", {"hit": False})),
        ("set", ("cache.set", "cache write", "", None)),
        ({"operation": "get", "hit": False}, ("cache.get", "cache read", "", {"hit": False})),
        (("get_many", 2, 1), ("cache.get_many", "cache read many", "", {"hits": 2, "misses": 1})),
        (
            {"operation": "get_many", "hits": 0, "misses": 1},
            ("cache.get_many", "cache read many", "", {"hits": 0, "misses": 1}),
        ),
        ("hunter2 hunter2", ("cache.other", "cache", "", None)),
        (("get", "hunter2"), ("cache.other", "cache", "", None)),
        ({"operation": "hunter2", "hit": "hunter2"}, ("cache.other", "cache", "", None)),
    ],
)
def test_a_cache_operation_never_tells_its_key(payload: object, expected: object) -> None:
    assert normalizers.normalize("cache.operation", payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("shop.send", ("job.enqueue", "Enqueue shop.send", "", None)),
        (
            ("shop.send", "OperationalError"),
            ("job.enqueue", "Enqueue shop.send", "", {"error": "OperationalError"}),
        ),
        ({"job": "shop.send", "error": ""}, ("job.enqueue", "Enqueue shop.send", "", None)),
        (17, ("job.enqueue", "Enqueue", "", None)),
    ],
)
def test_a_job_that_is_enqueued_is_told_by_its_name(payload: object, expected: object) -> None:
    assert normalizers.normalize("job.enqueue", payload) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ((30, "shop", "x", ""), ("log.warning", "shop", "", {"message": "x"})),
        ((45, "shop", "x", "OSError"), ("log.error", "shop", "", {"message": "x", "error": "OSError"})),
        ((50, "shop", "token=hunter2", ""), ("log.critical", "shop", "", {"message": "token=<redacted>"})),
        ("hunter2", None),
        ({"message": "hunter2"}, None),
    ],
)
def test_a_line_of_the_log_is_told_without_secrets(payload: object, expected: object) -> None:
    assert normalizers.normalize("log.record", payload) == expected
