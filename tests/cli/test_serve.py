"""`fanlight serve` and what reaches it: restarts, takeover, doors, and commands that start it."""

import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fanlight.cli.client import Client
from fanlight.errors import FanlightError
from fanlight.pipeline.processes import ALL_GRACE_S

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


def wait_for(what, within_s=120.0):
    deadline_s = time.monotonic() + within_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def fanlight(*arguments, **more):
    return subprocess.run(
        [*FANLIGHT, *arguments], capture_output=True, text=True, timeout=60, check=False, **more
    )


class House:
    """A data directory and the `serve` on it."""

    def __init__(self, folder):
        self.data = str(folder / "data")
        self.log = folder / "serve.log"

    @contextmanager
    def serve(self, *arguments, listen="127.0.0.1:0", umask=-1):
        command = [*FANLIGHT, "serve", "--data", self.data, "--listen", listen, *arguments]
        with open(self.log, "ab") as log, subprocess.Popen(command, stderr=log, umask=umask) as process:
            try:
                wait_for(lambda: process.poll() is not None or self.answers())
                assert process.poll() is None, self.log.read_text()
                yield process
            finally:
                process.send_signal(signal.SIGTERM)

    def state(self):
        return json.loads(Path(self.data, "run", "fanlight.json").read_text())

    def pids(self):
        return self.state()["pids"]

    def answers(self):
        """Answer the status once collector and server both answer."""
        with suppress(FanlightError):
            status = Client(self.data, 5).get("/api/status")
            return status if status["collector"] else None


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def test_from_start_to_end_it_says_no_line_that_is_not_its_own(house):
    with house.serve() as process:
        pass
    assert process.wait(60) == 0
    lines = house.log.read_text().splitlines()
    assert [line.partition(":")[0].split()[0] for line in lines] == ["Fanlight", "agents", "data"]


def test_where_it_serves_is_told_to_programs_at_once(tmp_path):
    data = str(tmp_path / "data")
    command = [*FANLIGHT, "serve", "--json", "--data", data, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            state = json.loads(Path(data, "run", "fanlight.json").read_text())
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.communicate()[0] == ""
    assert told == {
        "version": state["version"],
        "listen": state["listen"],
        "socket": f"{data}/run/collector.sock",
        "store": f"duckdb:{data}/store",
        "pid": process.pid,
    }


def test_killed_children_are_back_within_about_a_second_at_the_same_addresses(house):
    with house.serve():
        before = house.state()
        for role in ("collector", "server"):
            os.kill(before["pids"][role], signal.SIGKILL)
        wait_for(lambda: len(set(house.pids().values()) - set(before["pids"].values())) == 2)
        wait_for(house.answers)
        after = house.state()
    assert after["listen"] == before["listen"]
    assert all(after["pids"][role] != before["pids"][role] for role in ("collector", "server"))
    assert after["pids"]["supervisor"] == before["pids"]["supervisor"]
    waited = re.findall(r"was ended by SIGKILL; (.+)", house.log.read_text())
    assert set(waited) <= {"starting again", "again in 1 s"}
    assert len(waited) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_within_five_seconds(house, number):
    with house.serve() as process:
        pids = house.pids()
        process.send_signal(number)
        assert ALL_GRACE_S < 5, "who has not left by then is killed"
        assert process.wait(60) == 0
        assert not any(is_alive(pid) for pid in pids.values())
    assert not Path(house.data, "run", "fanlight.json").exists()
    assert not Path(house.data, "run", "server.sock").exists()


def test_a_second_one_is_refused_and_told_about_the_first(house):
    with house.serve() as process:
        second = fanlight("serve", "--data", house.data, "--listen", "127.0.0.1:0")
        assert second.returncode == 5
        assert f"pid {process.pid}" in second.stderr
        assert f"fanlight stop --data {house.data}" in second.stderr
        assert house.answers()


def test_a_taken_port_is_an_error(house, tmp_path):
    with house.serve():
        other = tmp_path / "other"
        done = fanlight("serve", "--data", str(other), "--listen", house.state()["listen"])
    assert done.returncode == 4
    assert "is taken by another program" in done.stderr


def test_after_a_killed_supervisor_a_new_one_takes_over(house):
    with house.serve() as process:
        pids = house.pids()
        os.kill(pids["collector"], signal.SIGSTOP)
        process.kill()
        process.wait()
        with house.serve():
            assert not any(is_alive(pid) for pid in pids.values())
            assert set(house.pids().values()).isdisjoint(pids.values())


def test_stop_ends_it(house):
    with house.serve() as process:
        done = fanlight("stop", "--json", "--data", house.data)
        assert json.loads(done.stdout) == {"stopped": True, "pid": process.pid, "data": house.data}
        assert process.wait(30) == 0
    assert fanlight("stop", "--data", house.data).returncode == 0


def test_whatever_the_umask_nothing_is_readable_by_others(house):
    with house.serve(umask=0):
        for folder, _, names in os.walk(house.data):
            assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700, folder
            for name in names:
                path = os.path.join(folder, name)
                assert stat.S_IMODE(os.lstat(path).st_mode) & 0o077 == 0, path


def get(address, path, headers=None):
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_the_port_asks_for_a_link_that_works_once_and_our_own_socket_for_nothing(house):
    with house.serve():
        listen = house.state()["listen"]
        assert get(listen, "/api/endpoints")[0] == 401
        link = fanlight("open", "--print", "--data", house.data).stdout.strip()
        assert link.startswith(f"http://{listen}/login?code=")
        path = link.partition(listen)[2]
        status, headers, _ = get(listen, path)
        assert status in (200, 303)
        cookie = {name.lower(): value for name, value in headers.items()}["set-cookie"].partition(";")[0]
        assert get(listen, "/api/endpoints", {"Cookie": cookie})[::2] == (200, "[]")
        assert get(listen, path)[0] == 401
        assert json.loads(fanlight("endpoints", "--json", "--data", house.data).stdout) == []


def test_a_person_at_a_terminal_gets_the_link_and_a_log_file_only_the_address(house):
    with house.serve():
        log = fanlight("run", "--data", house.data, "true").stderr
        assert log == f"Fanlight: http://{house.state()['listen']}\n"
        screen, theirs = pty.openpty()
        command = [*FANLIGHT, "run", "--data", house.data, "true"]
        with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs):
            os.close(theirs)
            shown = os.read(screen, 4096).decode()
        os.close(screen)
    assert re.match(rf"{re.escape(log.strip())}/login\?code=\S+", shown)


def test_memory_is_a_store_and_nothing_is_left_of_it(house):
    with house.serve("--store", "memory:"):
        assert fanlight("endpoints", "--data", house.data).returncode == 0
        assert not Path(house.data, "store").exists()


def test_asking_starts_it_where_data_is_kept_and_it_leaves_again(house, monkeypatch):
    with house.serve():
        pass
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("FANLIGHT_LEAVE_AFTER_S", "10")
    assert fanlight("status", "--data", house.data).returncode == 3
    done = fanlight("endpoints", "--json", "--data", house.data)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    supervisor = house.pids()["supervisor"]
    assert house.state()["background"] is True
    wait_for(lambda: not is_alive(supervisor))


def test_an_open_page_keeps_it(house, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("FANLIGHT_LEAVE_AFTER_S", "5")
    # A machine that stood still for seconds tells nothing of it: then once more.
    assert any(knocks_without_a_rest(house, 8.0) for _ in range(20))
    fanlight("stop", "--data", house.data)


def knocks_without_a_rest(house, for_s):
    """Knock as an open page does; answer whether no rest was so long that it might have left in it."""
    # While a program runs it stays, however long the server takes to begin.
    command = [*FANLIGHT, "run", "--data", house.data, "--", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        wait_for(house.answers)
        supervisor = house.pids()["supervisor"]
        begun_s = knocked_s = time.monotonic()
        program.stdin.close()
    while knocked_s - begun_s < for_s:
        with suppress(FanlightError):
            Client(house.data).get("/api/alive")
        was_s, knocked_s = knocked_s, time.monotonic()
        if knocked_s - was_s > 3:
            return False
        time.sleep(0.2)
    assert is_alive(supervisor)
    return True


def test_the_token_of_reports_is_there_before_anybody_is_told_where_to_report(tmp_path):
    command = [*FANLIGHT, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            told = json.loads(b"".join(iter(process.stdout.readline, b"}\n")) + b"}")
            # Who finds none waits for a minute, or for good when it ends.
            assert (tmp_path / "data" / "run" / "report.token").stat().st_size > 30
        finally:
            process.terminate()
    assert told["listen"].startswith("127.0.0.1:")
