"""Where a worker tells how busy it is: a file that appears whole, in a directory that only it can enter."""

from __future__ import annotations

import os
import time
from array import array
from pathlib import Path

import pytest

from fanlight.recording.recorder import SWITCH
from fanlight.recording.slots import files
from fanlight.recording.slots import slot as room
from fanlight.recording.slots.files import LEFT_S, clear_orphans, prepare
from fanlight.recording.slots.slot import Slot
from fanlight.wire import account, trail
from fanlight.wire import slots as layout


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory whose slots' directories stand in this test's own place."""
    (tmp_path / "memory").mkdir(0o700)
    (tmp_path / "run").mkdir(0o700)
    monkeypatch.setattr(layout, "SHARED_MEMORY", str(tmp_path / "memory"))
    monkeypatch.setattr(SWITCH, "whereabouts", lambda: ("shop", str(tmp_path / "run")))
    return tmp_path / "run"


def folders(runtime: Path) -> list[Path]:
    return [Path(folder) for folder in layout.folders(str(runtime), os.geteuid())]


def test_a_claimed_slot_is_a_whole_file_that_says_whose_it_is(runtime):
    made = Slot()
    made.claim("gunicorn", "sync", master=os.getppid())
    (name,) = [each.name for each in folders(runtime)[0].iterdir() if each.name != layout.HOME]
    assert layout.owner(name) == (os.getpid(), layout.process_start(os.getpid()))
    made.tell(layout.MAX_THREADS, 7)
    read = layout.parse(Path(made.path).read_bytes())
    assert read.texts == ("shop", "gunicorn", "sync")
    assert read.process == (os.getpid(), layout.process_start(os.getpid()))
    assert read.master == (os.getppid(), layout.process_start(os.getppid()))
    assert (read.known(layout.MAX_THREADS), read.known(layout.SPAWNED), read.busy) == (7, None, 0)


def test_a_second_claim_changes_nothing(runtime):
    made = Slot()
    made.claim("gunicorn")
    path = made.path
    made.claim("uvicorn")
    assert made.path == path
    assert layout.parse(Path(path).read_bytes()).texts[1] == "gunicorn"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of seven traces."""
    monkeypatch.setattr(SWITCH, "finished", 7)
    monkeypatch.setattr(SWITCH, "account", array("q", (7, 3, 0, 0, 0, 5)))


def left(made: Slot) -> layout.Read:
    return layout.parse(Path(made.path).read_bytes())


@pytest.mark.usefixtures("told")
def test_a_process_that_serves_nobody_leaves_the_account_of_its_traces(runtime):
    made = Slot()
    made.keep()
    SWITCH.account[account.FINISHED] = 8
    assert left(made).head[layout.ROLE] == layout.RECORDS
    assert left(made).texts == ("shop", "", "")
    assert left(made).head[layout.ACCOUNT] == (8, 3, 0, 0, 0, 5)
    assert not made.claimed


@pytest.mark.usefixtures("told")
def test_what_is_delivered_while_the_file_is_made_stands_in_it(runtime, monkeypatch):
    made, publish = Slot(), Slot.published

    def published(*arguments):
        SWITCH.account[account.SETTLED] = 7
        return publish(*arguments)

    # Stands for a flush on another thread.
    monkeypatch.setattr(Slot, "published", published)
    made.keep()
    assert left(made).head[layout.ACCOUNT] == (7, 7, 0, 0, 0, 5)


@pytest.mark.usefixtures("told")
def test_one_that_begins_to_serve_goes_on_with_its_account_in_the_same_file(runtime):
    made = Slot()
    made.keep()
    with Path(made.path).open("rb") as held:
        made.claim("waitress")
        made.tell(layout.MAX_THREADS, 4)
        SWITCH.account[account.FINISHED] = 9
        read = layout.parse(held.read())
    assert (read.head[layout.ROLE], read.texts) == (layout.WORKS, ("shop", "waitress", ""))
    assert (read.known(layout.MAX_THREADS), read.known(layout.SPAWNED)) == (4, None)
    assert read.head[layout.ACCOUNT] == (9, 3, 0, 0, 0, 5)


def test_a_worker_has_its_account_in_its_slot_and_no_other(runtime):
    made = Slot()
    made.claim("gunicorn")
    made.keep()
    assert left(made).texts[1] == "gunicorn"


def test_a_worker_that_will_be_killed_has_a_trail_behind_its_slot(runtime, monkeypatch):
    given: list[memoryview] = []
    monkeypatch.setattr(SWITCH, "whereabouts", lambda: ("shop", str(runtime), given.append))
    made = Slot()
    made.claim("uwsgi", killed=True)
    given[0][:4] = b"mark"
    data = Path(made.path).read_bytes()
    assert (len(data), data[layout.SIZE :][:4]) == (layout.SIZE + trail.SIZE, b"mark")
    assert layout.parse(data).texts[1] == "uwsgi"


def test_one_that_began_as_something_else_has_it_too(runtime, monkeypatch):
    given: list[memoryview] = []
    monkeypatch.setattr(SWITCH, "whereabouts", lambda: ("shop", str(runtime), given.append))
    made = Slot()
    made.keep()
    path = made.path
    made.claim("wsgiref", killed=True)
    assert (made.path, len(given[0])) == (path, trail.SIZE)


def test_without_room_for_a_trail_there_is_none(runtime, monkeypatch):
    given: list[memoryview] = []
    monkeypatch.setattr(SWITCH, "whereabouts", lambda: ("shop", str(runtime), given.append))
    monkeypatch.setattr(files.os, "pwrite", lambda _, data, __: len(data) // 2)
    made = Slot()
    made.claim("uwsgi", killed=True)
    assert (given, layout.parse(Path(made.path).read_bytes()).texts[1]) == ([], "uwsgi")


def test_where_there_never_was_a_collector_nothing_is_left(runtime):
    runtime.rmdir()
    made = Slot()
    made.keep()
    assert made.path == ""
    assert list((runtime.parent / "memory").iterdir()) == []


@pytest.mark.parametrize(("goes_on", "role"), [("claim", layout.WORKS), ("keep", layout.RECORDS)])
def test_a_file_of_the_process_that_c_code_forked_this_one_from_stays_as_it_is(runtime, goes_on, role):
    made = Slot()
    made.keep()
    kept = Path(made.path)
    # What such a child finds: its parent's number in its parent's memory.
    made.cells[layout.PID] = os.getppid()
    theirs = kept.rename(kept.with_name(layout.name(os.getppid(), 1)))
    before = theirs.read_bytes()
    if goes_on == "claim":
        made.claim("uwsgi")
    else:
        made.keep()
    assert theirs.read_bytes() == before
    assert left(made).head[layout.ROLE] == role


def test_without_shared_memory_the_slot_is_beside_the_socket(runtime):
    (runtime.parent / "memory").rmdir()
    made = Slot()
    made.claim("gunicorn")
    assert Path(made.path).parent == folders(runtime)[1]


def test_where_no_file_can_be_the_worker_goes_on_in_memory_of_its_own(runtime):
    (runtime.parent / "memory").rmdir()
    runtime.rmdir()
    made = Slot()
    made.claim("gunicorn")
    made.tell(layout.TOTAL, 3)
    assert (made.path, made.cells[layout.TOTAL]) == ("", 3)


def test_a_directory_that_others_can_enter_is_not_used(runtime):
    folders(runtime)[0].mkdir(0o755)
    made = Slot()
    made.claim("gunicorn")
    assert Path(made.path).parent == folders(runtime)[1]


def test_a_directory_that_goes_while_a_worker_comes_is_made_anew(runtime, monkeypatch):
    gone = []

    def prepared(folder: str, run: str) -> None:
        prepare(folder, run)
        if not gone:
            gone.append(folder)
            os.unlink(os.path.join(folder, layout.HOME))
            os.rmdir(folder)

    monkeypatch.setattr(room, "prepare", prepared)
    made = Slot()
    made.claim("gunicorn")
    assert [str(Path(made.path).parent)] == gone


def test_directories_that_were_left_are_cleared_and_those_in_use_stay(runtime, tmp_path):
    memory = tmp_path / "memory"
    kept, gone, old, alive = (memory / f"fanlight-{os.geteuid()}-{n:08x}" for n in range(4))
    for folder in (kept, gone, old, alive):
        folder.mkdir(0o700)
        (folder / layout.HOME).symlink_to(tmp_path / "nowhere" if folder is gone else runtime)
    (alive / layout.name(os.getpid(), layout.process_start(os.getpid()))).write_bytes(b"")
    (old / layout.name(2**22 - 1, 1)).write_bytes(b"")
    for folder in (old, alive):
        then = time.time() - LEFT_S - 60
        os.utime(folder, (then, then))
    clear_orphans(str(memory / f"fanlight-{os.geteuid()}-ffffffff"))
    assert [each.exists() for each in (kept, gone, old, alive)] == [True, False, False, True]


def test_in_other_memory_whoever_is_idle_has_the_low_places():
    made = Slot()
    taken = [made.free.pop() for _ in range(layout.BLOCK)]
    made.renew()
    # A reader looks no further than to the first block that nobody touched.
    made.free[-1].ended[()] = 1.0
    made.cells[0], made.cells[1] = layout.MAGIC, layout.VERSION
    assert layout.parse(bytes(made.cells)).ended == 1
    assert len({*taken, *made.free}) == layout.PLACES


@pytest.mark.parametrize("is_back", [True, False], ids=["comes back", "goes last"])
def test_where_threads_serve_while_a_worker_begins_all_that_they_tell_is_seen(runtime, is_back):
    made = Slot()
    serving = made.free.pop() if is_back else None

    class Places(list):
        """Those of a slot; while they are given other memory, other threads go on."""

        def __iter__(self):
            if serving is not None:
                made.free.append(serving)
            else:
                # The last one of a block, while those below it are taken, too.
                made.free.insert(0, made.free.pop(-layout.BLOCK))
            return super().__iter__()

    made.places = Places(made.places)
    made.claim("waitress")
    made.free[-1 if is_back else -layout.BLOCK].ended[()] = 1.0
    read = left(made)
    assert (read.ended, read.busy, read.spent_ns(0), read.oldest_start_ns) == (1, 0, 0, None)


def test_of_a_worker_that_begins_before_anybody_is_served_no_more_is_read_than_is_told(runtime):
    made = Slot()
    made.claim("waitress")
    assert len(left(made).places) == layout.BLOCK * layout.PLACE_WORDS
