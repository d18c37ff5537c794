"""The reader of slots: files that are none, directories that are not ours, totals that stay."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from written import write, write_word

from fanlight.wire import slots as layout
from matrix_slots import KILLED

NS = 1_000_000_000


def read(source):
    return source.read(time.monotonic_ns())


def kill(process):
    process.kill()
    process.wait()


def test_a_worker_is_told_as_long_as_its_process_lives(folder, sources, process):
    one = process()
    path = write(folder, one.pid, requests=5, TOTAL=3, MAX_THREADS=1)
    source = sources()
    (worker,) = read(source).workers
    assert (worker.service, worker.server, worker.kind, worker.slot) == ("shop", "gunicorn", "sync", 0)
    assert (worker.total, worker.capacity, worker.requests_count) == (3, 1, 5)
    kill(one)
    found = read(source)
    assert found.workers == ()
    assert [(each.requests_count, each.slot, each.restarts) for each in found.retired] == [
        (5, 0, {KILLED: 1})
    ]
    assert not path.exists()
    assert read(source) == found


@pytest.mark.parametrize("is_reaped", [True, False], ids=["reaped", "not reaped"])
@pytest.mark.parametrize(
    ("code", "state", "reason"),
    [
        ("import os, signal; input(); os.kill(os.getpid(), signal.SIGTERM)", "BOOTED", "SIGTERM"),
        ("input(); raise SystemExit(3)", "BOOTED", "exit_3"),
        ("input()", "BOOTED", "ended"),
        ("input(); raise SystemExit(3)", "ENDED_AT_LIMIT", "max_requests"),
    ],
)
def test_why_a_worker_went_is_what_it_said_or_how_it_ended(code, state, reason, is_reaped, folder, sources):
    if is_reaped and signal.SIGKILL.name != KILLED and state == "BOOTED":
        reason = "killed"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as one:
        write(folder, one.pid, STATE=getattr(layout, state))
        source = sources()
        assert len(read(source).workers) == 1
        one.stdin.write(b"\n")
        one.stdin.close()
        os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
        if is_reaped:
            one.wait()
        assert [each.restarts for each in read(source).retired] == [{reason: 1}]


def test_one_that_serves_nobody_is_a_worker_with_a_number_once_it_does(folder, sources, process):
    one, other = process(), process()
    path = write(folder, one.pid, ROLE=layout.RECORDS)
    write(folder, other.pid)
    source, told = sources(), []
    assert [each.slot for each in read(source).workers] == [0]
    write(folder, one.pid, ROLE=layout.WORKS, ACCOUNT=(9, 4, 0, 0, 0, 5))
    assert sorted(each.slot for each in read(source).workers) == [0, 1]
    assert layout.parse(path.read_bytes()).head[layout.SLOT] == 1
    source.account = lambda read, *_: told.append((read.texts[0], read.head[layout.ACCOUNT]))
    write(folder, one.pid, ROLE=layout.RECORDS, ACCOUNT=(9, 4, 0, 0, 0, 5))
    kill(one)
    assert (read(source).retired, told) == ((), [("shop", (9, 4, 0, 0, 0, 5))])


def test_what_a_process_has_left_of_its_account_is_told_once(folder, sources, process):
    path = write(folder, (one := process()).pid)
    with path.open("r+b") as file:
        file.seek(layout.ACCOUNT.start * layout.WORD)
        file.write(b"".join(word.to_bytes(layout.WORD, "little") for word in (9, 4, 2, 8, 0, 77)))
        file.seek(layout.SIZE)
        file.write(b"behind")
    source, told = sources(), []
    source.account = lambda gone, left, _: told.append((gone.texts[0], gone.head[layout.ACCOUNT], left))
    read(source)
    assert told == []
    kill(one)
    read(source)
    read(source)
    assert told == [("shop", (9, 4, 2, 8, 0, 77), b"behind")]
    sources().account = lambda *given: told.append(given)
    assert len(told) == 1


def test_a_successor_takes_the_number_and_a_reader_that_is_new_keeps_it(folder, sources, process):
    workers = [process() for _ in range(3)]
    for each in workers:
        write(folder, each.pid, requests=1)
    source = sources()
    numbers = {worker.pid: worker.slot for worker in read(source).workers}
    assert sorted(numbers.values()) == [0, 1, 2]
    kill(workers[1])
    read(source)
    successor = process()
    write(folder, successor.pid)
    numbers = {worker.pid: worker.slot for worker in read(source).workers}
    assert numbers[successor.pid] == 1
    again = sources()
    assert {worker.pid: worker.slot for worker in read(again).workers} == numbers
    assert sum(each.requests_count for each in read(again).retired) == 1


def test_the_total_is_what_the_master_tells_where_it_does(folder, sources, process):
    write(folder, process().pid, TOTAL=2)
    write(folder, os.getpid(), ROLE=layout.MINDS, TOTAL=4)
    found = read(sources())
    assert [worker.total for worker in found.workers] == [4]


def test_an_end_of_its_own_says_why_and_without_the_master_it_is_no_restart(folder, sources, process):
    limited, late, orphan, left = process(), process(), process(), process()
    write(folder, left.pid, MASTER_STARTED=7)
    write(folder, limited.pid, STATE=layout.ENDED_AT_LIMIT)
    write(folder, late.pid, STATE=layout.ENDED_LATE)
    write(folder, orphan.pid, MASTER=orphan.pid, MASTER_STARTED=layout.process_start(orphan.pid))
    source = sources()
    assert len(read(source).workers) == 4
    for each in (limited, late, orphan, left):
        kill(each)
    restarts = [item for each in read(source).retired for item in each.restarts.items()]
    assert sorted(restarts) == [("max_requests", 1), ("timeout", 1)]


def test_strange_files_are_ignored_and_counted_once(folder, sources, process):
    alive = process()
    good = write(folder, alive.pid)
    name = layout.name(os.getpid(), layout.process_start(os.getpid()))
    (folder / name).write_bytes(good.read_bytes()[:700])
    (folder / "note.txt").write_text("mine")
    other = process()
    (folder / layout.name(other.pid, layout.process_start(other.pid))).symlink_to(good)
    write(folder, 1 << 40)  # no process has such a number, nor can one be asked about
    source = sources()
    for _ in range(3):
        assert [worker.pid for worker in read(source).workers] == [alive.pid]
    assert source.ignored == {"torn": 1, "name": 2, "unreadable": 1}
    assert (folder / "note.txt").read_text() == "mine"


def test_a_file_of_another_namespace_of_processes_is_left_alone(folder, sources, process):
    path = write(folder, process().pid, NAMESPACE=1)
    source = sources()
    assert read(source).workers == ()
    assert source.ignored == {"namespace": 1}
    assert path.exists()


def test_a_file_that_is_cut_while_it_is_read_costs_that_worker_alone(folder, sources, process):
    one, two = process(), process()
    path = write(folder, one.pid)
    write(folder, two.pid)
    source = sources()
    assert len(read(source).workers) == 2
    os.truncate(path, 100)
    assert [worker.pid for worker in read(source).workers] == [two.pid]
    assert source.ignored == {"torn": 1}


def test_a_directory_that_others_can_enter_is_not_read(folder, sources, process):
    write(folder, process().pid)
    folder.chmod(0o755)
    source = sources()
    assert read(source).workers == ()
    assert source.ignored == {"directory": 1}
    folder.chmod(0o700)
    assert len(read(source).workers) == 1


def test_a_directory_of_the_dead_is_cleared_and_what_they_left_is_kept(folder, sources, process):
    dead = [process() for _ in range(5)]
    for each in dead:
        write(folder, each.pid, requests=2)
    (folder / ("." + layout.name(dead[0].pid, layout.process_start(dead[0].pid)))).write_bytes(b"half")
    for each in dead:
        kill(each)
    found = read(sources())
    assert sum(each.requests_count for each in found.retired) == 10
    assert [path.name for path in folder.iterdir()] == ["totals.json"]


def test_whoever_leaves_takes_away_what_nobody_needs(folder, sources, process):
    """Two processes, one the other's master: the directory goes with the last of them."""
    master, worker = process(), process()
    started = layout.process_start(master.pid)
    write(folder, worker.pid, requests=3, MASTER=master.pid, MASTER_STARTED=started)
    (folder / layout.HOME).symlink_to(folder.parent)
    source = sources()
    assert len(read(source).workers) == 1
    source.close()
    assert folder.exists(), "a worker lives"
    source = sources()
    kill(worker)
    assert len(read(source).retired) == 1
    source.close()
    assert folder.exists(), "its master lives, whose totals they are"
    kill(master)
    sources().close()
    assert not folder.exists()
    sources().close()


def test_a_directory_with_something_strange_in_it_stays(folder, sources):
    (folder / "letter").write_text("mine")
    sources().close()
    assert (folder / "letter").exists()


def test_what_was_added_up_and_not_taken_away_does_not_count_twice(folder, sources, process):
    one = process()
    path = write(folder, one.pid, requests=3)
    content = path.read_bytes()
    source = sources()
    read(source)
    kill(one)
    read(source)
    # As if the reader had ended between the two steps.
    told = json.loads((folder / "totals.json").read_text())
    (folder / "totals.json").write_text(json.dumps({**told, "done": [str(path)]}))
    path.write_bytes(content)
    found = read(sources())
    assert sum(each.requests_count for each in found.retired) == 3
    assert not path.exists()


def test_totals_that_cannot_be_read_are_counted_and_begun_anew(folder, sources):
    (folder / "totals.json").write_text("{")
    source = sources()
    assert read(source).retired == ()
    assert source.ignored == {"torn": 1}


def test_no_more_files_are_read_than_allowed(folder, sources, process):
    for _ in range(3):
        write(folder, process().pid)
    source = sources(2)
    assert len(read(source).workers) == 2
    assert source.ignored == {"too_many": 1}


def test_a_stopped_worker_is_stalled_until_it_goes_on(folder, sources, process):
    one = process()
    write(folder, one.pid)
    source = sources()
    assert [worker.stalled for worker in read(source).workers] == [False]
    os.kill(one.pid, 19)
    start_s = time.monotonic()
    while not read(source).workers[0].stalled:
        assert time.monotonic() - start_s < 60
    os.kill(one.pid, 18)
    while read(source).workers[0].stalled:
        assert time.monotonic() - start_s < 60


def test_what_is_told_of_a_stopped_worker_is_as_it_is_however_short_the_last_look_was_ago(
    folder, sources, process
):
    one = process()
    write(folder, one.pid)
    source, now_ns = sources(), time.monotonic_ns()
    source.read(now_ns)
    for number, state, is_stalled in ((19, "T", True), (18, "S", False)):
        os.kill(one.pid, number)
        start_s = time.monotonic()
        while layout.process_state(one.pid)[0] != state:
            assert time.monotonic() - start_s < 60
        now_ns += 1
        assert source.read(now_ns).workers[0].stalled is is_stalled


def test_a_worker_that_does_nothing_is_answered_as_the_same_object(folder, sources, process):
    path = write(folder, process().pid, requests=3)
    source = sources()
    before = source.read(NS)
    assert source.read(2 * NS).workers == before.workers
    settled = source.read(3 * NS)
    assert source.read(3 * NS + 1) is settled
    write_word(path, layout.HEAD_WORDS, 3.0, "d")
    busy = source.read(4 * NS).workers
    assert (busy[0].busy, busy[0].busy_ns, busy[0].stamp_ns) == (1, NS, 4 * NS)
    # It goes on with the same work: not a byte of it changes, and the time does.
    assert source.read(6 * NS).workers[0].busy_ns == 3 * NS


def test_between_whole_reads_whatever_a_worker_does_or_comes_to_is_seen(folder, sources, process):
    one, other = process(), process()
    path = write(folder, one.pid)
    source = sources()
    now_ns = time.monotonic_ns()
    before = source.read(now_ns)
    assert source.read(now_ns + 1, whole=False) is source.read(now_ns + 2, whole=False) is before
    write_word(path, layout.HEAD_WORDS + layout.PLACE_WORDS, now_ns / 1e9, "d")
    assert [each.busy for each in source.read(now_ns + 3, whole=False).workers] == [1]
    write_word(path, layout.HEAD_WORDS + layout.PLACE_WORDS, 0)
    assert [each.busy for each in source.read(now_ns + 4, whole=False).workers] == [0]
    write(folder, other.pid)
    # Who comes is seen within a second, and with the next change.
    assert len(source.read(now_ns + 5, whole=False).workers) == 1
    assert len(source.read(now_ns + NS, whole=False).workers) == 2
    kill(one)
    assert [each.pid for each in source.read(now_ns + NS + 1, whole=False).workers] == [other.pid]


def test_of_two_workers_with_one_number_one_gets_another(folder, sources, process):
    for _ in range(2):
        write(folder, process().pid, SLOT=0)
    source = sources()
    assert sorted(each.slot for each in source.read(NS).workers) == [0, 1]
    # And the next reader knows them by the same.
    before = {each.pid: each.slot for each in source.read(NS).workers}
    assert {each.pid: each.slot for each in sources().read(NS).workers} == before


def test_what_a_master_tells_is_read_with_the_next_whole_read(folder, sources, process):
    one = process()
    path = write(folder, os.getpid(), ROLE=layout.MINDS, TOTAL=4)
    write(folder, one.pid)
    source = sources()
    assert [each.total for each in source.read(NS).workers] == [4]
    write_word(path, layout.TOTAL, 5)
    assert [each.total for each in source.read(NS + 1).workers] == [5]


def test_a_new_file_is_seen_at_the_next_look(folder, sources, process):
    source = sources()
    for count in range(1, 4):
        write(folder, process().pid)
        # Whatever anybody makes of the directory's times.
        os.utime(folder, ns=(NS, NS))
        assert len(source.read(NS + 2 * count).workers) == count
        assert len(source.read(NS + 2 * count + 1).workers) == count


def test_a_directory_that_is_made_anew_is_found_within_a_second(folder, sources, process):
    source = sources()
    one, other = process(), process()
    write(folder, one.pid)
    assert [each.pid for each in source.read(NS).workers] == [one.pid]
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir(0o700)
    write(folder, other.pid)
    assert [each.pid for each in source.read(2 * NS).workers] == [one.pid, other.pid]
