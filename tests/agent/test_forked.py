"""A process knows itself from its forks, C code's own forks too."""

from __future__ import annotations

import ctypes
import os

import pytest

from fanlight.agent.forked import Pid, mark


@pytest.mark.parametrize("make", [mark, Pid])
@pytest.mark.parametrize("fork", [os.fork, ctypes.PyDLL(None).fork], ids=["python", "c"])
def test_a_mark_is_set_here_and_in_no_child(make, fork):
    mine = make()
    assert mine[0] == 1
    child = fork()
    if child == 0:
        # Not even where the child makes one of its own.
        os._exit(10 * mine[0] + make()[0])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert mine[0] == 1


def test_where_memory_cannot_be_wiped_the_number_tells():
    assert isinstance(mark(advice=-1), Pid)
