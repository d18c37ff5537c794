"""`fanlight import`: what it says, and that one query asks files and traces afterwards."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest

from fanlight.cli import main


@pytest.fixture
def run(asked_store, capsys):
    """Answer what a command writes to stdout and to stderr."""

    def run(command, *arguments, code=0):
        assert main([command, "--data", asked_store, *map(str, arguments)]) == code
        said = capsys.readouterr()
        return said.out, said.err

    return run


def stamp(ago_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago_s))


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.jsonl"
    lines = [
        {"time": stamp(60 * number), "level": "error", "message": f"wrong {number}"} for number in range(9)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    return path


def test_a_file_is_kept_once_and_the_table_says_so(log, run):
    out, told = run("import", log)
    assert out.splitlines()[0].split() == ["FILE", "FORMAT", "NEW", "EVENTS", "KEPT", "LINES", "UNREADABLE"]
    assert out.splitlines()[1].split() == [str(log), "json", "9", "9", "9", "0"]
    assert told == ""
    assert json.loads(run("import", "--json", log)[0]) == [
        {
            "file": str(log),
            "format": "json",
            "new": 0,
            "kept": 9,
            "lines": 9,
            "unreadable": 0,
            "left_bytes": 0,
            "broken": None,
        }
    ]


def test_one_query_asks_files_and_traces(log, run):
    run("import", log)
    assert run("query", "--count", "level:error")[0] == "9\n"
    assert run("query", "wrong 4", "--limit", "1")[0].startswith('{"time": ')
    out = run("query", "message:wrong OR duration:<=3ms", "-F", "message,duration", "--format", "csv")[0]
    header, *rows = out.splitlines()
    assert header == "message,duration"
    assert sorted(rows) == [",1ms", ",2ms", ",3ms", *(f"wrong {number}," for number in range(9))]


def test_packed_files_and_several_at_once(log, run, tmp_path):
    packed = tmp_path / "old.log.gz"
    line = '10.0.0.1 - - [31/Jan/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 17\n'
    packed.write_bytes(gzip.compress((line * 20 + "bad\n").encode()))
    rows = json.loads(run("import", "--json", log, packed)[0])
    assert [(row["new"], row["unreadable"]) for row in rows] == [(9, 0), (21, 1)]
    assert run("query", "status:200 client:10.0.0.1", "--last", "400d", "-F", "bytes")[0] == "17\n" * 20


def test_a_last_line_without_an_end_is_told(log, run):
    with log.open("a") as file:
        file.write('{"level": "er')
    told = run("import", log)[1]
    assert told == f"fanlight: {log}: its last line has no end yet and is left for the next time\n"


def test_a_packed_file_that_is_cut_off_is_told(run, tmp_path):
    path = tmp_path / "app.log.gz"
    lines = "".join(f"{stamp(9000 - number)} ERROR it broke {number * 7919}\n" for number in range(5000))
    packed = gzip.compress(lines.encode())
    path.write_bytes(packed[: len(packed) // 2])
    out, told = run("import", path)
    assert 0 < int(out.splitlines()[1].split()[2]) < 5000
    assert told.startswith(f"fanlight: {path}: what is compressed there is cut off behind ")
    assert told.endswith(" bytes of text; these were read; import it again when it is whole\n")
    path.write_bytes(packed)
    assert run("import", path)[1] == ""
    assert run("query", "--count", "broke last:1d")[0] == "5000\n"


def test_readings_add_to_traces_and_the_answer_says_so(run, tmp_path):
    path = tmp_path / "telemetry.jsonl"
    readings = [
        {"time": stamp(60 * number), "service": "shop", "host": "web-1", "queue.backlog": number}
        for number in range(0, 20, 1)
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in reversed(readings)))
    run("import", "--metrics", path)
    out, told = run("query", "exists(trace) queue.backlog:16..18 last:1h", "-F", "duration,queue.backlog")
    assert out == "18ms  18\n16ms  16\n"
    assert "queue.backlog was looked up in the events nearest in time: 10 found" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [("none.log", "No such file"), (os.curdir, "is no file"), ("-", "No such file")],
)
def test_what_cannot_be_imported_is_refused(name, told, run, tmp_path):
    assert told in run("import", tmp_path / name, code=1)[1]


def test_a_bar_shows_how_far_a_long_import_is(asked_store, tmp_path, read_terminal):
    path = tmp_path / "long.log"
    path.write_text("".join(f"a line {number}\n" for number in range(60_000)))
    screen, theirs = pty.openpty()
    command = [sys.executable, "-P", "-m", "fanlight", "import", "--data", asked_store, str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = read_terminal(screen)
    assert process.returncode == 0, shown
    assert re.search(rb"long\.log  \[#+ *\] +\d+%  [\d,]+ events", shown), shown
    assert shown.endswith(b"\r\x1b[K"), "it goes when the file is done"


@pytest.mark.parametrize(
    "query",
    [
        "level:error last:1d",
        "wrong last:1d | stats count, max(n), p95(n), distinct(user) by user",
        "n:>2 last:1d | timechart 5m avg(n) by level",
        "NOT user=ann level:error last:1d | sort -n | head 3 | fields n, user",
        "last:1d level:error | top 2 user by sum(n)",
        "last:1d level:error | uniq user | tail 2 | fields user",
    ],
)
def test_a_file_and_what_was_imported_of_it_give_the_same_answer(query, run, tmp_path, capsys):
    path = tmp_path / "app.jsonl"
    lines = [
        {"time": stamp(60 * number), "level": "error", "message": f"wrong {number}", "n": number * 1.5}
        | ({"user": ["ann", "größe", "bob"][number % 3]} if number % 4 else {})
        for number in range(30, 0, -1)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run("import", path)
    for name in ("csv", "jsonl"):
        assert main(["query", "--format", name, query, str(path)]) == 0
        of_file = capsys.readouterr().out
        assert of_file.count("\n") > 1
        assert run("query", "--format", name, query)[0] == of_file
