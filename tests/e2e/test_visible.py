"""A request that was answered is soon seen, by a command and by the JSON behind the page: `make soak`."""

import json
import statistics
import time

import pytest

VISIBLE_S = 5
"""The promise: from a request's answer until the list of endpoints counts it."""
HANGS_S = 4 * VISIBLE_S
"""What no machine needs on which it works at all."""
ROUNDS = 5
ENDPOINT = "GET /things/<int:number>"


def by_command(house):
    """Answer the rows of the list, as `fanlight endpoints --json` writes them."""
    return json.loads(house.ask("endpoints", "--json"))


def by_api(house):
    """Answer the same rows, as the server gives them."""
    return house.api("/api/endpoints")


def delays_s(house, kit, port, rows):
    """Answer how long it took, round by round, from an answer to its count in the list."""
    found = []
    before = sum(row["count"] for row in rows(house))
    for number in range(before + 1, before + 1 + ROUNDS):
        assert kit.get(port, f"/things/{number}") == (200, f"fan {number}")
        answered = time.monotonic()
        kit.wait(lambda: counted(rows(house)) == number, f"request {number}", 120, 0.1)  # noqa: B023 used at once
        found.append(time.monotonic() - answered)
        time.sleep(0.17 * len(found))  # else every round would meet the same phase of the server's rest
    return found


def counted(rows):
    """Answer how many requests of the one endpoint the list holds."""
    return sum(row["count"] for row in rows if row["endpoint"] == ENDPOINT)


@pytest.mark.soak
def test_an_answered_request_is_listed_within_five_seconds(house, kit, record_property):
    house.serve()
    _, port = house.application("shop")
    took_s = delays_s(house, kit, port, by_command) + delays_s(house, kit, port, by_api)
    median_s, longest_s = statistics.median(took_s), max(took_s)
    record_property(
        "measured", f"listed after {median_s:.2f} s, the median, and {longest_s:.2f} s at the most"
    )
    record_property("limit", f"{VISIBLE_S} s, fails at {HANGS_S} s")
    assert longest_s <= HANGS_S, took_s
