"""Wrapped methods: what they answer, raise and record, whatever their instances look like."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fanlight.recording.calls import recorded, recorded_async
from fanlight.recording.recorder import SWITCH, begin, finish


class Client:
    """Sends nothing, and answers what it was given."""

    def send(self, text: str) -> str:
        return text.upper()

    async def send_later(self, text: str) -> str:
        return text.upper()


def first(client: Any, args: tuple[Any, ...], options: Any) -> Any:
    return args[0]


@pytest.mark.parametrize("attribute", [RuntimeError("working outside of context"), KeyError("host")])
def test_a_call_that_cannot_be_told_goes_on_and_is_not_recorded(caught, attribute):
    def raising(*_: Any) -> Any:
        raise attribute

    faults = SWITCH.faults
    trace = begin("app.web.request", "GET", "GET /")
    assert recorded(Client.send, "mail", "mail", raising)(Client(), "a") == "A"
    assert asyncio.run(recorded_async(Client.send_later, "mail", "mail", raising)(Client(), "b")) == "B"
    assert recorded(Client.send, "mail", "mail", first)(Client(), "c") == "C"
    finish(trace)
    assert SWITCH.faults == faults + 2
    SWITCH.faults = faults
    assert [event[3] for event in caught[0].records[0][0]] == ["c"]
