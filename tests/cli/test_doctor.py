"""`fanlight doctor` on a machine where all is well, and where something is not."""

import json
import os
import subprocess
import sys

import pytest

from fanlight.cli.doctor import shortcomings

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")


def fanlight(*arguments, **more):
    return subprocess.run(
        [*FANLIGHT, *arguments], capture_output=True, text=True, timeout=90, check=False, **more
    )


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FANLIGHT_LISTEN", "127.0.0.1:0")
    path = str(tmp_path / "data")
    yield path
    fanlight("stop", "--data", path)


def test_a_real_trace_goes_all_the_way(data):
    done = fanlight("doctor", "--json", "--data", data)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert [check["name"] for check in found["checks"] if not check["ok"]] == []
    origins = {one["key"]: one["origin"] for one in found["settings"]}
    assert (origins["data"], origins["listen"], origins["store"]) == ("--data", "FANLIGHT_LISTEN", "default")
    assert json.loads(fanlight("endpoints", "--json", "--data", data).stdout) == []
    asked = fanlight("endpoints", "--json", "--data", data, "--service", "fanlight-doctor")
    (row,) = json.loads(asked.stdout)
    assert (row["service"], row["endpoint"], row["count"]) == ("fanlight-doctor", "doctor", 1)
    account = json.loads(fanlight("status", "--json", "--data", data).stdout)["services"]["fanlight-doctor"]
    assert (account["accepted"], account["balanced"]) == (1, True)


def test_what_an_application_goes_without_is_named_once_with_the_reason():
    lines = [
        "cheroot=active 11.1.2 without how busy it is: why",
        "flask=active 3.1.3",
        "redis=inactive: not imported",
    ]
    clients = [{"service": name, "instruments": lines} for name in ("shop", "shop")]
    clients.append({"service": "old", "instruments": None})
    assert shortcomings(clients).splitlines() == [
        "3 processes connected",
        "shop: cheroot 11.1.2 without how busy it is: why",
    ]
    assert shortcomings([]).startswith("0 processes connected; one is from its first request on, if")


def test_what_is_wrong_is_named_and_the_exit_code_says_so(tmp_path):
    (tmp_path / "real").mkdir(0o700)
    os.symlink(tmp_path / "real", tmp_path / "link")
    done = fanlight("doctor", "--data", str(tmp_path / "link"))
    assert done.returncode == 1
    assert "FAIL  data" in done.stdout
    assert "symbolic link" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
