"""What a worker's slot costs each request: one store, and all that is counted and stamped."""

from __future__ import annotations

import tempfile
from statistics import median
from time import process_time_ns
from typing import TYPE_CHECKING, Any

from rows import Row

from fanlight.recording.recorder import SWITCH
from fanlight.recording.slots.serving import begun, counted
from fanlight.recording.slots.slot import HERE
from fanlight.wire.slots import CREATED, DUE

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 1_000
TURNS = 40


def run(rounds: int) -> list[Row]:
    """Answer the rows: medians of differences to the same call without a slot, in turns."""
    with tempfile.TemporaryDirectory(prefix="fanlight-bench-") as folder:
        SWITCH.whereabouts = lambda: ("bench", folder)
        HERE.claim("bench")
        HERE.tell(CREATED, 0)
        told = counted(application)
        pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "one store": (store, nothing),
            "WSGI request": (lambda: told(1, 2), lambda: application(1, 2)),
            "ASGI request": (lambda: drive(begun_told()), lambda: drive(answer(1, 2))),
        }
        spent: dict[str, list[float]] = {name: [] for name in pairs}
        for _ in range(rounds * TURNS):
            for name, (with_slot, without) in pairs.items():
                spent[name].append(spent_ns(with_slot) - spent_ns(without))
        HERE.renew()
    limits = {"one store": 60, "WSGI request": 400, "ASGI request": 400}
    return [Row(f"slot: {name}", median(spent[name]), "ns", limit) for name, limit in limits.items()]


def spent_ns(call: Callable[[], object]) -> float:
    """Answer the CPU ns of a call."""
    began_ns = process_time_ns()
    for _ in range(CALLS):
        call()
    return (process_time_ns() - began_ns) / CALLS


def store() -> None:
    """Write one word."""
    HERE.cells[DUE] = 1


def nothing() -> None:
    """Do as much without."""


def application(_environ: Any, _start_response: Any) -> None:
    """Answer nothing: only what is around it counts."""


async def answer(_scope: Any, _receive: Any) -> None:
    """Answer nothing, as above."""


def begun_told() -> Any:
    """Answer what uvicorn is given to run: counted as made, and begun by whoever awaits it."""
    here = HERE
    here.created = here.cells[CREATED] = here.created + 1
    return begun(answer(1, 2))


def drive(coroutine: Any) -> None:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
