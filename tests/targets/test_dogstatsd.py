"""DogStatsD: the bytes of Datadog's own client, and datagrams that fit."""

from __future__ import annotations

import threading

import pytest
from datadog.dogstatsd.base import DogStatsd as Official
from hypothesis import example, given
from hypothesis import strategies as st

from fanlight.errors import ConfigError
from fanlight.targets import Place, target
from fanlight.targets.datagrams import packed
from fanlight.targets.dogstatsd import event, metric, service_check
from fanlight.wire.readings import Snapshot

SHOP = {"service": "shop", "host": "vm", "server": "gunicorn", "kind": ""}
PLACE = Place({}, 5.0)


class Recorded(Official):
    """The official client, whose packets are kept instead of sent."""

    def __init__(self, **options):
        self.packets = []
        super().__init__(
            disable_telemetry=True, disable_buffering=True, origin_detection_enabled=False, **options
        )
        self._send = lambda packet, *_, **__: self.packets.append(packet)


KINDS = {"gauge": "g", "timing": "ms", "histogram": "h", "distribution": "d", "increment": "c"}
names = st.text("abcdefghij._", min_size=1, max_size=12)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
tags = st.lists(st.text(min_size=1, max_size=12), max_size=3)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@pytest.mark.parametrize("kind", list(KINDS))
@given(name=names, value=numbers, own=tags, constant=tags, namespace=st.sampled_from(["", "web"]))
def test_a_value_has_the_bytes_of_the_official_client(kind, name, value, own, constant, namespace):
    client = Recorded(namespace=namespace or None, constant_tags=constant)
    getattr(client, kind)(name, value, tags=own)
    assert client.packets == [metric(name, value, KINDS[kind], own + constant, namespace)]


@given(title=texts, text=texts, alert=st.sampled_from(["", "error", "warning", "info", "success"]), own=tags)
def test_an_event_has_the_bytes_of_the_official_client(title, text, alert, own):
    client = Recorded()
    client.event(title, text, alert_type=alert or None, tags=own)
    assert client.packets == [event(title, text, alert, own)]


@given(name=names, status=st.sampled_from([0, 1, 2, 3]), text=st.one_of(st.just(""), texts), own=tags)
@example(name="a", status=1, text="m:its own mark, m: twice", own=[])
@example(name="a", status=1, text="two\nlines", own=["b:c"])
def test_a_check_has_the_bytes_of_the_official_client(name, status, text, own):
    client = Recorded()
    client.service_check(name, status, tags=own, message=text or None)
    assert client.packets == [service_check(name, status, text, own)]


def test_the_official_client_itself_sends_the_same_datagram(udp):
    """Over the wire, not by its own methods: whatever it does to a packet last is in it."""
    host, port = udp.address.split(":")
    client = Official(
        host=host, port=int(port), disable_telemetry=True, disable_buffering=True, constant_tags=["env:prod"]
    )
    client.gauge("queue.backlog", 7, tags=["service:shop"])
    official = udp.take()
    ours = target("dogstatsd", PLACE, {"address": udp.address, "tags": ["env:prod"], "labels": ["service"]})
    ours.send([Snapshot(0, SHOP, {"queue.backlog": 7})])
    assert udp.take() == official == b"queue.backlog:7|g|#service:shop,env:prod\n"
    ours.close()
    client.close_socket()


def test_every_value_is_a_gauge_unless_it_is_told_otherwise(udp):
    options = {
        "address": udp.address,
        "labels": [],
        "namespace": "web",
        "types": {"queue.time": "distribution", "workers.requests_count": "count"},
    }
    ours = target("dogstatsd", PLACE, options)
    values = {"workers.requests_count": 5, "queue.backlog": 0, "queue.time": 12_500_000}
    ours.send([Snapshot(0, SHOP, values)])
    assert udp.take() == b"web.queue.backlog:0|g\nweb.queue.time:12.5|d\n"
    ours.send([Snapshot(0, SHOP, {**values, "workers.requests_count": 9})])
    assert udp.take() == (b"web.workers.requests_count:4|c\nweb.queue.backlog:0|g\nweb.queue.time:12.5|d\n")
    ours.close()


def test_lines_fill_a_datagram_to_its_last_byte_and_no_further():
    lines = [b"a" * 9, b"b" * 9, b"c" * 9]
    assert list(packed(lines, 30)) == [b"\n".join(lines) + b"\n"]
    assert list(packed(lines, 29)) == [lines[0] + b"\n" + lines[1] + b"\n", lines[2] + b"\n"]
    # A line that fits without its end alone.
    assert list(packed(lines, 9)) == lines


@pytest.mark.parametrize("way", ["udp", "uds"])
def test_many_lines_are_packed_into_datagrams_that_fit(way, request):
    receiver = request.getfixturevalue(way)
    ours = target("dogstatsd", PLACE, {"address": receiver.address})
    rows = [
        Snapshot(0, {**SHOP, "worker": str(number)}, {f"value.{name}": number for name in range(20)})
        for number in range(30)
    ]
    # A unix socket's queue is a few datagrams long: who sends waits for who takes.
    sending = threading.Thread(target=ours.send, args=(rows,))
    sending.start()
    limit = 1432 if way == "udp" else 8192
    found = []
    while sum(datagram.count(b"\n") for datagram in found) < 600:
        found.append(receiver.take())
        assert len(found[-1]) <= limit
    sending.join()
    assert all(len(datagram) > limit - 80 for datagram in found[:-1])
    ours.close()


def test_a_socket_that_vanished_is_an_error_and_comes_back(uds, tmp_path):
    ours = target("dogstatsd", PLACE, {"address": uds.address})
    told = [Snapshot(0, SHOP, {"queue.backlog": 1})]
    ours.send(told)
    uds.close()
    (tmp_path / "statsd.sock").unlink()
    with pytest.raises(OSError, match=r"refused|No such file"):
        ours.send(told)
    from receivers import Datagrams

    again = Datagrams(tmp_path / "statsd.sock")
    ours.send(told)
    assert b"queue.backlog:1|g" in again.take()
    again.close()
    ours.close()


def test_events_and_checks_are_sent_on_demand(udp):
    options = {"address": udp.address, "labels": ["service"], "events": True, "check": True}
    ours = target("dogstatsd", PLACE, options)
    ours.send([Snapshot(0, SHOP, {"workers.booted": 0, "workers.restarts": 1})])
    assert udp.take().splitlines()[2:] == [b"_sc|fanlight.workers|2|#service:shop|m:no worker is ready"]
    ours.send([Snapshot(0, SHOP, {"workers.booted": 2, "workers.restarts": 3})])
    assert udp.take().splitlines()[2:] == [
        b"_e{17,9}:Workers restarted|2 of shop|t:warning|#service:shop",
        b"_sc|fanlight.workers|0|#service:shop",
    ]
    ours.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"address": "nowhere"}, "'nowhere' is no address of target 'dogstatsd'; expected HOST:PORT"),
        ({"types": {"queue.time": "timming"}}, "did you mean 'timing'"),
        ({"types": {"queue.tiem": "timing"}}, "did you mean 'queue.time'"),
        ({"types": {"queue.backlog": "count"}}, "is no total, so it cannot be a count"),
        ({"adress": "127.0.0.1:1"}, "did you mean 'address'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(options, said):
    with pytest.raises(ConfigError, match=said):
        target("dogstatsd", PLACE, options)
