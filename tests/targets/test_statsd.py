"""Plain statsd: lines that any receiver reads."""

from __future__ import annotations

import re

import pytest

from fanlight.errors import ConfigError
from fanlight.targets import Place, target
from fanlight.wire.readings import Snapshot

SHOP = {"service": "shop.eu", "host": "vm", "server": "gunicorn", "kind": ""}
PLACE = Place({}, 5.0)


def test_labels_are_part_of_the_name(udp):
    ours = target("statsd", PLACE, {"address": udp.address})
    ours.send(
        [
            Snapshot(0, SHOP, {"queue.backlog": 3}),
            Snapshot(0, {**SHOP, "worker": "1"}, {"workers.busy_threads": 2, "queue.backlog": 3}),
        ]
    )
    assert udp.take() == (
        b"fanlight.shop_eu.queue.backlog:3|g\n"
        b"fanlight.shop_eu.worker.1.busy_threads:2|g\n"
        b"fanlight.shop_eu.worker.1.queue.backlog:3|g\n"
    )
    ours.close()


def test_nothing_is_sent_that_other_receivers_refuse(udp):
    ours = target("statsd", PLACE, {"address": udp.address, "types": {"queue.time": "timing"}})
    odd = {**SHOP, "service": "a b:c|d@e#f"}
    ours.send([Snapshot(0, odd, {"queue.time": 1_500_000, "workers.utilisation": 0.5})])
    lines = udp.take().decode().splitlines()
    assert lines == [
        "fanlight.a_b_c_d_e_f.queue.time:1.5|ms",
        "fanlight.a_b_c_d_e_f.workers.utilisation:0.5|g",
    ]
    assert all(re.fullmatch(r"[\w.-]+:-?[\d.]+\|(?:g|c|ms)", line) for line in lines)
    ours.close()


def test_a_gauge_below_zero_is_not_taken_for_a_change(udp):
    ours = target("statsd", PLACE, {"address": udp.address, "prefix": "", "labels": []})
    ours.send([Snapshot(0, SHOP, {"a": -2})])
    assert udp.take() == b"a:0|g\na:-2|g\n"
    ours.close()


def test_that_nobody_listens_is_said_of_the_first_datagram(udp):
    address = udp.address
    udp.close()
    ours = target("statsd", PLACE, {"address": address})
    with pytest.raises(ConnectionRefusedError):
        ours.send([Snapshot(0, SHOP, {"queue.backlog": 3})])
    ours.close()


def test_datadogs_own_types_are_refused():
    with pytest.raises(ConfigError, match=r"unknown type of 'queue.time' of target 'statsd' 'histogram'"):
        target("statsd", PLACE, {"types": {"queue.time": "histogram"}})
