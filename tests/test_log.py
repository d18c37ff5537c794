"""Our own log: what is written, how much of it, and that its failure is nobody's."""

import os
import subprocess
import sys

import pytest

from fanlight.log import BURST, CHARACTERS, LEVELS, RATE_PER_S, Log


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_a_line_on_stderr_is_short_and_one_in_a_file_says_when_and_who(tmp_path, capfd):
    Log("fanlight").warning("look\nhere \x1b[2J")
    assert capfd.readouterr().err == "fanlight: look here \\x1b[2J\n"
    path = tmp_path / "deep" / "er" / "ours.log"
    Log("fanlight collector", path=str(path)).error("out of room")
    stamp, rest = path.read_text().split(" ", 1)
    assert rest == f"fanlight collector[{os.getpid()}] error: out of room\n"
    assert stamp.endswith("Z")
    assert path.stat().st_mode & 0o777 == 0o600
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_holds_the_ones_before_it(level, capfd):
    log = Log("x", level)
    for each in LEVELS:
        getattr(log, each)(each)
    wanted = LEVELS[: LEVELS.index(level) + 1]
    assert capfd.readouterr().err == "".join(f"x: {each}\n" for each in wanted)
    assert [each for each in LEVELS if log.wants(each)] == list(wanted)


def test_a_flood_is_cut_off_and_counted(clock, capfd):
    log = Log("x", clock=clock)
    for _ in range(BURST + 500):
        log.warning("again")
    assert capfd.readouterr().err.count("again") == BURST
    clock.now_s += 1.0
    log.warning("later")
    assert capfd.readouterr().err == "x: later (500 lines before this one were left out)\n"
    assert log.failed == 0


def test_each_flood_is_counted_by_itself_and_a_long_rest_allows_no_longer_one(clock, capfd):
    log = Log("x", clock=clock)
    for rest_s in (0.0, 1.0, 3_600.0):
        clock.now_s += rest_s
        capfd.readouterr()
        for _ in range(BURST + 7):
            log.warning("again")
        written = capfd.readouterr().err.splitlines()
        assert len(written) == (RATE_PER_S if rest_s == 1.0 else BURST)
        left_out = [line for line in written if "left out" in line]
        # Told once, by the first line after it.
        assert left_out == ([] if not rest_s else written[:1])
    assert written[0] == f"x: again ({BURST + 7 - int(RATE_PER_S)} lines before this one were left out)"


def test_a_line_is_cut_where_it_gets_too_long(capfd):
    Log("x").warning("y" * CHARACTERS + "z")
    assert capfd.readouterr().err == f"x: {'y' * CHARACTERS}\n"


def test_a_file_that_fails_again_is_told_again(tmp_path, capfd):
    path = tmp_path / "x.log"
    log = Log("x", path=str(path))
    for _ in range(2):
        path.mkdir()
        log.warning("lost")
        log.warning("lost")
        assert capfd.readouterr().err.count("cannot write to") == 1
        path.rmdir()
        log.warning("kept")
        assert path.read_text().endswith("warning: kept\n")
        path.unlink()
    assert log.failed == 4


def test_a_moved_file_is_begun_anew(tmp_path):
    path = tmp_path / "x.log"
    log = Log("x", path=str(path))
    log.warning("one")
    path.rename(tmp_path / "x.log.1")
    log.warning("two")
    assert "two" in path.read_text()
    assert "one" not in path.read_text()


@pytest.mark.parametrize("place", ["/dev/full", "directory", "pipe", "nul", "below-a-file"])
def test_a_file_that_cannot_be_written_is_told_once_and_raises_nothing(tmp_path, capfd, place):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    places = {"nul": "a\0b", "below-a-file": "file/x.log"}
    log = Log("x", path=os.path.join(tmp_path, places.get(place, place)))
    for _ in range(3):
        log.warning("trouble")
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert "cannot write to" in told
    assert "trouble" in told
    assert log.failed == 3


def test_a_closed_or_full_stderr_raises_nothing_and_does_not_change_the_exit():
    code = "from fanlight.log import Log; log = Log('x'); log.warning('y'); print(log.failed)"
    for redirect in ("2>&-", "2>/dev/full"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (0, "1\n")


def test_the_log_is_not_the_application_s():
    code = "import sys, fanlight.log; print('logging' in sys.modules, 'threading' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False\n"
