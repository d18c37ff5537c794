"""A data directory is private or it is refused, and one Fanlight has it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fanlight.pipeline import directory


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_one_is_closed_to_others_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        directory.prepare(str(tmp_path / "a" / "b"))
    finally:
        os.umask(before)
    assert mode(tmp_path / "a" / "b") == mode(tmp_path / "a" / "b" / "run") == 0o700


def test_an_open_one_that_is_empty_or_ours_is_closed(tmp_path):
    (tmp_path / "data" / "spool").mkdir(parents=True)
    (tmp_path / "data").chmod(0o755)
    directory.prepare(str(tmp_path / "data"))
    assert mode(tmp_path / "data") == 0o700


def test_an_open_one_that_holds_other_things_is_left_alone(tmp_path):
    (tmp_path / "home" / "letters").mkdir(parents=True)
    (tmp_path / "home").chmod(0o755)
    with pytest.raises(PermissionError, match="holds other things"):
        directory.prepare(str(tmp_path / "home"))
    assert mode(tmp_path / "home") == 0o755
    assert os.listdir(tmp_path / "home") == ["letters"]


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_symbolic_link_is_refused(tmp_path, ending):
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(PermissionError, match="symbolic link"):
        directory.prepare(f"{tmp_path}/link{ending}")
    assert os.listdir(tmp_path / "real") == []


def test_a_link_in_place_of_run_is_refused(tmp_path):
    (tmp_path / "data").mkdir(0o700)
    (tmp_path / "data" / "run").symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="symbolic link"):
        directory.prepare(str(tmp_path / "data"))


def test_somebody_elses_is_refused_and_not_changed(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir(0o755)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(PermissionError, match=f"belongs to uid {own}"):
        directory.prepare(str(tmp_path / "data"))
    assert mode(tmp_path / "data") == 0o755


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(PermissionError, match="a file is in the way"):
        directory.prepare(str(tmp_path / "data"))
    with pytest.raises(PermissionError, match="a file is in the way"):
        directory.prepare(str(tmp_path / "data" / "deeper"))


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(PermissionError, match=r"/proc/fanlight.* cannot be written[\s\S]*--data DIR"):
        directory.prepare("/proc/fanlight")


def test_one_takes_the_lock_and_no_other_until_it_is_gone(tmp_path):
    data = str(tmp_path / "data")
    directory.prepare(data)
    first = directory.take_lock(data)
    assert first is not None
    assert directory.take_lock(data) is None
    os.close(first)
    again = directory.take_lock(data)
    assert again is not None
    os.close(again)


def test_a_lock_lives_on_in_the_process_that_it_was_handed_to(tmp_path):
    data = str(tmp_path / "data")
    directory.prepare(data)
    lock = directory.take_lock(data)
    command = [sys.executable, "-c", "print('up', flush=True); input()"]
    with subprocess.Popen(
        command, pass_fds=(lock,), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        holder.stdout.readline()
        os.close(lock)
        assert directory.take_lock(data) is None
        holder.communicate("\n")
    again = directory.take_lock(data)
    assert again is not None
    os.close(again)


def test_what_runs_is_written_whole_and_for_the_owner_alone(tmp_path):
    data = str(tmp_path / "data")
    directory.prepare(data)
    assert directory.read_state(data) is None
    before = os.umask(0)
    try:
        directory.write_state(data, {"pids": {"supervisor": 1}})
    finally:
        os.umask(before)
    path = Path(directory.run_file(data, "fanlight.json"))
    assert mode(path) == 0o600
    assert json.loads(path.read_text()) == directory.read_state(data) == {"pids": {"supervisor": 1}}
    path.write_text("{half")
    assert directory.read_state(data) is None
    directory.forget_state(data)
    directory.forget_state(data)
    assert sorted(os.listdir(os.path.join(data, "run"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"pids": null}',
        '{"pids": []}',
        '{"pids": {"supervisor": "1"}}',
        '{"pids": {"supervisor": -1}}',
        '{"pids": {"supervisor": 0}}',
        '{"pids": {"supervisor": 1}, "listen": 5}',
    ],
)
def test_what_no_supervisor_writes_is_not_believed(tmp_path, text):
    data = str(tmp_path / "data")
    directory.prepare(data)
    Path(directory.run_file(data, "fanlight.json")).write_text(text)
    assert directory.read_state(data) is None
