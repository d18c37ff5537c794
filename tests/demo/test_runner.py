"""What the runner does with signals and with directories that are not empty."""

import signal
import threading
import time
from contextlib import ExitStack

import pytest

from fanlight.demo import runner


class Stop(threading.Event):
    """An event that is interrupted while it is being set, as by an impatient Ctrl-C."""

    times = 0

    def set(self):
        self.times += 1
        if self.times < 3:
            signal.raise_signal(signal.SIGINT)
        super().set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_and_not_the_demo(number):
    stop = threading.Event()
    with runner.stopping_on_signals(stop):
        signal.raise_signal(number)
        assert stop.is_set()


def test_a_second_ctrl_c_inside_the_first_changes_nothing():
    stop = Stop()
    with runner.stopping_on_signals(stop):
        signal.raise_signal(signal.SIGINT)
    assert stop.times == 1
    assert stop.is_set()


def test_signals_mean_afterwards_what_they_meant_before():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with runner.stopping_on_signals(threading.Event()):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_our_own_settings_do_not_reach_the_demos_processes(monkeypatch):
    monkeypatch.setenv("FANLIGHT_DATA", "/elsewhere")
    monkeypatch.setenv("KEPT", "yes")
    found = runner.environment(FANLIGHT_SERVICE="shop")
    assert "FANLIGHT_DATA" not in found
    assert found["FANLIGHT_SERVICE"] == "shop"
    assert found["KEPT"] == "yes"


def test_the_end_of_a_missing_log_is_nothing(tmp_path):
    assert runner.tail(str(tmp_path), "no.log") == ""
    (tmp_path / "some.log").write_text("x" * 3000 + "end")
    assert runner.tail(str(tmp_path), "some.log").endswith("end")
    assert len(runner.tail(str(tmp_path), "some.log")) == 2000


def test_the_list_reaches_back_to_the_first_request_of_a_long_run(tmp_path):
    demo = runner.Demo(str(tmp_path), str(tmp_path / "data"), ExitStack())
    assert demo.window() == ("--last", "1h")
    demo.began_s = time.monotonic() - 2 * 3600
    assert demo.window() == ("--last", "3h")
