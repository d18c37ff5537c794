"""What Fanlight took: only what was measured, and of requests that there were."""

from __future__ import annotations

from fanlight.server.cost import told


def test_processes_of_a_service_are_added_up_and_silence_is_no_row() -> None:
    clients = [
        {"service": "shop", "spent": 3_000, "taken": 2},
        {"service": "shop", "spent": 1_000, "taken": 2},
        {"service": "mail", "spent": 500, "taken": 0},
        {"service": "older"},
    ]
    collector = {"clients": clients, "cpu": 9_000, "taken": 4}
    assert told(collector, 70_000, 4) == [
        {"who": "application", "service": "shop", "cpu": 4_000, "requests": 4},
        {"who": "collector", "service": "", "cpu": 9_000, "requests": 4},
        {"who": "server", "service": "", "cpu": 70_000, "requests": 4},
    ]
    assert told(None, 70_000, 0) == []
    assert told({"pid": 1}, 5, 1) == [{"who": "server", "service": "", "cpu": 5, "requests": 1}]
