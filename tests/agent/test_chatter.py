"""What the agent tells of itself, in a process that runs nothing else."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import fanlight
fanlight.start("shop", dsn="unix:///nonexistent/collector.sock", instrument=True)
with fanlight.trace("job one"):
    pass
fanlight.flush(0.2)
"""


def run(tmp_path, program=PROGRAM, **settings):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FANLIGHT_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environ, **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_without_being_asked_the_agent_says_nothing(tmp_path):
    assert run(tmp_path).stderr == ""


@pytest.mark.parametrize(
    ("level", "said", "unsaid"),
    [
        ("info", ["recording as 'shop'"], ["batch 1", "job one"]),
        ("debug", ["recording as 'shop'", "instrument flask", "batch 1: 1 traces"], ["job one"]),
        ("TRACE", ["recording as 'shop'", "batch 1: 1 traces", "job one [] ", "1 spans"], []),
    ],
)
def test_each_level_says_more(tmp_path, level, said, unsaid):
    told = run(tmp_path, FANLIGHT_LOG_LEVEL=level).stderr
    assert [word for word in said if word not in told] == []
    assert [word for word in unsaid if word in told] == []


def test_the_log_goes_where_it_is_wanted_whatever_directory_the_program_changes_to(tmp_path):
    program = PROGRAM.replace("with fanlight", "import os; os.chdir('/')\nwith fanlight")
    done = run(tmp_path, program, FANLIGHT_LOG="logs/agent.log", FANLIGHT_LOG_LEVEL="debug")
    assert done.stderr == ""
    text = (tmp_path / "logs" / "agent.log").read_text()
    assert "] info: recording as 'shop'" in text
    assert "] debug: batch 1" in text


def test_a_level_that_is_none_is_told_with_the_nearest_and_changes_nothing_else(tmp_path):
    told = run(tmp_path, FANLIGHT_LOG_LEVEL="wraning").stderr
    assert told == (
        "fanlight: FANLIGHT_LOG_LEVEL: 'wraning' is no level; did you mean 'warning'? "
        "known: debug, error, info, trace, warning\n"
    )


@pytest.mark.parametrize("place", ["/dev/full", "/proc/nowhere/x.log"])
def test_a_log_that_cannot_be_written_harms_no_program(tmp_path, place):
    done = run(tmp_path, PROGRAM + "print('served')", FANLIGHT_LOG=place, FANLIGHT_LOG_LEVEL="trace")
    assert done.stdout == "served\n"
    assert done.stderr.count("cannot write to") == 1


def test_when_nobody_asked_no_parcel_is_looked_at(tmp_path):
    code = PROGRAM + "from fanlight.agent.agent import AGENT; print(AGENT.task.chatter)"
    assert run(tmp_path, code).stdout == "None\n"
    assert "every_trace" in run(tmp_path, code, FANLIGHT_LOG_LEVEL="trace").stdout
