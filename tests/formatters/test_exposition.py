"""The page that Prometheus scrapes, read by Prometheus' own parsers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict_families
from prometheus_client.parser import text_string_to_metric_families as families

from fanlight.formatters import snapshot_formatter
from fanlight.wire.readings import Snapshot

SHOP = {"service": "shop", "host": "vm", "server": "gunicorn", "kind": ""}
VALUES = {
    "workers.booted": 2,
    "workers.requests_count": 42,
    "queue.backlog": 0,
    "workers.utilisation": 0.25,
    "queue.time": 12_500_000,
    "sockets.drops": 3,
}
TOLD = [
    Snapshot(0, SHOP, VALUES),
    Snapshot(0, {**SHOP, "worker": "0"}, {"workers.busy_threads": 1, "queue.backlog": 0}),
    Snapshot(0, {**SHOP, "worker": "1"}, {"workers.busy_threads": 2, "queue.backlog": 0}),
]


def page(told=TOLD, **options):
    (found,) = snapshot_formatter("prometheus", options)(told)
    return found


def samples(found):
    return {
        (sample.name, sample.labels.get("service"), sample.labels.get("worker")): sample.value
        for family in found
        for sample in family.samples
    }


EXPECTED = {
    ("fanlight_workers_booted", "shop", None): 2,
    ("fanlight_workers_requests_count_total", "shop", None): 42,
    ("fanlight_queue_backlog", "shop", None): 0,
    ("fanlight_workers_utilisation", "shop", None): 0.25,
    ("fanlight_queue_time_seconds", "shop", None): 0.0125,
    ("fanlight_sockets_drops_total", "shop", None): 3,
    ("fanlight_worker_busy_threads", "shop", "0"): 1,
    ("fanlight_worker_busy_threads", "shop", "1"): 2,
    ("fanlight_worker_queue_backlog", "shop", "0"): 0,
    ("fanlight_worker_queue_backlog", "shop", "1"): 0,
}


def test_the_text_form_reads_back_with_every_value():
    found = list(families(page()))
    assert samples(found) == EXPECTED
    kinds = {family.name: family.type for family in found}
    assert kinds["fanlight_workers_requests_count"] == kinds["fanlight_sockets_drops"] == "counter"
    assert kinds["fanlight_queue_backlog"] == kinds["fanlight_queue_time_seconds"] == "gauge"


def test_openmetrics_reads_back_with_every_value_and_units():
    found = list(strict_families(page().openmetrics))
    assert samples(found) == EXPECTED
    assert {family.name: family.unit for family in found if family.unit} == {
        "fanlight_queue_time_seconds": "seconds"
    }
    assert page().openmetrics.endswith("# EOF\n")


def test_rows_of_a_server_and_of_its_workers_are_never_added_up():
    assert not {sample[0] for sample in EXPECTED if sample[2]} & {
        sample[0] for sample in EXPECTED if not sample[2]
    }


def test_restarts_by_reason_are_one_metric_beside_their_sum():
    values = {"workers.restarts": 3, "workers.restarts.SIGKILL": 2, "workers.restarts.exit 1": 1}
    found = page([Snapshot(0, {"service": "one"}, values)])
    assert [line for line in found.splitlines() if not line.startswith("#")] == [
        'fanlight_workers_restarts_total{service="one"} 3',
        'fanlight_workers_restarts_by_reason_total{service="one",reason="SIGKILL"} 2',
        'fanlight_workers_restarts_by_reason_total{service="one",reason="exit 1"} 1',
    ]


def test_samples_of_one_metric_stand_together_whichever_service_they_are_of():
    told = [Snapshot(0, {"service": name}, {"a": 1, "b": 2}) for name in ("one", "two")]
    lines = [line for line in page(told).splitlines() if not line.startswith("#")]
    assert lines == [
        'fanlight_a{service="one"} 1',
        'fanlight_a{service="two"} 1',
        'fanlight_b{service="one"} 2',
        'fanlight_b{service="two"} 2',
    ]


def test_nothing_is_a_page_too():
    assert page([]) == ""
    assert page([]).openmetrics == "# EOF\n"


def test_a_prefix_can_be_left_out():
    assert 'queue_backlog{service="one"} 1' in page(
        [Snapshot(0, {"service": "one"}, {"queue.backlog": 1})], prefix=""
    )


@given(
    st.dictionaries(
        st.text("abc.-09", min_size=1, max_size=8), st.one_of(st.none(), st.floats(), st.integers(0, 2**60))
    ),
    st.text(max_size=20),
)
def test_any_name_value_and_label_is_read_by_both_parsers(values, service):
    found = page([Snapshot(0, {"service": service, "host": "vm"}, values)])
    for family in [*families(found), *strict_families(found.openmetrics)]:
        assert all(sample.labels.get("service", "") == service for sample in family.samples)
