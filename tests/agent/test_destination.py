"""An address of a server is read as it is meant, or refused without telling the token."""

from __future__ import annotations

import pytest

from fanlight.agent.destination import destination, parse
from fanlight.agent.given import receiver
from fanlight.errors import ConfigError

HOME = {"HOME": "/srv/me"}


@pytest.mark.parametrize(
    ("text", "shown", "token"),
    [
        ("https://t0ken@host:7700", "https://host:7700", "t0ken"),
        ("https://t0ken@host", "https://host", "t0ken"),
        ("HTTPS://t0ken@Host:443/", "https://host", "t0ken"),
        ("https://t@host/fanlight/", "https://host/fanlight", "t"),
        ("http://127.0.0.1:7700", "http://127.0.0.1:7700", ""),
        ("http://localhost", "http://localhost", ""),
        ("https://t@[::1]:7700", "https://[::1]:7700", "t"),
        ("https://a@b@host:1", "https://host:1", "a@b"),
    ],
)
def test_an_address_is_read(text, shown, token):
    found = parse(text)
    assert (found.shown, found.given) == (shown, token)


@pytest.mark.parametrize(
    "text",
    [
        "https://",
        "https://s3cret@",
        "https://s3cret@:7700",
        "https://s3cret@host:port",
        "https://s3cret@host:70000",
        "https://s3cret@ho st",
        "https://s3cret@host/a b",
        "https://s3cret\r\nX: y@host",
        "https://s3 cret@host",
        "https://s3crét@host",
        "https://s3cret@::1",
        "https://s3cret@host/\r\nx",
        "https://s3cret@host?x=1",
    ],
)
def test_what_is_none_is_refused_without_its_token(text):
    with pytest.raises(ConfigError) as found:
        parse(text)
    assert "s3c" not in str(found.value)


@pytest.mark.parametrize("host", ["127.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost.evil"])
def test_only_this_machine_is_this_machine(host):
    assert not parse(f"http://{host}").is_local()


def test_the_environment_chooses_the_strategy():
    assert destination(None, HOME) is None
    assert destination(None, {**HOME, "FANLIGHT_STRATEGY": "standalone"}) is None
    chosen = destination(None, {**HOME, "FANLIGHT_STRATEGY": "embedded"})
    assert chosen.shown == "http://127.0.0.1:7700"
    assert chosen.token_file == "/srv/me/.local/share/fanlight/run/report.token"
    path, server = receiver(None, {**HOME, "FANLIGHT_DSN": "https://t@host"})
    assert (path, server.given) == ("https://host", "t")
    path, server = receiver("unix:///run/c.sock", HOME)
    assert (path, server) == ("/run/c.sock", None)


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"FANLIGHT_STRATEGY": "embeded"}, "standalone and embedded"),
        ({"FANLIGHT_STRATEGY": "standalone", "FANLIGHT_DSN": "https://t@h"}, "leave one out"),
        ({"FANLIGHT_STRATEGY": "embedded", "FANLIGHT_DSN": "unix:///s"}, "reports to a server"),
        ({"FANLIGHT_DSN": "http://t@host:7700"}, "report.plain_hosts"),
        ({"FANLIGHT_DSN": "https://host:7700"}, "wants the token"),
    ],
)
def test_what_does_not_go_together_is_refused(environ, says):
    with pytest.raises(ConfigError, match=says):
        receiver(None, {**HOME, **environ})


def test_a_host_that_was_named_may_be_spoken_to_plainly():
    environ = {**HOME, "FANLIGHT_REPORT__PLAIN_HOSTS": "other, fanlight"}
    assert destination("http://t@fanlight:7700", environ).shown == "http://fanlight:7700"


def test_another_machine_is_never_sent_the_token_of_this_one():
    environ = {**HOME, "FANLIGHT_REPORT__PLAIN_HOSTS": "fanlight"}
    with pytest.raises(ConfigError, match="wants the token"):
        destination("http://fanlight:7700", environ)
