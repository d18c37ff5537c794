"""`serve --host-name`: the page under further names, by option, variable and file."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection

import pytest

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


@contextmanager
def serving(data, *options, **settings):
    """A served data directory; gives the port of its page."""
    command = [*FANLIGHT, "serve", "--data", str(data), "--listen", "127.0.0.1:0", *options]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, **settings}) as process:
        try:
            deadline = time.monotonic() + 60
            while not (data / "run" / "fanlight.json").exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield int(json.loads((data / "run" / "fanlight.json").read_text())["listen"].rpartition(":")[2])
        finally:
            process.terminate()
            process.wait(60)


def status(port, host):
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_further_name_is_answered_to_and_still_needs_a_link(tmp_path, how):
    names = ("fan.internal", "https://fan.example")
    options = [word for name in names for word in ("--host-name", name)] if how == "option" else []
    settings = {"FANLIGHT_WEB__HOST_NAMES": ",".join(names)} if how == "variable" else {}
    with serving(tmp_path / "data", *options, **settings) as port:
        hosts = (f"fan.internal:{port}", "fan.example", "evil.example", "fan.internal")
        assert [status(port, host) for host in hosts] == [401, 401, 403, 403]
        link = [*FANLIGHT, "open", "--print", "--data", str(tmp_path / "data")]
        shown = subprocess.run(link, capture_output=True, text=True, timeout=120, check=True).stdout
    assert shown.startswith(f"http://fan.internal:{port}/login?code=")


def test_a_name_that_is_none_is_told_before_anything_starts(tmp_path):
    command = [*FANLIGHT, "serve", "--data", str(tmp_path / "data"), "--host-name", "*.example"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 4
    assert "'*.example' is no name" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_repository_s_file_may_not_add_names(tmp_path):
    (tmp_path / "fanlight.toml").write_text('[web]\nhost_names = ["evil.example"]\n')
    command = [*FANLIGHT, "serve", "--data", str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert done.returncode == 4
    assert "web.host_names" in done.stderr
