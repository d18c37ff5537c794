"""A batch of which only a part was taken is sent again, whole, for as long as it takes."""

from __future__ import annotations

import os
import socket
import threading

import fanlight
from fanlight.wire import frames, messages
from fanlight.wire.codec import encode

BREAKS = 3
TRACES = 900
TEXT = "x" * 4_000


def break_off(listener: socket.socket, taken: list[int]) -> None:
    """Welcome so many agents, take a part of what each sends, and hang up."""
    for _ in range(BREAKS):
        peer, _ = listener.accept()
        welcome = {"protocol": messages.PROTOCOL, "version": "t", "sequence": 0}
        peer.sendall(frames.frame(frames.WELCOME, encode(messages.WELCOME, welcome)))
        size = 0
        while size < 20_000 and (data := peer.recv(20_000 - size)):
            size += len(data)
        taken.append(size)
        peer.close()
    listener.close()


def test_what_broke_half_way_arrives_once_when_somebody_takes_it(agent, receiver, tmp_path):
    receiver.listener.shutdown(socket.SHUT_RDWR)
    receiver.listener.close()
    os.unlink(receiver.path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(receiver.path)
    listener.listen(8)
    taken: list[int] = []
    breaking = threading.Thread(target=break_off, args=(listener, taken))
    breaking.start()
    for number in range(TRACES):
        with agent.trace("job"):
            fanlight.mark("a", text=f"{number:5}{TEXT}")
    breaking.join(60)
    assert taken == [20_000] * BREAKS
    os.unlink(receiver.path)
    receiver.listen()
    receiver.wait(lambda r: len(r.traces) >= TRACES)
    assert fanlight.flush(30)
    told = sorted(trace.root.find("a").notes["text"][:5] for trace in receiver.traces)
    assert told == [f"{number:5}" for number in range(TRACES)]
    assert receiver.dropped == {}
    with agent.trace("after"):
        pass
    assert agent.flush(30)
    assert receiver.traces[-1].endpoint == "after"
