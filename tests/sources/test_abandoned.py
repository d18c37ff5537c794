"""Who left the queue of a real listener before anybody took them out of it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from listening import of, read

if TYPE_CHECKING:
    from pathlib import Path

    from listening import Bench

    from fanlight.sources.listeners import Listeners


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"], ids=["one", "all", "IPv6", "dual"])
def test_who_left_while_waiting_is_counted_at_the_listener_that_has_it(
    host: str, bench: Bench, listeners: Listeners
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made, beside = bench.listen(family, (host, 0), 16), bench.tcp()
    to = ("::1" if host == "::1" else "127.0.0.1", made.getsockname()[1])
    clients = [bench.stack.enter_context(socket.create_connection(to, 60)) for _ in range(5)]
    bench.connect(beside.getsockname(), 1)
    for client in clients[:3]:
        client.close()
    end_s = time.monotonic() + 60
    while of(found := read(listeners), made).abandoned != 3 and time.monotonic() < end_s:
        time.sleep(0.02)
    assert (of(found, made).queued, of(found, made).abandoned) == (5, 3)
    assert of(found, beside).abandoned == 0
    # One that was taken out of the queue is the server's, whatever its client did.
    taken, _ = made.accept()
    with taken:
        assert of(read(listeners), made).abandoned == 2


def test_who_left_is_unknown_of_unix_sockets(bench: Bench, listeners: Listeners, tmp_path: Path) -> None:
    path = str(tmp_path / "s.sock")
    made = bench.listen(socket.AF_UNIX, path, 8)
    bench.connect(path, 2, socket.AF_UNIX)
    assert (of(read(listeners), made).queued, of(read(listeners), made).abandoned) == (2, None)
