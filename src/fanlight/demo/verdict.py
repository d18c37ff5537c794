"""Compares what was sent with what the endpoint list shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanlight.demo.load import ORDER

if TYPE_CHECKING:
    from collections.abc import Mapping


def count(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Answer the shop's requests by endpoint, added over segments."""
    counts: dict[str, int] = {}
    for row in rows:
        if row["service"] == "shop":
            counts[row["endpoint"]] = counts.get(row["endpoint"], 0) + row["count"]
    return counts


def verdict(sent: Mapping[str, int], rows: list[dict[str, Any]]) -> list[str]:
    """Answer what is wrong with the list: counts that differ, the finding that must be there."""
    shown = count(rows)
    faults = [
        f"{endpoint}: {sent.get(endpoint, 0)} sent, {shown.get(endpoint, 0)} in the list"
        for endpoint in sorted(sent.keys() | shown.keys())
        if sent.get(endpoint, 0) != shown.get(endpoint, 0)
    ]
    slow = ORDER.endpoint
    if sent.get(slow, 0) and not any(
        finding["kind"] == "repeated-sql" and "demo/shop.py:" in finding["location"]
        for row in rows
        if (row["service"], row["endpoint"]) == ("shop", slow)
        for finding in row["findings"]
    ):
        faults.append(f"{slow}: the repeated query was not found")
    return faults
