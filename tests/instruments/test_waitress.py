"""Waitress: a request is told once on its way to a thread, whatever hands it over."""

from __future__ import annotations

import pytest
from waitress.server import BaseWSGIServer

from fanlight.instruments.servers.waitress import only_hands_on, tell_queue
from fanlight.recording.slots import slot as module
from fanlight.recording.slots.slot import Slot
from fanlight.wire import slots as layout


@pytest.fixture
def slot(monkeypatch: pytest.MonkeyPatch) -> Slot:
    made = Slot()
    monkeypatch.setattr(module, "HERE", made)
    return made


def dispatcher(taken: list[str]):
    class Dispatcher:
        threads = ()

        def add_task(self, task):
            taken.append(task)

    return Dispatcher


def hands_on():
    class Server:
        def add_task(self, task):
            self.task_dispatcher.add_task(task)

    return type("TcpServer", (Server,), {})


def does_more():
    class Server:
        def add_task(self, task):
            self.task_dispatcher.add_task(task.upper())

    return Server


def has_none():
    class Server:
        pass

    return Server


@pytest.mark.parametrize("kind", [hands_on, does_more, has_none])
def test_each_task_is_told_once_and_taken_as_it_was(slot: Slot, kind) -> None:
    taken: list[str] = []
    server, queue = kind(), dispatcher(taken)
    tell_queue(server, queue)
    made = server()
    made.task_dispatcher = queue()
    (made if hasattr(made, "add_task") else made.task_dispatcher).add_task("home")
    assert slot.tallies[layout.QUEUED] == slot.queued == 1
    assert taken == ["HOME" if kind is does_more else "home"]


def test_waitress_s_own_only_hands_on() -> None:
    assert only_hands_on(BaseWSGIServer.add_task)
