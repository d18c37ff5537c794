"""Streams without an end are read at once, until somebody interrupts."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from fanlight.pipeline.files.together import together

if TYPE_CHECKING:
    from collections.abc import Iterator


class HeardError(Exception):
    """What the signal's handler raises."""


def test_a_signal_that_wakes_nobody_is_heard_all_the_same():
    def interrupt(*_: object) -> None:
        raise HeardError

    def stream() -> Iterator[str]:
        yield "first"
        # The system may give a signal to any thread; no wait of another one ends with it.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        over.wait()

    over = threading.Event()
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(HeardError):
            list(together([stream()]))
    finally:
        over.set()
        signal.signal(signal.SIGUSR1, before)
