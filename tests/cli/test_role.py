"""A collector by itself, as the supervisor starts it: how much it says, and where."""

import os
import subprocess
import sys
import time

import pytest

FANLIGHT = (sys.executable, "-P", "-m", "fanlight")
PROGRAM = "import fanlight; fanlight.start('shop')\nwith fanlight.trace('job'): pass"


def wait_for(what, within_s=20.0):
    deadline_s = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("", []),
        ("info", ["shop: the agent of pid", "is connected"]),
        ("debug", ["shop: the agent of pid", "bytes of traces from pid"]),
    ],
)
def test_a_collector_says_as_much_as_it_is_told_to_where_it_is_told_to(tmp_path, level, said):
    data, log = tmp_path / "data", tmp_path / "collector.log"
    path = data / "run" / "collector.sock"
    settings = {"FANLIGHT_LOG": str(log), "FANLIGHT_LOG_LEVEL": level} if level else {}
    reader, writer = os.pipe()
    command = [*FANLIGHT, "serve", "--role", "collector", "--data", str(data)]
    command += ["--parent", str(os.getpid()), "--report-fd", str(writer)]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FANLIGHT_")}
    path.parent.mkdir(parents=True, mode=0o700)
    with subprocess.Popen(
        command, env={**environ, **settings}, stderr=subprocess.PIPE, pass_fds=[writer]
    ) as collector:
        try:
            wait_for(path.exists)
            subprocess.run(
                [sys.executable, "-c", PROGRAM],
                env={**environ, "FANLIGHT_DSN": f"unix://{path}"},
                check=True,
                timeout=20,
            )
            if said:
                wait_for(lambda: log.exists() and said[1] in log.read_text())
        finally:
            collector.terminate()
        _, told = collector.communicate(timeout=20)
    os.close(reader)
    os.close(writer)
    # Where a file is named, nothing of it stands on stderr.
    assert b"agent" not in told
    text = log.read_text() if said else ""
    assert [part for part in said if part not in text] == []
