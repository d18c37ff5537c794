"""All connections at once: who may come in, who is read, who has taken too long."""

from __future__ import annotations

import selectors
from functools import partial
from typing import TYPE_CHECKING

from fanlight.collector.connection import Connection

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from fanlight.collector.connection import Hall
    from fanlight.collector.options import Options
    from fanlight.wire.codec import Message

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
LARGE = 256 << 10
"""A connection that holds less is not worth adding all of them up."""


class Reception:
    """The connections and what the selector watches of them.

    Args:
        options: caps and deadlines.
        selector: calls `key.data(events)`, as the collector's loop does.
        clock: monotonic seconds.

    Attributes:
        told: called with each HELLO that is welcome; None for nobody.
    """

    def __init__(
        self, options: Options, selector: selectors.BaseSelector, clock: Callable[[], float]
    ) -> None:
        self.options = options
        self.selector = selector
        self.clock = clock
        self.told: Callable[[Message], object] | None = None
        self.connections: dict[Connection, int] = {}
        """Each connection and the events that are watched for it."""

    @property
    def agents(self) -> int:
        """How many agents are connected."""
        return sum(connection.origin is not None for connection in self.connections)

    @property
    def watchers(self) -> int:
        """How many are told of snapshots."""
        return sum(connection.unwatch is not None for connection in self.connections)

    @property
    def is_calm(self) -> bool:
        """Whether nothing is due to happen to any connection unless somebody says something."""
        return all(watched == READ and each.is_calm for each, watched in self.connections.items())

    def admit(self, peer: socket.socket, hall: Hall, *, allowed: bool) -> None:
        """Begin the conversation with a peer, or refuse it."""
        connection = Connection(peer, hall, self.clock())
        self.connections[connection] = 0
        if not allowed:
            connection.refuse("uid")
        elif len(self.connections) > self.options.connections:
            connection.refuse("full")
        self.watch(connection)

    def serve(self, connection: Connection, events: int) -> None:
        """Do what a connection is ready for."""
        if events & WRITE and not connection.closed:
            connection.flush()
        if events & READ and connection.wants_reading:
            connection.receive(self.clock())
            if connection.held > LARGE and self.held() > self.options.memory_bytes:
                connection.refuse("full")
        self.watch(connection)

    def held(self) -> int:
        """Answer the bytes that all connections together make us hold."""
        return sum(connection.held for connection in self.connections)

    def watch(self, connection: Connection) -> None:
        """Let the selector watch what the connection waits for now; forget it when it is closed."""
        watched = self.connections.get(connection)
        if watched is None:
            return
        wanted = (READ if connection.wants_reading else 0) | (WRITE if connection.unsent else 0)
        if connection.closed:
            wanted = 0
        if wanted != watched:
            if watched:
                self.selector.unregister(connection.peer)
            if wanted:
                self.selector.register(connection.peer, wanted, partial(self.serve, connection))
            self.connections[connection] = wanted
        if connection.closed:
            self.forget(connection)

    def forget(self, connection: Connection) -> None:
        """Drop a closed connection, whose socket nobody watches any more."""
        del self.connections[connection]
        connection.peer.close()
        client = connection.client
        if client is not None:
            client.connected = any(other.client is client for other in self.connections)

    def welcome(self, connection: Connection) -> None:
        """Note that a connection said HELLO; an older one of the same client is over."""
        for other in list(self.connections):
            if other is not connection and other.client is connection.client:
                other.close()
                self.watch(other)
        if connection.client is not None:
            connection.client.connected = True
            if self.told is not None:
                self.told(connection.client.hello)

    def follow(self) -> None:
        """Watch what has changed since: something to send, an end, the committer's taking batches or not."""
        for connection, watched in list(self.connections.items()):
            wants_reading = connection.wants_reading
            if wants_reading and not watched & READ:
                # Frames that arrived before the pause are answered first.
                connection.go_on(b"", self.clock())
            if connection.closed or connection.unsent or wants_reading != bool(watched & READ):
                self.watch(connection)

    def sweep(self) -> None:
        """End the conversations that take too long."""
        now = self.clock()
        for connection in list(self.connections):
            if connection.overdue(now, self.options.first_frame_s, self.options.frame_s):
                connection.refuse("slow")
                self.watch(connection)

    def close(self) -> None:
        """End all conversations."""
        for connection in list(self.connections):
            connection.close()
            self.watch(connection)
