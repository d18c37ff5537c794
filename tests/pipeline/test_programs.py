"""As long as a program runs that was started to be watched, somebody watches."""

import os
import subprocess

from fanlight.pipeline import programs
from fanlight.pipeline.directory import prepare


def test_a_note_counts_as_long_as_its_very_process_runs(tmp_path):
    data = str(tmp_path / "data")
    prepare(data)
    assert not programs.any_running(data)
    programs.enrol(data)
    assert programs.any_running(data)
    programs.leave(data)
    assert not programs.any_running(data)
    programs.leave(data)


def test_another_process_under_the_same_number_does_not_count(tmp_path):
    data = str(tmp_path / "data")
    prepare(data)
    programs.enrol(data)
    with open(programs.note(data), "w") as file:
        file.write("1")
    assert not programs.any_running(data)
    assert not os.path.exists(programs.note(data))


def test_a_program_that_ended_does_not_count(tmp_path):
    data = str(tmp_path / "data")
    prepare(data)
    programs.enrol(data)
    with subprocess.Popen(["sleep", "60"]) as process:
        ended = os.path.join(os.path.dirname(programs.note(data)), str(process.pid))
        os.rename(programs.note(data), ended)
        with open(ended, "w") as file:
            file.write(programs.begun(process.pid))
        assert programs.any_running(data)
        process.kill()
    assert not programs.any_running(data)


def test_without_room_for_a_note_nothing_fails():
    programs.enrol("/proc/nowhere")
    programs.leave("/proc/nowhere")
    assert not programs.any_running("/proc/nowhere")
