"""What every store counts of a service is what it counts of the groups of the service, added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from commits import HOUR_NS, MINUTE_NS, Request, commit

from fanlight.server.counted import summed
from fanlight.stores import BUILT_IN, open_store
from fanlight.wire.messages import ERROR, WHOLE

if TYPE_CHECKING:
    from pathlib import Path

START = 20_000 * 24 * HOUR_NS


@pytest.mark.parametrize("where", [None, "", "production"])
@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_service_is_its_groups_together(name: str, where: str | None, tmp_path: Path) -> None:
    store = open_store(f"{name}:{'' if name == 'memory' else tmp_path / 'store'}")
    told = [
        Request(
            START + number * 37 * MINUTE_NS,
            10**6 * (1 + number % 7),
            id=number + 1,
            group=("shop" if number % 5 else "payments", f"/{number % 3}", "html"),
            flags=WHOLE | ERROR if number % 4 else WHOLE,
            environment="production" if number % 2 else "",
        )
        for number in range(60)
    ]
    for place in range(0, 60, 6):
        store.apply(1, [(place + 1, commit(told[place : place + 6]))])
    # Both days are touched, neither is whole.
    span = (START + 2 * HOUR_NS, START + 30 * HOUR_NS)
    for service in ("shop", "payments"):
        rows = store.counts(*span, (service,), 9, where)
        assert len(rows) == 3
        assert store.service(service, *span, 9, where) == summed(rows)
    assert store.service("no such", *span, 9, where) is None
    store.close()
